internal import AdapterFormat
internal import AdapterRegistry
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import FileSystem
internal import Integrity
internal import Tensors

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Recompute every hash of adapters, from the bytes on disk.",
        discussion: """
            Exits with 2 when anything is damaged, 3 when something is missing.

              adapterctl verify team/support:v1 ./other.adpt
              adapterctl verify --all
            """)

    @Argument(help: "Stored adapters, .adpt files or PEFT folders.")
    var subjects: [String] = []

    @Flag(help: "Everything in the registry: all blobs, names and the database itself.")
    var all = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard all != !subjects.isEmpty else {
            throw ValidationError("Name what to verify, or use --all.")
        }
    }

    func run() throws {
        if all { return try verifyRegistry() }
        try report(try subjects.map(verify))
    }

    private func verifyRegistry() throws {
        let registry = try options.openRegistry(.readOnly)
        let drawing = options.console.progress("Verifying", totalByteCount: 0)
        var fileCount = 0
        let findings = try registry.verifyAll { verified, total in
            fileCount = total
            drawing.count(verified, of: total)
        }
        drawing.finish()
        let lines = findings.map { "DAMAGED  " + Format.printable($0.message) + "\n" }
        try options.console.answer(
            [
                "verified": MetadataValue(fileCount), "damaged": MetadataValue(findings.count),
                "findings": .array(
                    findings.map { finding in
                        [
                            "kind": .string(finding.kind.rawValue),
                            "digest": MetadataValue(finding.digest?.description),
                            "references": .array(finding.references.map { .string($0.description) }),
                            "message": .string(finding.message),
                        ]
                    }),
            ], identifiers: findings.compactMap(\.digest?.description),
            text: lines.joined() + "\(fileCount) stored files verified, \(findings.count) findings")
        try fail(if: !findings.isEmpty)
    }

    private func fail(if isDamaged: Bool) throws {
        guard isDamaged else { return }
        try StandardOutput.flush()
        throw ExitCode(Failure.damaged)
    }

    private func verify(_ text: String) throws -> VerificationResult {
        do {
            switch try Subject(parsing: text) {
            case .reference(let reference):
                let registry = try options.openRegistry(.readOnly)
                let stored = try registry.resolve(reference)
                let findings = try registry.verify(reference)
                return VerificationResult(
                    subject: text, digest: stored.digest, fault: findings.first?.message)
            case .path(let path) where Directory.kind(of: path) == .directory:
                // A foreign folder has no digests; what can be checked is that all of it can be read.
                let loaded = try LoadedAdapter(.path(path), label: text, options: options)
                for module in loaded.adapter.modules {
                    for tensor in module.tensors { _ = try tensor.tensor.bytes() }
                }
                return VerificationResult(subject: text, digest: nil, fault: nil)
            case .path(let path):
                let file = try AdapterFile(opening: path, limits: options.limits)
                return VerificationResult(subject: text, digest: try file.verify(), fault: nil)
            }
        } catch  where Failure.exitCode(of: error) == Failure.damaged {
            return VerificationResult(subject: text, digest: nil, fault: Failure.message(of: error))
        }
    }

    private func report(_ results: [VerificationResult]) throws {
        let damaged = results.filter { $0.fault != nil }
        let lines = results.map { result in
            let state = result.fault == nil ? "ok      " : "DAMAGED "
            return state
                + Format.printable(
                    [result.subject, result.fault ?? result.digest?.description ?? "(no digests)"]
                        .joined(separator: "  "))
        }
        let summary = "\(results.count - damaged.count) intact, \(damaged.count) damaged"
        try options.console.answer(
            [
                "intact": MetadataValue(results.count - damaged.count), "damaged": MetadataValue(damaged.count),
                "results": .array(
                    results.map { result in
                        [
                            "subject": .string(result.subject), "digest": MetadataValue(result.digest?.description),
                            "fault": MetadataValue(result.fault),
                        ]
                    }),
            ], identifiers: damaged.map(\.subject),
            text: (lines + [summary]).joined(separator: "\n"))
        try fail(if: !damaged.isEmpty)
    }
}

/// What verifying one thing found.
struct VerificationResult {
    let subject: String
    let digest: Digest?
    let fault: String?
}
