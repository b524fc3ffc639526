import AdapterTesting
import Foundation
import Integrity
import Testing

/// Keys that standards print.
enum SampleKeys {
    /// The DER before the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410, section 7).
    private static let ed25519Prefix = "302e020100300506032b657004220420"

    /// RFC 8032, section 7.1, TEST 1.
    static let ed25519Seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"

    /// RFC 6979, section A.2.5: the private key of P-256 in PKCS #8, and its public half.
    static let p256Private =
        "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420"
        + "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721a14403420004" + p256Point
    static let p256Point =
        "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
        + "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"

    static func ed25519(_ seed: String = ed25519Seed) throws -> SigningKey {
        try SigningKey(pem: pem("PRIVATE KEY", Hexadecimal.bytes(ed25519Prefix + seed)))
    }

    static func p256() throws -> SigningKey { try SigningKey(pem: pem("PRIVATE KEY", Hexadecimal.bytes(p256Private))) }

    static func key(_ algorithm: SignatureAlgorithm) throws -> SigningKey {
        switch algorithm {
        case .ed25519: try ed25519()
        case .p256: try p256()
        }
    }

    /// PEM made by Foundation, independent of the code under test.
    static func pem(_ label: String, _ der: [UInt8]) -> String {
        let text = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN \(label)-----\n\(text)\n-----END \(label)-----\n"
    }

    static func digest(_ byte: UInt8) throws -> Digest {
        try #require(Digest(bytes: [UInt8](repeating: byte, count: 32)))
    }
}
