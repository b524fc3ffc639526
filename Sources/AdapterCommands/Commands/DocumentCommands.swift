internal import AdapterFormat
public import AdapterRegistry
public import ArgumentParser
internal import ByteCoding
internal import FileSystem
internal import Integrity

struct DocumentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "document",
        abstract: "Documents about adapters: provenance statements, bills of materials, signatures.",
        discussion: """
            Every computed adapter gets an in-toto statement with SLSA provenance and a CycloneDX bill of materials.

              adapterctl document list team/assistant:v1
              adapterctl document sign team/assistant:v1 --key release
              adapterctl document verify team/assistant:v1 --signed-by release
              adapterctl document export team/assistant:v1 -o ./documents
              adapterctl document attach team/assistant:v1 evaluation.json
            """,
        subcommands: [
            ListDocumentsCommand.self, AttachDocumentCommand.self, SignDocumentsCommand.self,
            VerifyDocumentsCommand.self, ExportDocumentsCommand.self,
        ])
}

struct ListDocumentsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the documents about an adapter.",
        discussion: "  adapterctl document list team/assistant:v1")

    @Argument(help: "The stored adapter.")
    var reference: String

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let registry = try options.openRegistry(.readOnly)
        let documents = try registry.documents(of: registry.resolve(try Reference(parsing: reference)))
        var table = TextTable(
            ["NAME", "KIND", "SIZE", "ATTACHED (UTC)", "BY", "DIGEST"], rightAligned: [2], fixed: [1, 3, 5],
            faint: [5], dispensable: [4, 3, 5])
        for document in documents {
            table.add([
                document.name, document.kind.rawValue, Format.bytes(document.byteCount),
                Format.time(document.createdAt), document.actor, document.digest.abbreviated,
            ])
        }
        try options.console.answer(
            .array(documents.map(\.metadata)), identifiers: documents.map(\.name), text: table.text)
    }
}

struct AttachDocumentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach", abstract: "Attach a document to an adapter.",
        discussion: """
            Statements and bills of materials must be about the adapter.

              adapterctl document attach team/assistant:v1 evaluation.json
            """)

    @Argument(help: "The stored adapter.")
    var reference: String

    @Argument(help: "The file, text in UTF-8.")
    var path: String

    @Option(help: "in-toto, cyclonedx, model-signing or other; default: what the file is.")
    var kind: AttachedDocument.Kind?

    @Option(help: ArgumentHelp("Its name; default: that of the file.", valueName: "text"))
    var name: String?

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let registry = try options.openRegistry(.readWrite)
        let bytes = try InputFile.contents(of: path, limit: Registry.maximumDocumentByteCount)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ValidationError("Unable to attach '\(path)': it is not text in UTF-8.")
        }
        let document = try registry.attach(
            text, named: name ?? split(path).name, kind: kind, to: try Reference(parsing: reference))
        try options.console.answer(
            document.metadata, identifiers: [document.digest.description],
            text: "Attached \(document.name), \(document.kind.rawValue), \(document.digest)")
    }
}

struct SignDocumentsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign", abstract: "Sign the provenance statement, and the files that the adapter is exported as.",
        discussion: """
            Attaches the statement in a signed DSSE envelope and, with a P-256 key, the bundle of OpenSSF model signing \
            for the adapter as a PEFT folder.

              adapterctl document sign team/assistant:v1 --key release
            """)

    @Argument(help: "The stored adapter.")
    var reference: String

    @Option(help: ArgumentHelp("The key: its name, or a file with a private key.", valueName: "key"))
    var key: String

    @OptionGroup var keyOptions: KeyOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let signingKey = try KeyArgument(parsing: key).signingKey(in: keyOptions.folder)
        let registry = try options.openRegistry(.readWrite)
        let reference = try Reference(parsing: reference)
        let stored = try registry.resolve(reference)
        let progress = options.console.progress("Hashing")
        var attached: [AttachedDocument] = []
        for document in try registry.documents(of: stored) where document.kind == .provenance {
            let text = try registry.text(of: document)
            guard try !SignedStatement(parsing: text).isSigned else { continue }
            attached.append(
                try registry.attach(
                    SignedStatement.envelope(text, key: signingKey), named: "provenance.dsse.json", to: reference))
        }
        if signingKey.publicKey.algorithm == .p256 {
            let bundle = try ModelSigningBundle(
                modelName: reference.repository.description.split(separator: "/").last.map(String.init) ?? "adapter",
                files: ExportedFiles.digests(of: registry.open(stored)), key: signingKey)
            attached.append(
                try registry.attach(bundle.text, named: ModelSigningBundle.fileName, to: reference))
        }
        progress.finish()
        guard !attached.isEmpty else {
            throw ValidationError(
                "Nothing to sign: '\(reference)' was not computed here, so it has no statement, and OpenSSF model "
                    + "signing needs a P-256 key. Sign the adapter itself: adapterctl sign \(reference) --key \(key).")
        }
        try options.console.answer(
            .array(attached.map(\.metadata)), identifiers: attached.map(\.digest.description),
            text: attached.map { "Attached \($0.name), \($0.kind.rawValue), \($0.digest)" }.joined(separator: "\n"))
    }
}

