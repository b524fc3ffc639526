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
            Exits with 2 when anything is damaged or not signed as demanded, 3 when something is missing.

              adapterctl verify team/support:v1 ./other.adpt
              adapterctl verify team/support:v1 --signed-by release
              adapterctl verify --all
            """)

    @Argument(help: "Stored adapters, .adpt files or PEFT folders.")
    var subjects: [String] = []

    @Flag(help: "Everything in the registry: all blobs, names and the database itself.")
    var all = false

    @OptionGroup var signatures: SignatureArguments
    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard all != !subjects.isEmpty else {
            throw ValidationError("Name what to verify, or use --all.")
        }
        guard !all || signatures.signers.isEmpty else {
            throw ValidationError("--signed-by goes with named adapters, not with --all.")
        }
    }

    func run() throws {
        if all { return try verifyRegistry() }
        let policy = try signatures.policy()
        try report(try subjects.map { try verify($0, policy) })
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

    private func verify(_ text: String, _ policy: SignaturePolicy) throws -> VerificationResult {
        do {
            switch try Subject(parsing: text) {
            case .reference(let reference):
                let registry = try options.openRegistry(.readOnly)
                let stored = try registry.resolve(reference)
                if let finding = try registry.verify(stored.pinned).first {
                    return VerificationResult(
                        subject: text, digest: stored.digest, fault: finding.message, code: finding.kind.rawValue)
                }
                return try result(text, registry.open(stored), stored.digest, policy)
            case .path(let path) where Directory.kind(of: path) == .directory:
                try policy.refuseFolder(path)
                // A foreign folder has no digests; what can be checked is that all of it can be read.
                let loaded = try LoadedAdapter(.path(path), label: text, options: options)
                for module in loaded.adapter.modules {
                    for tensor in module.tensors { _ = try tensor.tensor.bytes() }
                }
                return VerificationResult(subject: text, digest: nil)
            case .path(let path):
                let file = try AdapterFile(opening: path, limits: options.limits)
                return try result(text, file, file.verify(), policy)
            }
        } catch let error as SignatureError {
            return VerificationResult(
                subject: text, digest: nil, fault: error.message, code: error.code.description, isRefused: true)
        } catch  where Failure.exitCode(of: error) == Failure.damaged {
            return VerificationResult(
                subject: text, digest: nil, fault: Failure.message(of: error),
                code: (error as? FormatError)?.code.description)
        }
    }

    /// The result for an intact file: whether those have signed it who should.
    private func result(
        _ text: String, _ file: AdapterFile, _ digest: Digest, _ policy: SignaturePolicy
    ) throws -> VerificationResult {
        var result = VerificationResult(subject: text, digest: digest)
        do {
            result.signedBy = try policy.check(file.contentRoot, signedBy: file.signatures())
        } catch let error as SignatureError {
            result.fault = error.message
            result.code = error.code.description
            result.isRefused = true
        }
        return result
    }

    private func report(_ results: [VerificationResult]) throws {
        let refused = results.filter(\.isRefused)
        let damaged = results.filter { $0.fault != nil && !$0.isRefused }
        let intact = results.count - damaged.count - refused.count
        let lines = results.map { result in
            let state = result.fault == nil ? "ok      " : result.isRefused ? "REFUSED " : "DAMAGED "
            let signers = result.signedBy.isEmpty ? nil : "signed by " + result.signedBy.joined(separator: ", ")
            return state
                + Format.printable(
                    [result.subject, result.fault ?? result.digest?.description ?? "(no digests)", signers]
                        .compactMap { $0 }.joined(separator: "  "))
        }
        let summary =
            "\(intact) intact, \(damaged.count) damaged"
            + (refused.isEmpty ? "" : ", \(refused.count) not signed as demanded")
        try options.console.answer(
            [
                "intact": MetadataValue(intact), "damaged": MetadataValue(damaged.count),
                "refused": MetadataValue(refused.count),
                "results": .array(
                    results.map { result in
                        [
                            "subject": .string(result.subject), "digest": MetadataValue(result.digest?.description),
                            "fault": MetadataValue(result.fault), "code": MetadataValue(result.code),
                            "signedBy": .array(result.signedBy.map { .string($0) }),
                        ]
                    }),
            ], identifiers: (damaged + refused).map(\.subject),
            text: (lines + [summary]).joined(separator: "\n"))
        try fail(if: intact < results.count)
    }
}

/// What verifying one thing found.
struct VerificationResult {
    let subject: String
    let digest: Digest?
    /// What is wrong, as a sentence; nil when nothing is.
    var fault: String?
    /// The stable name of the fault.
    var code: String?
    /// Whether the adapter is intact and not signed as demanded.
    var isRefused = false
    /// The keys that were demanded and have signed.
    var signedBy: [String] = []
}
