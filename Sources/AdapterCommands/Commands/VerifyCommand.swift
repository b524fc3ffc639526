internal import AdapterFormat
internal import AdapterRegistry
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import Integrity
internal import Tensors

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Recompute every hash of adapters, from the bytes on disk.",
        discussion: """
            Exits with 2 when anything is damaged, not signed as demanded or not as locked, missing adapters among it, 3 when \
            what is named is not there.

              adapterctl verify team/support:v1 ./other.adpt
              adapterctl verify team/support:v1 --signed-by release
              adapterctl verify --all
              adapterctl verify --lock adapters.lock --format junit > report.xml
            """)

    @Argument(help: "Stored adapters, .adpt files, or what other tools wrote.")
    var subjects: [String] = []

    @Flag(help: "Everything in the registry: all blobs, names, the audit log and the database itself.")
    var all = false

    @Option(
        help: ArgumentHelp(
            "Everything that this lock file lists, and that nothing else has its names.", valueName: "file"))
    var lock: String?

    @Option(help: "How results are printed: text, json, junit (XML) or github (workflow annotations).")
    var format: VerificationReport.Format = .text

    @OptionGroup var signatures: SignatureArguments
    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard [all, lock != nil, !subjects.isEmpty].filter(\.self).count == 1 else {
            throw ValidationError("Name what to verify, or use --all or --lock.")
        }
        guard !all || signatures.signers.isEmpty else {
            throw ValidationError("--signed-by goes with named adapters or a lock, not with --all.")
        }
    }

    func run() throws {
        if all { return try verifyRegistry() }
        if let lock { return try verify(lockFile: lock) }
        let policy = try signatures.policy()
        try report(VerificationReport(results: try subjects.map { try verify($0, policy) }))
    }

    private func report(_ report: VerificationReport) throws {
        switch format {
        case .text, .json:
            // --json is --format json.
            var console = options.console
            if format == .json { console = console.asJSON }
            try console.answer(report.document, identifiers: report.failed.map(\.subject), text: report.text)
        case .junit: try StandardOutput.write(report.junit)
        case .github: try StandardOutput.write(report.annotations)
        }
        try Failure.endDamaged(if: !report.failed.isEmpty)
    }

    private func verifyRegistry() throws {
        let registry = try options.openRegistry(.readOnly)
        let drawing = options.console.progress("Verifying")
        var fileCount = 0
        let findings = try registry.verifyAll { verified, total in
            fileCount = total
            drawing.count(verified, of: total)
        }
        drawing.finish()
        guard format == .text || format == .json else {
            let failed = findings.map { finding in
                VerificationResult(
                    subject: finding.references.first?.description ?? finding.digest?.description ?? "catalog",
                    digest: finding.digest, fault: finding.message, code: finding.kind.rawValue)
            }
            let intact = VerificationResult(subject: "\(fileCount) stored files", digest: nil)
            return try report(VerificationReport(results: failed.isEmpty ? [intact] : failed))
        }
        let lines = findings.map { Style.bad.applied(to: "DAMAGED") + "  \(Format.printable($0.message))\n" }
        try (format == .json ? options.console.asJSON : options.console).answer(
            [
                "verified": MetadataValue(fileCount), "damaged": MetadataValue(findings.count),
                "findings": .array(findings.map(\.document)),
            ], identifiers: findings.compactMap(\.digest?.description),
            text: lines.joined() + "\(fileCount) stored files verified, \(findings.count) findings")
        try Failure.endDamaged(if: !findings.isEmpty)
    }

    /// Compares what stands in the registry, every byte of it, with a lock file.
    private func verify(lockFile path: String) throws {
        let lock = try LockFile(readingFile: path)
        let registry = try options.openRegistry(.readOnly)
        let policy = try signatures.policy(demanding: lock.signers)
        let entries = lock.entries.values.sorted { $0.reference.description < $1.reference.description }
        let drawing = options.console.progress("Verifying")
        var results = try entries.enumerated().map { index, entry in
            defer { drawing.count(index + 1, of: entries.count) }
            var signers: [String] = []
            let fault = try registry.fault(of: entry) { file in
                do {
                    signers = try policy.check(file.contentRoot, signedBy: file.signatures())
                    return nil
                } catch let error as SignatureError {
                    return LockFault(.unsigned, error.message)
                }
            }
            return VerificationResult(
                subject: entry.reference.description, digest: entry.digest, fault: fault?.message,
                code: fault?.kind.rawValue, isRefused: fault?.kind == .unsigned, signedBy: signers,
                file: path, line: lock.line(of: entry))
        }
        drawing.finish()
        results += try registry.unlisted(by: lock).map { reference in
            VerificationResult(
                subject: reference.description, digest: nil,
                fault: "It is not in the lock file. Lock it with 'adapterctl lock', or remove it.",
                code: LockFault.Kind.unlisted.rawValue, file: path, line: 1)
        }
        try report(VerificationReport(results: results))
    }

    private func verify(_ text: String, _ policy: SignaturePolicy) throws -> VerificationResult {
        do {
            switch try Subject(parsing: text) {
            case .reference(let reference):
                let registry = try options.openRegistry(.readOnly)
                let stored = try registry.resolve(reference)
                // Once for the digest and once for the tensors.
                let progress = options.console.progress("Verifying", totalByteCount: 2 * stored.byteCount)
                defer { progress.finish() }
                if let finding = try registry.verify(stored.pinned, progress: progress.advance).first {
                    return VerificationResult(
                        subject: text, digest: stored.digest, fault: finding.message, code: finding.kind.rawValue)
                }
                guard stored.kind == .stack else {
                    return try result(text, registry.open(stored), stored.digest, policy)
                }
                // Everybody who must sign has to have signed every adapter of a stack.
                let members = try registry.stack(stored).members.map { member in
                    try result(
                        text, registry.open(registry.stored(member.digest, as: reference)), stored.digest, policy)
                }
                return members.first { $0.fault != nil } ?? members[0]
            case .path(let path):
                let loaded = try LoadedAdapter(.path(path), label: text, options: options)
                let progress = options.console.progress(
                    "Verifying", totalByteCount: loaded.file?.byteCount ?? loaded.adapter.tensorByteCount)
                defer { progress.finish() }
                if let file = loaded.file {
                    return try result(text, file, file.verify(progress: progress.advance), policy)
                }
                let signers = try policy.check(folder: path, options.console)
                // A foreign layout has no digests; what can be checked is that all of it can be read.
                for module in loaded.adapter.modules {
                    for tensor in module.tensors { progress.advance(by: try tensor.tensor.bytes().count) }
                }
                return VerificationResult(subject: text, digest: nil, signedBy: signers)
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
}