struct VerifyDocumentsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check that the documents are whole and true of the adapter.",
        discussion: """
            Exits with 2 when one is not, or when --signed-by finds no document signed by the key.

              adapterctl document verify team/assistant:v1 --signed-by release
            """)

    @Argument(help: "The stored adapter.")
    var reference: String

    @Option(help: ArgumentHelp("Demand a document signed by this key, a name or a file PUBLIC.pem.", valueName: "key"))
    var signedBy: String?

    @OptionGroup var keyOptions: KeyOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let registry = try options.openRegistry(.readOnly)
        let stored = try registry.resolve(try Reference(parsing: reference))
        let key = try signedBy.map { try KeyArgument(parsing: $0).trustedKey(in: keyOptions.folder) }
        let progress = options.console.progress("Verifying")
        var results = try registry.documents(of: stored).map { document in
            var result = VerificationResult(subject: document.name, digest: document.digest)
            result.fault = try registry.fault(in: document, of: stored) {
                try ExportedFiles.digests(of: registry.open(stored))
            }
            if result.fault != nil { result.code = "damagedDocument" }
            if result.fault == nil, let key,
                let statement = try? SignedStatement(parsing: registry.text(of: document)),
                statement.isSigned(by: key.publicKey)
            {
                result.signedBy = [key.name]
            }
            return result
        }
        progress.finish()
        if let key, results.allSatisfy(\.signedBy.isEmpty) {
            results.append(
                VerificationResult(
                    subject: reference, digest: stored.digest, fault: "No document is signed by '\(key.name)'.",
                    code: "unsigned", isRefused: true))
        }
        let report = VerificationReport(results: results)
        try options.console.answer(report.document, identifiers: report.failed.map(\.subject), text: report.text)
        try Failure.endDamaged(if: !report.failed.isEmpty)
    }
}

struct ExportDocumentsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the documents about an adapter into a folder.",
        discussion: "  adapterctl document export team/assistant:v1 -o ./documents --kind cyclonedx")

    @Argument(help: "The stored adapter.")
    var reference: String

    @Option(name: .shortAndLong, help: "The folder to make.")
    var output: String

    @Option(help: "Only documents of this kind: in-toto, cyclonedx, model-signing or other.")
    var kind: AttachedDocument.Kind?

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let registry = try options.openRegistry(.readOnly)
        let stored = try registry.resolve(try Reference(parsing: reference))
        let documents = try registry.documents(of: stored).filter { kind == nil || $0.kind == kind }
        let folder = try OutputDirectory(creating: output)
        var paths: [String] = []
        for document in documents {
            // Two documents may have one name; then the digest tells them apart.
            let isShared = documents.filter { $0.name == document.name }.count > 1
            let name = isShared ? "\(document.digest.abbreviated)-\(document.name)" : document.name
            let file = try OutputFile(in: folder.temporaryPath)
            try file.write(Array(registry.text(of: document).utf8))
            try file.commit(as: "\(folder.temporaryPath)/\(name)")
            paths.append("\(output)/\(name)")
        }
        try folder.commit()
        try options.console.answer(
            .array(paths.map { .string($0) }), identifiers: paths,
            text: "Wrote \(paths.count) documents to \(output)")
    }
}

extension AttachedDocument.Kind: ExpressibleByArgument {}

extension AttachedDocument {
    var metadata: MetadataValue {
        [
            "name": .string(name), "kind": .string(kind.rawValue), "digest": .string(digest.description),
            "subject": .string(subject.description), "byteCount": MetadataValue(byteCount),
            "attachedAt": .string(createdAt.description), "actor": .string(actor),
        ]
    }
}
