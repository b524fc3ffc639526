import ByteCoding
import Integrity

@testable import AdapterFormat
@testable import Integrity

/// Keys and signatures; the first byte says what the others claim to be.
enum SignatureTarget: FuzzTarget {
    static let name = "signature"

    static func seeds(fixtures: String) throws -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        var signatures: [Signature] = []
        let root = SHA256.hash([1])
        for algorithm in SignatureAlgorithm.allCases {
            let key = try SigningKey(generating: algorithm)
            signatures = signatures.adding(try key.sign(root, expires: UTCDate(parsing: "2031-02-28")))
            seeds.append([0] + Array(try key.pem().utf8))
            seeds.append([1] + Array(key.publicKey.pem.utf8))
            seeds.append([2] + key.publicKey.der)
            seeds.append([4] + ECDSASignature.der(try key.signature(of: [1])))
        }
        seeds.append([3] + Array(try DetachedSignatures(contentRoot: root, signatures: signatures).text.utf8))
        seeds += ["", "AA==", "AAA=", "AAAA", "+/+/AAB="].map { [5] + Array($0.utf8) }
        seeds += ["2024-02-29", "1970-01-01", "9999-12-31"].map { [6] + Array($0.utf8) }
        return seeds
    }

    static func isExpected(_ error: any Error) -> Bool { error is SignatureError }

    static func run(_ input: [UInt8]) throws {
        guard let kind = input.first else { return }
        let content = Array(input[1...])
        let text = String(decoding: content, as: UTF8.self)
        switch kind % 7 {
        case 0:
            let key = try SigningKey(pem: text)
            try expect(SigningKey(pem: key.pem()).publicKey == key.publicKey, "a private key survives being written")
            let signature = try key.sign(SHA256.hash([2]))
            expect(signature.isValid(for: SHA256.hash([2]), by: key.publicKey), "a signature is valid")
        case 1: try check(PublicKey(pem: text))
        case 2:
            let key = try PublicKey(der: content)
            expect(key.der == content, "a public key has one encoding")
            try check(key)
        case 3:
            let document = try DetachedSignatures(parsing: content)
            try expect(DetachedSignatures(parsing: Array(document.text.utf8)) == document, "signatures survive writing")
        case 4:
            guard let raw = ECDSASignature.raw(content) else { return }
            expect(raw.count == 64 && ECDSASignature.der(raw) == content, "a signature has one encoding")
        case 5:
            expect(Base64.decode(Base64.encode(content)) == content, "base64 decodes what it encodes")
            guard let bytes = Base64.decode(text) else { return }
            expect(Base64.encode(bytes) == text, "bytes have one text in base64")
        default: try expect(UTCDate(parsing: text).description == text, "a date has one spelling")
        }
    }

    private static func check(_ key: PublicKey) throws {
        try expect(PublicKey(pem: key.pem) == key, "a public key survives being written")
        expect(!key.isValid([UInt8](repeating: 1, count: 64), for: [1]), "a made-up signature is not valid")
    }
}
