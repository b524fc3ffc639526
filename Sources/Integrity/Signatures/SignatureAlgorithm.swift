/// How a key signs (signatures spec, clause 1.1).
public enum SignatureAlgorithm: String, Hashable, Sendable, CaseIterable {
    /// Ed25519 (RFC 8032), the default.
    case ed25519
    /// ECDSA over P-256 with SHA-256 (FIPS 186-5), which OpenSSF model signing verifiers want.
    case p256

    /// The number that stands for it in a signed message.
    public var number: UInt8 {
        switch self {
        case .ed25519: 1
        case .p256: 2
        }
    }

    /// OpenSSL's name of the kind of key.
    var keyType: String {
        switch self {
        case .ed25519: "ED25519"
        case .p256: "EC"
        }
    }

    /// What stands before the key itself in a SubjectPublicKeyInfo (clause 1.2).
    var publicKeyPrefix: [UInt8] {
        switch self {
        case .ed25519: [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
        case .p256:
            [
                0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86,
                0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
            ]
        }
    }

    /// The length of what follows ``publicKeyPrefix``.
    var publicKeyByteCount: Int {
        switch self {
        case .ed25519: 32
        case .p256: 64
        }
    }
}
