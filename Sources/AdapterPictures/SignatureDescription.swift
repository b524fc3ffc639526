package import ByteCoding
package import Integrity

/// The signatures of an adapter in words: by whom, and whether they count.
package struct SignatureDescription: Sendable {
    private let contentRoot: Digest
    private let signatures: [Signature]
    private let keys: [TrustedKey]
    private let today: UTCDate

    /// Signatures of an identity as somebody sees them who trusts some keys.
    package init(contentRoot: Digest, signatures: [Signature], keys: [TrustedKey], today: UTCDate) {
        self.contentRoot = contentRoot
        self.signatures = signatures
        self.keys = keys
        self.today = today
    }

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

    /// Key, name, algorithm, state and end of each.
    package var document: MetadataValue {
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
    package var lines: [String] {
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
