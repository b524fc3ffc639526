internal import AdapterFormat
internal import AdapterRegistry
internal import ArgumentParser
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

    /// Reads keys and documents once for all subjects; a key that is not trusted is a fault of each subject.
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
            keys: keys, documents: try signatureFiles.map { try DetachedSignatures(readingFile: $0) },
            today: try UTCDate.today())
    }
}

/// The keys that must have signed, and what is known besides the signatures in the files.
struct SignaturePolicy {
    let keys: [Result<TrustedKey, SignatureError>]
    let documents: [DetachedSignatures]
    let today: UTCDate

    /// The names of the keys that have signed, which are all.
    ///
    /// - Throws: `SignatureError` as clause 5.1 of the signatures spec says.
    func check(_ contentRoot: Digest, signedBy signatures: [Signature]) throws -> [String] {
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

    /// What to say of something that has no content root.
    func refuseFolder(_ path: String) throws {
        guard !keys.isEmpty else { return }
        throw SignatureError(
            .unsigned,
            "Unable to accept '\(path)' as signed: a folder holds no signature. Verify the stored adapter or the .adpt "
                + "file it comes from.")
    }
}
