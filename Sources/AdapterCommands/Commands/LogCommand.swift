internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import Integrity

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Show or check the audit log: who changed what when, newest first.",
        discussion: """
            Each entry is chained to the one before by a hash. --verify recomputes the chain, compares it with the tags, \
            and prints the head; note the head elsewhere, and --expect finds even a log that was rewritten as a whole.

              adapterctl log
              adapterctl log team/support:production --limit 20
              adapterctl log --verify --expect 1204:sha256:…
            """)

    @Argument(help: "NAME for one repository, or NAME:TAG.")
    var name: String?

    @Option(help: "At most this many.")
    var limit = 50

    @Option(help: ArgumentHelp("Go on after this entry of the log, the last of the page before.", valueName: "entry"))
    var after: Int?

    @Flag(help: "Recompute the chain and compare the tags with it.")
    var verify = false

    @Option(help: ArgumentHelp("With --verify: an entry that was noted earlier.", valueName: "number:digest"))
    var expect: String?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be at least 1.") }
        guard verify || expect == nil else { throw ValidationError("--expect goes with --verify.") }
        guard !verify || name == nil else { throw ValidationError("--verify checks the whole log; name nothing.") }
    }

    func run() throws {
        let registry = try options.openRegistry(.readOnly)
        if verify { return try check(registry) }
        let reference = try name.map { try Reference(parsing: $0) }
        let hasTag = name?.split(separator: "/").last?.contains(":") ?? false
        let entries = try registry.log(
            reference?.repository, tag: hasTag ? reference?.tag : nil, after: after, limit: limit)
        var table = TextTable(
            ["ENTRY", "TIME (UTC)", "ACTOR", "ACTION", "SUBJECT", "FROM", "TO", "MESSAGE"], rightAligned: [0],
            fixed: [1, 5, 6],
            faint: [5, 6], dispensable: [5, 2, 6, 0])
        for entry in entries {
            table.add([
                "\(entry.id)", Format.time(entry.date), entry.actor, entry.action,
                [entry.repository, entry.tag].compactMap(\.self).joined(separator: ":"),
                entry.oldDigest?.abbreviated ?? "–", entry.newDigest?.abbreviated ?? "–",
                Format.shortened(entry.message ?? ""),
            ])
        }
        try options.console.answer(
            .array(entries.map(document)), identifiers: entries.map { "\($0.id)" }, text: table.text)
    }

    private func document(_ entry: AuditEntry) -> MetadataValue {
        [
            "entry": MetadataValue(entry.id), "at": .string(entry.date.description), "actor": .string(entry.actor),
            "action": .string(entry.action), "repository": MetadataValue(entry.repository),
            "tag": MetadataValue(entry.tag), "from": MetadataValue(entry.oldDigest?.description),
            "to": MetadataValue(entry.newDigest?.description),
            "generation": entry.generation.map { MetadataValue($0) } ?? .null,
            "message": MetadataValue(entry.message), "details": .map(entry.details),
            "hash": .string(entry.hash.description),
        ]
    }

    private func check(_ registry: Registry) throws {
        let expected = try expect.map { text in
            guard let head = AuditHead(parsing: text) else {
                throw ValidationError("--expect must be NUMBER:sha256:DIGEST, as 'log --verify' prints it.")
            }
            return head
        }
        let found = try registry.verifyLog(expecting: expected)
        let head = found.head?.description
        let lines = found.faults.map { Style.bad.applied(to: "DAMAGED") + "  \(Format.printable($0))\n" }.joined()
        try options.console.answer(
            [
                "entries": MetadataValue(found.entryCount), "head": MetadataValue(head),
                "faults": .array(found.faults.map { .string($0) }),
            ], identifiers: head.map { [$0] } ?? [],
            text: lines + "\(found.entryCount) entries, \(found.faults.count) faults"
                + (head.map { "\nhead \($0)" } ?? ""))
        try Failure.endDamaged(if: !found.faults.isEmpty)
    }
}
