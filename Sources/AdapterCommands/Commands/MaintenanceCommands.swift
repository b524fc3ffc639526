internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import FileSystem
internal import Integrity

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsck",
        abstract: "Check the whole registry in both directions, and repair it.",
        discussion: """
            Every row against the files, every file against the rows, the indexes and the audit log. Exits with 2 when \
            damage is left. --repair loses nothing: it takes missing and damaged files from other registries or backups, \
            writes rows anew from their files, and builds indexes anew.

              adapterctl fsck
              adapterctl fsck --repair --from /backups/monday
            """)

    @Flag(help: "Put right what can be put right.")
    var repair = false

    @Option(help: ArgumentHelp("A registry or backup to take files from; may be repeated.", valueName: "dir"))
    var from: [String] = []

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard repair || from.isEmpty else { throw ValidationError("--from goes with --repair.") }
    }

    func run() throws {
        let registry = try options.openRegistry(repair ? .readWrite : .readOnly)
        let drawing = options.console.progress("Checking")
        let report =
            repair
            ? try registry.repair(from: from) { drawing.count($0, of: $1) }
            : RepairReport(findings: try registry.check { drawing.count($0, of: $1) })
        drawing.finish()
        let damage = report.findings.filter(\.isDamage)
        let lines =
            report.repairs.map { Style.good.applied(to: "REPAIRED ") + "  \($0)" }
            + report.findings.map { finding in
                (finding.isDamage ? Style.bad.applied(to: "DAMAGED  ") : Style.notable.applied(to: "LEFT OVER"))
                    + "  \(Format.printable(finding.message))"
            }
            + [
                "\(report.repairs.count) repaired, \(damage.count) damaged, \(report.findings.count - damage.count) left over"
            ]
        try options.console.answer(
            [
                "repairs": .array(report.repairs.map { .string($0) }), "damaged": MetadataValue(damage.count),
                "findings": .array(report.findings.map(\.document)),
            ], identifiers: damage.compactMap(\.digest?.description), text: lines.joined(separator: "\n"))
        try Failure.endDamaged(if: !damage.isEmpty)
    }
}

extension Finding {
    var document: MetadataValue {
        [
            "kind": .string(kind.rawValue), "digest": MetadataValue(digest?.description), "isDamage": .bool(isDamage),
            "references": .array(references.map { .string($0.description) }), "message": .string(message),
        ]
    }
}

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the registry to a folder while it is in use.",
        discussion: """
            The folder is a registry itself: --registry FOLDER uses it, and copying it back restores it. Stored files are \
            linked where the file system permits, so that a backup on the same disk takes hardly any space; a backup \
            against the loss of the disk belongs on another one.

              adapterctl backup /backups/monday --verify
              adapterctl verify --all --registry /backups/monday
            """)

    @Argument(help: "The folder to make.")
    var path: String

    @Flag(help: "Read every byte of the backup afterwards.")
    var verify = false

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let registry = try openedForWriting()
        let drawing = options.console.progress("Copying")
        let report = try registry.backUp(to: path) { drawing.count($0, of: $1) }
        drawing.finish()
        let checking = options.console.progress("Verifying")
        let findings =
            verify
            ? try Registry(opening: path, mode: .readOnly, limits: options.limits).check { checking.count($0, of: $1) }
            : []
        checking.finish()
        let damage = findings.filter(\.isDamage)
        let lines =
            report.missing.map { Style.bad.applied(to: "MISSING") + "  \($0): the registry lacks this file" }
            + damage.map { Style.bad.applied(to: "DAMAGED") + "  \(Format.printable($0.message))" }
            + [
                "\(report.fileCount) files, \(Format.bytes(report.byteCount)) in \(report.path)"
                    + (verify && damage.isEmpty ? ", verified" : "")
            ]
        try options.console.answer(
            [
                "path": .string(report.path), "files": MetadataValue(report.fileCount),
                "byteCount": MetadataValue(report.byteCount),
                "missing": .array(report.missing.map { .string($0.description) }), "verified": .bool(verify),
                "findings": .array(findings.map(\.document)),
            ], identifiers: [report.path], text: lines.joined(separator: "\n"))
        try Failure.endDamaged(if: !report.missing.isEmpty || !damage.isEmpty)
    }
}

extension BackupCommand {
    /// For writing, so that no collection runs meanwhile; a registry that cannot be written has none.
    private func openedForWriting() throws -> Registry {
        do {
            return try options.openRegistry(.readWrite)
        } catch let error as RegistryError where error.code == .readOnly {
            return try options.openRegistry(.readOnly)
        }
    }
}

struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Say how much the registry holds.",
        discussion: "  adapterctl stats --json")

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let registry = try options.openRegistry(.readOnly)
        let found = try registry.statistics()
        let lines = [
            "names         \(found.repositoryCount)", "tags          \(found.tagCount)",
            "versions      \(found.versionCount)",
            "adapters      \(found.adapterCount) different ones in \(found.fileCount) files",
            "stored        \(Format.bytes(found.byteCount)) for \(Format.bytes(found.tensorByteCount)) of tensors; "
                + "\(Format.bytes(found.unsharedByteCount)) if no file were shared",
            "unused        \(found.unusedFileCount) files, \(Format.bytes(found.unusedByteCount)); see 'gc'",
            "documents     \(found.documentCount)", "audit log     \(found.auditEntryCount) entries",
            "catalog       \(Format.bytes(found.catalogByteCount))",
        ]
        try options.console.answer(
            [
                "directory": .string(registry.directory), "repositoryCount": MetadataValue(found.repositoryCount),
                "tagCount": MetadataValue(found.tagCount), "versionCount": MetadataValue(found.versionCount),
                "fileCount": MetadataValue(found.fileCount), "adapterCount": MetadataValue(found.adapterCount),
                "byteCount": MetadataValue(found.byteCount), "tensorByteCount": MetadataValue(found.tensorByteCount),
                "unsharedByteCount": MetadataValue(found.unsharedByteCount),
                "unusedFileCount": MetadataValue(found.unusedFileCount),
                "unusedByteCount": MetadataValue(found.unusedByteCount),
                "documentCount": MetadataValue(found.documentCount),
                "auditEntryCount": MetadataValue(found.auditEntryCount),
                "catalogByteCount": MetadataValue(found.catalogByteCount),
            ], identifiers: [registry.directory], text: lines.joined(separator: "\n"))
    }
}
