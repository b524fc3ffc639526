internal import AdapterFormat
internal import AdapterRegistry
internal import ByteCoding
internal import Integrity

/// The signatures of an adapter in words: by whom, and whether they count.
struct SignatureDescription {
    let contentRoot: Digest
    let signatures: [Signature]
    let keys: [TrustedKey]
    let today: UTCDate

    /// `valid`, `unknownKey` or the code of what is wrong.
    private func state(of signature: Signature) -> (name: String?, state: String) {
        guard let key = keys.first(where: { $0.publicKey.id == signature.keyID }) else { return (nil, "unknownKey") }
        do {
            try key.verify(contentRoot, signedBy: [signature], on: today)
            return (key.name, "valid")
        } catch {
            return (key.name, error.code.description)
        }
    }

    var document: MetadataValue {
        .array(
            signatures.map { signature in
                let (name, state) = state(of: signature)
                return [
                    "key": .string(signature.keyID.description), "name": MetadataValue(name),
                    "algorithm": .string(signature.algorithm.rawValue), "state": .string(state),
                    "expires": MetadataValue(signature.expires?.description),
                ]
            })
    }

    /// A line a signature: `release, sha256:…, valid`.
    var lines: [String] {
        signatures.map { signature in
            let (name, state) = state(of: signature)
            let words = [
                "valid": "valid", "unknownKey": "by a key that is not trusted", "expiredKey": "of an expired key",
                "expiredSignature": "expired", "invalidSignature": "INVALID",
            ]
            return [name, signature.keyID.description, words[state] ?? state].compactMap { $0 }.joined(separator: ", ")
        }
    }
}

extension SignatureDescription {
    /// The signatures of a file; nil when there are none. A trusted key that cannot be read must not hide the adapter.
    ///
    /// The content root is recomputed first: a signature of one that the file only states vouches for nothing.
    ///
    /// - Throws: `FormatError` when the file's values are not those of its content root.
    init?(_ file: AdapterFile, _ keyOptions: KeyOptions, _ console: Console) throws {
        let signatures = try file.signatures()
        guard !signatures.isEmpty else { return nil }
        let progress = console.progress("Verifying", totalByteCount: file.byteCount)
        defer { progress.finish() }
        do {
            try file.verifyContent(progress: progress.advance)
        } catch var error as FormatError {
            error.path = file.path
            throw error
        }
        let folder = try keyOptions.folder
        let keys = try folder.names().compactMap { name in
            do {
                return try folder.trustedKey(name)
            } catch {
                console.warn(Failure.message(of: error))
                return nil
            }
        }
        self.init(contentRoot: file.contentRoot, signatures: signatures, keys: keys, today: try UTCDate.today())
    }
}
