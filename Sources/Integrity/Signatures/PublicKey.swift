/// A public key: what a signature is checked with, and what names the signer.
public struct PublicKey: Hashable, Sendable {
    /// How the key signs.
    public let algorithm: SignatureAlgorithm
    /// The SubjectPublicKeyInfo in its only encoding (signatures spec, clause 1.2).
    public let der: [UInt8]
    /// SHA-256 of ``der``, which names the key.
    public let id: Digest

    /// A key from a SubjectPublicKeyInfo.
    ///
    /// - Throws: ``SignatureError`` with code `malformedKey` or `unsupportedKey`.
    public init(der: [UInt8]) throws(SignatureError) {
        let algorithm = SignatureAlgorithm.allCases.first { algorithm in
            der.starts(with: algorithm.publicKeyPrefix)
                && der.count == algorithm.publicKeyPrefix.count + algorithm.publicKeyByteCount
        }
        guard let algorithm else {
            // OpenSSL is not asked what else it may be: it need not parse what is refused anyway.
            let isShortened = SignatureAlgorithm.allCases.contains { der.starts(with: $0.publicKeyPrefix) }
            guard isShortened || der.first != 0x30 else {
                throw SignatureError(
                    .unsupportedKey,
                    "Unable to use a public key: Ed25519 or P-256 with an uncompressed point is expected. Use a key "
                        + "made by 'adapterctl key generate'.")
            }
            throw SignatureError(
                .malformedKey, "Unable to read a public key: the bytes are not a SubjectPublicKeyInfo in DER.")
        }
        guard KeyHandle.publicKey(der: der)?.algorithm == algorithm else {
            throw SignatureError(.malformedKey, "Unable to read a public key: it is no point of its curve.")
        }
        self.algorithm = algorithm
        self.der = der
        id = SHA256.hash(der)
    }

    /// A key from PEM with the label `PUBLIC KEY`.
    ///
    /// - Throws: ``SignatureError`` with code `malformedKey` or `unsupportedKey`.
    public init(pem: String) throws(SignatureError) {
        try self.init(der: PEM.decode(pem, label: "PUBLIC KEY"))
    }

    /// The key as PEM with the label `PUBLIC KEY`.
    public var pem: String { PEM.encode(der, label: "PUBLIC KEY") }

    /// Whether 64 bytes (clause 2.2) are this key's signature of a message.
    public func isValid(_ signature: [UInt8], for message: [UInt8]) -> Bool {
        guard signature.count == Signature.byteCount, let handle = KeyHandle.publicKey(der: der) else { return false }
        return handle.verify(algorithm == .p256 ? ECDSASignature.der(signature) : signature, message)
    }
}
