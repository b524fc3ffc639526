/// One key's word for a content root (signatures spec, section 2).
public struct Signature: Hashable, Sendable {
    /// The length of every signature.
    public static let byteCount = 64
    /// How many signatures one document may hold.
    public static let maximumCount = 64

    /// How it was made.
    public let algorithm: SignatureAlgorithm
    /// The key that made it, as it claims.
    public let keyID: Digest
    /// The last day on which it counts; nil when it has no end.
    public let expires: UTCDate?
    /// The 64 bytes.
    public let bytes: [UInt8]

    init(algorithm: SignatureAlgorithm, keyID: Digest, expires: UTCDate?, bytes: [UInt8]) {
        self.algorithm = algorithm
        self.keyID = keyID
        self.expires = expires
        self.bytes = bytes
    }

    /// A signature that was read from somewhere; nothing is said about its validity.
    ///
    /// - Throws: ``SignatureError`` with code `malformedSignature` for another number of bytes than 64.
    public init(
        reading bytes: [UInt8], algorithm: SignatureAlgorithm, keyID: Digest, expires: UTCDate? = nil
    ) throws(SignatureError) {
        guard bytes.count == Signature.byteCount else {
            throw SignatureError(
                .malformedSignature,
                "Unable to read a signature: it has \(bytes.count) bytes, \(Signature.byteCount) are expected.",
                keyID: keyID)
        }
        self.init(algorithm: algorithm, keyID: keyID, expires: expires, bytes: bytes)
    }

    /// The message that is signed (clause 2.1).
    public static func message(_ contentRoot: Digest, key: PublicKey, expires: UTCDate? = nil) -> [UInt8] {
        let expiry = Array((expires?.description ?? "").utf8)
        var message = Array("adapterctl-signature-v1\n".utf8)
        message.append(key.algorithm.number)
        message += key.id.bytes
        message += contentRoot.bytes
        message += [UInt8(expiry.count), 0, 0, 0]
        message += expiry
        return message
    }

    /// Whether it is what it claims to be: a signature of the content root by that key. Expiry is not looked at.
    public func isValid(for contentRoot: Digest, by key: PublicKey) -> Bool {
        keyID == key.id && algorithm == key.algorithm
            && key.isValid(bytes, for: Signature.message(contentRoot, key: key, expires: expires))
    }
}

extension [Signature] {
    /// The signatures in the order of their keys, with one more in place of the one by the same key.
    public func adding(_ signature: Signature) -> [Signature] {
        (filter { $0.keyID != signature.keyID } + [signature]).sorted { $0.keyID < $1.keyID }
    }
}
