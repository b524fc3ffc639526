/// A public key that the user trusts, under the name that the user gave it (signatures spec, section 4).
public struct TrustedKey: Hashable, Sendable {
    /// What the user calls it.
    public let name: String
    /// The key.
    public let publicKey: PublicKey
    /// The last day on which it is trusted; nil for no end.
    public let expires: UTCDate?

    /// Creates a trusted key.
    public init(name: String, publicKey: PublicKey, expires: UTCDate? = nil) {
        self.name = name
        self.publicKey = publicKey
        self.expires = expires
    }

    /// Whether the key is trusted no longer.
    public func isExpired(on today: UTCDate) -> Bool { expires.map { $0 < today } ?? false }

    /// Checks that this key has signed a content root (clause 5.1).
    ///
    /// - Parameters:
    ///   - contentRoot: the one that was recomputed from the adapter's values.
    ///   - signatures: all that there are, by whomever and from wherever.
    ///   - today: the day that expiries are compared with.
    /// - Throws: ``SignatureError`` with code `unsigned`, `wrongKey`, `invalidSignature`, `expiredKey` or
    ///   `expiredSignature`.
    public func verify(
        _ contentRoot: Digest, signedBy signatures: [Signature], on today: UTCDate
    ) throws(SignatureError) {
        func refused(_ code: SignatureError.Code, _ reason: String) -> SignatureError {
            SignatureError(
                code, "Unable to accept \(contentRoot) as signed by '\(name)': \(reason)", keyID: publicKey.id)
        }
        guard !signatures.isEmpty else { throw refused(.unsigned, "it has no signature. Sign it: adapterctl sign.") }
        let own = signatures.filter { $0.keyID == publicKey.id }
        guard !own.isEmpty else {
            let others = signatures.prefix(3).map(\.keyID.description).joined(separator: ", ")
            throw refused(
                .wrongKey,
                "that key, \(publicKey.id), has not signed it; it is signed by \(others)"
                    + "\(signatures.count > 3 ? ", …" : ""). Have it signed by that key.")
        }
        guard own.allSatisfy({ $0.isValid(for: contentRoot, by: publicKey) }) else {
            throw refused(
                .invalidSignature,
                "the signature by \(publicKey.id) does not verify. It was made for another adapter or it is forged; "
                    + "do not use it.")
        }
        if let expires, isExpired(on: today) {
            throw refused(
                .expiredKey,
                "that key expired after \(expires). Renew it, adapterctl key trust \(name) FILE --expires DATE, or have "
                    + "it signed by another key.")
        }
        guard own.contains(where: { $0.isCurrent(on: today) }) else {
            let date = own.compactMap(\.expires).max()?.description ?? ""
            throw refused(.expiredSignature, "the signature expired after \(date). Have it signed again.")
        }
    }
}

extension Signature {
    /// Whether its last day has not passed.
    public func isCurrent(on today: UTCDate) -> Bool { expires.map { $0 >= today } ?? true }
}
