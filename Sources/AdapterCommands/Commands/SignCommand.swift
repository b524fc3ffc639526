internal import AdapterFormat
internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import FileSystem
internal import Integrity

struct SignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign an adapter's content root.",
        discussion: """
            The signature goes into the file, which is verified and stored again; its digest changes and the tag moves, \
            the content root stays. Signatures by other keys are kept. With --detached nothing changes, and the \
            signature goes into a small file of its own.

              adapterctl sign team/support:v1 --key release
              adapterctl sign ./support.adpt --key release --detached support.sig
              adapterctl sign ./support --key openssf --format model-signing
            """)

    enum SignatureFormat: String, CaseIterable, ExpressibleByArgument {
        case adapterctl
        case modelSigning = "model-signing"
    }

    @Argument(help: "A stored adapter or an .adpt file; with --format model-signing a folder.")
    var subject: String

    @Option(help: ArgumentHelp("The key: its name, or a file with a private key.", valueName: "key"))
    var key: String

    @Option(help: ArgumentHelp("Write the signature to this file, or add it there.", valueName: "file"))
    var detached: String?

    @Option(help: ArgumentHelp("The last day on which the signature shall count, in UTC.", valueName: "yyyy-mm-dd"))
    var expires: UTCDate?

    @Option(help: "adapterctl, or model-signing for a file model.sig that OpenSSF's verifiers accept (P-256).")
    var format: SignatureFormat = .adapterctl

    @Option(name: .shortAndLong, help: "Why, for the history.")
    var message: String?

    @OptionGroup var keyOptions: KeyOptions
    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if format == .modelSigning, expires != nil {
            throw ValidationError("--expires does not go with --format model-signing, which has no such field.")
        }
    }

    func run() throws {
        let signingKey = try KeyArgument(parsing: key).signingKey(in: keyOptions.folder)
        let subject = try Subject(parsing: subject)
        switch (subject, format, detached) {
        case (.path(let path), .modelSigning, _):
            try FolderSigning(folder: path, key: signingKey, output: detached, console: options.console).run()
        case (.reference, .modelSigning, _): throw InputError.folderNeeded(self.subject)
        case (.path(let path), _, _) where Directory.kind(of: path) == .directory:
            throw InputError.unsignableFolder(path)
        case (_, .adapterctl, let file?): try signDetached(subject, signingKey, file: file)
        case (.reference(let reference), .adapterctl, nil): try sign(reference, signingKey)
        case (.path(let path), .adapterctl, nil): try sign(file: path, signingKey)
        }
    }

    private func sign(_ reference: Reference, _ key: SigningKey) throws {
        let registry = try options.openRegistry(.readWrite)
        let before = try registry.resolve(reference)
        let progress = options.console.progress("Signing", totalByteCount: 2 * before.byteCount)
        let stored = try registry.sign(
            reference, expected: expectation.expectedTag,
            message: message ?? "signed by \(self.key), \(key.publicKey.id)", progress: progress.advance
        ) { contentRoot, existing in
            try key.addSignature(to: existing, of: contentRoot, expires: expires)
        }
        progress.finish()
        try answer(
            key, contentRoot: stored.contentRoot, digest: stored.digest, isNew: stored.digest != before.digest,
            identifier: stored.digest.description)
    }

    private func sign(file path: String, _ key: SigningKey) throws {
        let input = try InputFile(opening: path)
        let file = try AdapterFile(input, limits: options.limits)
        let existing = try file.signatures()
        let wanted = try key.addSignature(to: existing, of: file.contentRoot, expires: expires)
        var digest: Digest?
        if wanted != existing {
            let progress = options.console.progress("Signing", totalByteCount: 2 * file.byteCount)
            let output = try OutputFile(beside: path)
            digest = try AdapterFileWriter.copy(
                file, signatures: wanted, to: output, limits: options.limits, progress: progress.advance)
            try output.commit(as: path, mode: input.mode)
            progress.finish()
        }
        try answer(
            key, contentRoot: file.contentRoot, digest: try digest ?? file.verify(), isNew: wanted != existing,
            identifier: path)
    }

    private func signDetached(_ subject: Subject, _ key: SigningKey, file path: String) throws {
        let loaded = try LoadedAdapter(subject, label: self.subject, options: options)
        guard let file = loaded.file else { throw InputError.unsignableFolder(self.subject) }
        let progress = options.console.progress("Verifying", totalByteCount: file.byteCount)
        let digest = try file.verify(progress: progress.advance)
        progress.finish()
        guard loaded.digest == nil || loaded.digest == digest else {
            throw FormatError(
                .digestMismatch,
                "Unable to sign '\(self.subject)': the stored file has the digest \(digest). Push it again.")
        }
        let existing = try existingSignatures(path, of: file.contentRoot)
        let wanted = try key.addSignature(to: existing ?? [], of: file.contentRoot, expires: expires)
        if wanted != existing {
            let document = try DetachedSignatures(contentRoot: file.contentRoot, signatures: wanted)
            let output = try OutputFile(beside: path)
            try output.write(Array(document.text.utf8))
            try output.commit(as: path, replacing: existing != nil)
        }
        try answer(
            key, contentRoot: file.contentRoot, digest: digest, isNew: wanted != existing, identifier: path)
    }

    /// The signatures in a file that the new one shall join; nil when there is no file.
    private func existingSignatures(_ path: String, of contentRoot: Digest) throws -> [Signature]? {
        guard Directory.kind(of: path) != nil else { return nil }
        guard let document = try? DetachedSignatures(readingFile: path), document.contentRoot == contentRoot else {
            throw FileSystemError(
                .alreadyExists,
                "Unable to write '\(path)': it exists already and holds no signatures of \(contentRoot). Choose another "
                    + "path.", path: path)
        }
        return document.signatures
    }

    private func answer(
        _ key: SigningKey, contentRoot: Digest, digest: Digest, isNew: Bool, identifier: String
    ) throws {
        try options.console.answer(
            [
                "subject": .string(subject), "digest": .string(digest.description),
                "contentRoot": .string(contentRoot.description), "key": .string(key.publicKey.id.description),
                "algorithm": .string(key.publicKey.algorithm.rawValue),
                "expires": MetadataValue(expires?.description), "signatureFile": MetadataValue(detached),
                "changed": .bool(isNew),
            ], identifiers: [identifier],
            text: """
                \(isNew ? "Signed" : "Already signed:") \(subject)\(detached.map { " in \($0)" } ?? "")
                  key           \(key.publicKey.id)
                  content root  \(contentRoot)
                  digest        \(digest)
                """)
    }
}

