/// A private key, which makes signatures.
public struct SigningKey: Sendable {
    private let handle: KeyHandle
    /// The public half.
    public let publicKey: PublicKey

    /// Makes a new key.
    ///
    /// - Throws: ``SignatureError`` with code `cryptographyFailed`.
    public init(generating algorithm: SignatureAlgorithm) throws(SignatureError) {
        guard let handle = KeyHandle.generate(algorithm), let der = handle.publicDER else {
            throw SignatureError(
                .cryptographyFailed, "Unable to make a key: OpenSSL offers no \(algorithm.rawValue) here.")
        }
        self.handle = handle
        publicKey = try PublicKey(der: der)
    }

    /// A key from PKCS #8 in PEM with the label `PRIVATE KEY`.
    ///
    /// - Throws: ``SignatureError`` with code `malformedKey` or `unsupportedKey`.
    public init(pem: String) throws(SignatureError) {
        guard let handle = KeyHandle.privateKey(der: try PEM.decode(pem, label: "PRIVATE KEY")) else {
            throw SignatureError(.malformedKey, "Unable to read a private key: the bytes are not one in PKCS #8.")
        }
        guard let algorithm = handle.algorithm else {
            throw SignatureError(
                .unsupportedKey,
                "Unable to use a private key: Ed25519 or P-256 is expected. Make one with "
                    + "'adapterctl key generate'.")
        }
        // Ed25519's public half is computed, P-256's may be stated and wrong.
        guard algorithm == .ed25519 || handle.isConsistent, let der = handle.publicDER else {
            throw SignatureError(
                .malformedKey, "Unable to read a private key: its public half does not belong to it.")
        }
        self.handle = handle
        publicKey = try PublicKey(der: der)
    }

    /// The key as PKCS #8 in PEM: a secret.
    ///
    /// - Throws: ``SignatureError`` with code `cryptographyFailed`.
    public func pem() throws(SignatureError) -> String {
        guard let der = handle.privateDER else {
            throw SignatureError(.cryptographyFailed, "Unable to write a private key: OpenSSL cannot encode it.")
        }
        return PEM.encode(der, label: "PRIVATE KEY")
    }

    /// The 64 bytes (signatures spec, clause 2.2) of the signature of a message: always the same for Ed25519, each time
    /// others for P-256.
    ///
    /// - Throws: ``SignatureError`` with code `cryptographyFailed`.
    public func signature(of message: [UInt8]) throws(SignatureError) -> [UInt8] {
        let signature = handle.sign(message)
        let raw = publicKey.algorithm == .p256 ? signature.flatMap(ECDSASignature.raw) : signature
        guard let raw, raw.count == Signature.byteCount else {
            throw SignatureError(.cryptographyFailed, "Unable to sign: OpenSSL refuses the key.", keyID: publicKey.id)
        }
        return raw
    }

    /// Signs a content root.
    ///
    /// - Parameter expires: the last day on which the signature shall count; nil for no end.
    /// - Throws: ``SignatureError`` with code `cryptographyFailed`.
    public func sign(_ contentRoot: Digest, expires: UTCDate? = nil) throws(SignatureError) -> Signature {
        let message = Signature.message(contentRoot, key: publicKey, expires: expires)
        return Signature(
            algorithm: publicKey.algorithm, keyID: publicKey.id, expires: expires, bytes: try signature(of: message))
    }

    /// The signatures of a content root with this key's among them, in the order of their keys. One that is there, valid
    /// and has the same expiry is kept, so that signing twice changes nothing.
    ///
    /// - Throws: ``SignatureError`` with code `cryptographyFailed`.
    public func addSignature(
        to signatures: [Signature], of contentRoot: Digest, expires: UTCDate? = nil
    ) throws(SignatureError) -> [Signature] {
        let isThere = signatures.contains { $0.expires == expires && $0.isValid(for: contentRoot, by: publicKey) }
        return isThere ? signatures : signatures.adding(try sign(contentRoot, expires: expires))
    }
}
