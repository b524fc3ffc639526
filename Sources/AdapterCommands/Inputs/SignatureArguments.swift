internal import AdapterFormat
internal import AdapterRegistry
internal import ArgumentParser
internal import FileSystem
internal import Integrity

/// Whose signatures an adapter must bear, and where they are.
struct SignatureArguments: ParsableArguments {
    @Option(
        name: .customLong("signed-by"),
        help: ArgumentHelp(
            "Demand a signature by this key, a trusted name or a file PUBLIC.pem; repeated, all must have signed.",
            valueName: "key"))
    var signers: [String] = []

    @Option(
        name: .customLong("signature"),
        help: ArgumentHelp("A file of detached signatures; may be repeated.", valueName: "file"))
    var signatureFiles: [String] = []

    @OptionGroup var keyOptions: KeyOptions

    func validate() throws {
        guard signatureFiles.isEmpty || !signers.isEmpty else {
            throw ValidationError("--signature goes with --signed-by: say whose signature it shall be.")
        }
    }

    /// Reads keys and documents once for all subjects; a key that is not trusted and a document that is malformed are
    /// faults of each subject.
    ///
    /// - Parameter names: keys that are demanded besides.
    func policy(demanding names: [String] = []) throws -> SignaturePolicy {
        let demanded = signers + names.filter { !signers.contains($0) }
        let folder = demanded.isEmpty ? nil : try keyOptions.folder
        let keys = try demanded.map { text -> Result<TrustedKey, SignatureError> in
            do {
                return .success(try KeyArgument(parsing: text).trustedKey(in: folder ?? keyOptions.folder))
            } catch let error as SignatureError where error.code == .unknownKey {
                return .failure(error)
            }
        }
        return SignaturePolicy(
            keys: keys,
            documents: try signatureFiles.map { path in
                do {
                    return (path, .success(try DetachedSignatures(readingFile: path)))
                } catch let error as SignatureError {
                    return (path, .failure(error))
                }
            },
            today: try UTCDate.today())
    }
}

/// The keys that must have signed, and what is known besides the signatures in the files.
struct SignaturePolicy {
    let keys: [Result<TrustedKey, SignatureError>]
    let documents: [(path: String, content: Result<DetachedSignatures, SignatureError>)]
    let today: UTCDate

    /// Whether somebody must have signed.
    var demandsKeys: Bool { !keys.isEmpty }

    /// The names of the keys that have signed, which are all.
    ///
    /// - Throws: `SignatureError` as clause 5.1 of the signatures spec says.
    func check(_ contentRoot: Digest, signedBy signatures: [Signature]) throws -> [String] {
        let documents = try documents.map { try $0.content.get() }
        let matching = documents.filter { $0.contentRoot == contentRoot }
        if let document = documents.first, matching.isEmpty {
            throw SignatureError(
                .otherContent,
                "Unable to accept \(contentRoot) as signed: the signature file is for \(document.contentRoot). Name the "
                    + "file that belongs to the adapter.")
        }
        let all = signatures + matching.flatMap(\.signatures)
        return try keys.map { key in
            try key.get().verify(contentRoot, signedBy: all, on: today)
            return try key.get().name
        }
    }

    /// The names of the keys that have signed another tool's layout, which are all: it has no content root, but a folder
    /// may be signed for OpenSSF model signing, in its `model.sig` or a file that `--signature` names.
    ///
    /// - Throws: `SignatureError`.
    func check(folder path: String, _ console: Console) throws -> [String] {
        guard !keys.isEmpty else { return [] }
        let bundles = documents.isEmpty ? ["\(path)/\(ModelSigningBundle.fileName)"] : documents.map(\.path)
        guard Directory.kind(of: path) == .directory, bundles.allSatisfy({ Directory.kind(of: $0) == .file }) else {
            throw SignatureError(
                .unsigned,
                "Unable to accept '\(path)' as signed: there is no \(ModelSigningBundle.fileName). Verify the stored "
                    + "adapter or the .adpt file it comes from, or sign the folder with --format model-signing.")
        }
        let signed = try bundles.map { bundle in
            try SignedFolder(parsing: InputFile.contents(of: bundle, limit: SignedFolder.maximumByteCount))
        }
        let names = try keys.map { key in
            let key = try key.get()
            // Each key must have signed one of the bundles; what is wrong is said of the last.
            var failure: SignatureError?
            for bundle in signed {
                do {
                    try bundle.check(key, on: today)
                    failure = nil
                    break
                } catch let error as SignatureError {
                    failure = error
                }
            }
            if let failure { throw failure }
            return key.name
        }
        for bundle in signed {
            try bundle.check(files: FolderSigning.digests(of: path, except: bundle.ignoredPaths, console))
        }
        return names
    }
}