/// Signs the files of a folder for the verifiers of OpenSSF model signing.
struct FolderSigning {
    let folder: String
    let key: SigningKey
    let output: String?
    let console: Console

    func run() throws {
        guard Directory.kind(of: folder) == .directory else { throw InputError.folderNeeded(folder) }
        let path = output ?? "\(folder)/\(ModelSigningBundle.fileName)"
        var ignored = ModelSigningBundle.ignoredPaths
        if path.hasPrefix(folder + "/") {
            let relative = String(path.dropFirst(folder.count + 1))
            if !ignored.contains(relative) { ignored.append(relative) }
        }
        let digests = try FolderSigning.digests(of: folder, except: ignored, console)
        let name = split(folder).name
        let bundle = try ModelSigningBundle(
            modelName: ["", ".", ".."].contains(name) ? "adapter" : name, files: digests, ignoredPaths: ignored,
            key: key)
        let file = try OutputFile(beside: path)
        try file.write(Array(bundle.text.utf8))
        try file.commit(as: path, replacing: false)
        try console.answer(
            [
                "subject": .string(folder), "key": .string(key.publicKey.id.description),
                "algorithm": .string(key.publicKey.algorithm.rawValue), "signatureFile": .string(path),
                "files": .array(digests.keys.sorted { $0.precedesInUTF8($1) }.map { .string($0) }),
            ], identifiers: [path],
            text: "Signed \(digests.count) files of \(folder) in \(path)\n  key  \(key.publicKey.id)")
    }

    /// The digests of a folder's files by their paths in it; links are refused.
    static func digests(of folder: String, except ignored: [String], _ console: Console) throws -> [String: Digest] {
        var digests: [String: Digest] = [:]
        let progress = console.progress("Hashing")
        defer { progress.finish() }
        for name in try Directory.files(below: folder, except: ignored.contains) {
            let file = try InputFile(opening: "\(folder)/\(name)")
            var hasher = SHA256()
            try file.forEachPiece(in: 0..<file.byteCount) { piece in
                hasher.update(piece)
                progress.advance(by: piece.count)
            }
            digests[name] = hasher.finalize()
        }
        return digests
    }
}
