import Integrity
import Testing

struct TrustedKeyTests {
    private static let today = "2026-06-15"

    /// What rule of clause 5.1 answers.
    private func code(
        _ signatures: [Signature], key: SigningKey, keyExpires: String? = nil, on today: String = today
    ) throws -> SignatureError.Code? {
        let trusted = TrustedKey(
            name: "release", publicKey: key.publicKey, expires: try keyExpires.map { try UTCDate(parsing: $0) })
        do {
            try trusted.verify(
                SampleKeys.digest(0x22), signedBy: signatures, on: UTCDate(parsing: today))
            return nil
        } catch let error as SignatureError {
            #expect(error.message.contains("'release'"))
            #expect(error.keyID == key.publicKey.id)
            return error.code
        }
    }

    private func signature(_ key: SigningKey, expires: String? = nil) throws -> Signature {
        try key.sign(SampleKeys.digest(0x22), expires: expires.map { try UTCDate(parsing: $0) })
    }

    @Test(arguments: SignatureAlgorithm.allCases) func `each answer has its code`(_ algorithm: SignatureAlgorithm)
        throws
    {
        let key = try SampleKeys.key(algorithm)
        let good = try signature(key)
        let others = try (0..<5).map { _ in try signature(SigningKey(generating: algorithm)) }
        let forged = try Signature(reading: others[0].bytes, algorithm: algorithm, keyID: key.publicKey.id)
        #expect(try code([good], key: key) == nil)
        #expect(try code(others + [good], key: key) == nil)
        #expect(try code([], key: key) == .unsigned)
        #expect(try code([others[0]], key: key) == .wrongKey)
        #expect(try code(others, key: key) == .wrongKey)
        #expect(try code([forged], key: key) == .invalidSignature)
        #expect(try code([good], key: key, keyExpires: "2026-06-14") == .expiredKey)
        #expect(try code([signature(key, expires: "2026-06-14")], key: key) == .expiredSignature)
    }

    @Test func `the last day still counts`() throws {
        let key = try SampleKeys.ed25519()
        #expect(try code([signature(key)], key: key, keyExpires: Self.today) == nil)
        #expect(try code([signature(key, expires: Self.today)], key: key) == nil)
        #expect(try code([signature(key)], key: key, keyExpires: Self.today, on: "2026-06-16") == .expiredKey)
        #expect(try code([signature(key, expires: Self.today)], key: key, on: "2026-06-16") == .expiredSignature)
    }

    @Test func `the first rule that applies answers`() throws {
        let key = try SampleKeys.ed25519()
        let old = "2020-01-01"
        let forged = try Signature(
            reading: [UInt8](repeating: 0, count: 64), algorithm: .ed25519, keyID: key.publicKey.id)
        #expect(try code([], key: key, keyExpires: old) == .unsigned)
        #expect(try code([signature(SigningKey(generating: .p256))], key: key, keyExpires: old) == .wrongKey)
        #expect(try code([forged], key: key, keyExpires: old) == .invalidSignature)
        #expect(try code([signature(key, expires: old)], key: key, keyExpires: old) == .expiredKey)
    }

    @Test func `an invalid signature is not outweighed, an expired one is`() throws {
        let key = try SampleKeys.ed25519()
        let good = try signature(key)
        let forged = try Signature(
            reading: [UInt8](repeating: 0, count: 64), algorithm: .ed25519, keyID: key.publicKey.id)
        #expect(try code([good, forged], key: key) == .invalidSignature)
        #expect(try code([forged, good], key: key) == .invalidSignature)
        #expect(try code([signature(key, expires: "2020-01-01"), good], key: key) == nil)
    }
}
