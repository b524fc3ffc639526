import AdapterTesting
import Integrity
import Testing

struct SignatureTests {
    /// The message and the signature were computed with Python's struct, hashlib and cryptography from the spec's text.
    @Test(
        arguments: [
            (
                nil, "00000000",
                "d28be42e606f8ce30c577651430d3678298a9ebe9fcc5cc7c22d1da1b51839a4"
                    + "cfd4fe435bf74a226066d0b777dbcac9bb40effbaab3f27104bf569ddc177e02"
            ),
            (
                "2030-12-31", "0a000000323033302d31322d3331",
                "d8e45b3f34f59bd3afc142b3cf7523a53559706c0105f30e0e4609b86bce14d7"
                    + "a4aaaee880320518214e5a32bc1b4c144afd3f3e23167526b4df58e177f22c06"
            ),
        ] as [(String?, String, String)])
    func `the signed message is that of the spec`(expiry: String?, end: String, signature: String) throws {
        let key = try SampleKeys.ed25519()
        let contentRoot = try SampleKeys.digest(0x22)
        let expires = try expiry.map { try UTCDate(parsing: $0) }
        let message =
            "6164617074657263746c2d7369676e61747572652d76310a"
            + "0106e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9"
            + String(repeating: "22", count: 32) + end
        #expect(
            Signature.message(contentRoot, key: key.publicKey, expires: expires) == (try Hexadecimal.bytes(message)))
        let signed = try key.sign(contentRoot, expires: expires)
        #expect(signed.bytes == (try Hexadecimal.bytes(signature)))
        #expect(signed.keyID == key.publicKey.id)
        #expect(signed.expires == expires)
        #expect(signed.isValid(for: contentRoot, by: key.publicKey))
    }

    @Test(arguments: SignatureAlgorithm.allCases) func `a signature is valid for nothing else`(
        _ algorithm: SignatureAlgorithm
    ) throws {
        let key = try SampleKeys.key(algorithm)
        let contentRoot = try SampleKeys.digest(0x22)
        let expiry = try UTCDate(parsing: "2030-12-31")
        let signature = try key.sign(contentRoot, expires: expiry)
        #expect(signature.isValid(for: contentRoot, by: key.publicKey))
        #expect(!signature.isValid(for: try SampleKeys.digest(0x23), by: key.publicKey))
        #expect(!signature.isValid(for: contentRoot, by: try SigningKey(generating: algorithm).publicKey))
        // The same 64 bytes with another expiry, none, another key's id, another algorithm.
        let other = try SigningKey(generating: algorithm).publicKey
        for changed in try [
            Signature(
                reading: signature.bytes, algorithm: algorithm, keyID: signature.keyID,
                expires: UTCDate(parsing: "2031-12-31")),
            Signature(reading: signature.bytes, algorithm: algorithm, keyID: signature.keyID),
            Signature(reading: signature.bytes, algorithm: algorithm, keyID: other.id, expires: expiry),
            Signature(
                reading: signature.bytes, algorithm: algorithm == .p256 ? .ed25519 : .p256, keyID: signature.keyID,
                expires: expiry),
        ] {
            #expect(!changed.isValid(for: contentRoot, by: key.publicKey))
            #expect(!changed.isValid(for: contentRoot, by: other))
        }
    }

    @Test(arguments: [0, 63, 65, 128]) func `other lengths are refused`(count: Int) throws {
        let error = #expect(throws: SignatureError.self) {
            try Signature(
                reading: [UInt8](repeating: 1, count: count), algorithm: .p256, keyID: SampleKeys.digest(1))
        }
        #expect(error?.code == .malformedSignature)
    }

    @Test(arguments: SignatureAlgorithm.allCases) func `signing twice changes nothing, another expiry replaces`(
        _ algorithm: SignatureAlgorithm
    ) throws {
        let key = try SampleKeys.key(algorithm)
        let contentRoot = try SampleKeys.digest(0x22)
        let once = try key.addSignature(to: [], of: contentRoot)
        #expect(try key.addSignature(to: once, of: contentRoot) == once)
        let expiry = try UTCDate(parsing: "2030-12-31")
        let renewed = try key.addSignature(to: once, of: contentRoot, expires: expiry)
        #expect(renewed.map(\.expires) == [expiry])
        // One that is not valid is made anew.
        let forged = try Signature(
            reading: [UInt8](repeating: 1, count: 64), algorithm: algorithm, keyID: key.publicKey.id)
        let repaired = try key.addSignature(to: [forged], of: contentRoot)
        #expect(repaired.count == 1)
        #expect(repaired[0].isValid(for: contentRoot, by: key.publicKey))
    }

    @Test func `signatures stand in the order of their keys, whoever signed first`() throws {
        let contentRoot = try SampleKeys.digest(0x22)
        let keys = try (0..<5).map { _ in try SigningKey(generating: .ed25519) }
        let forward = try keys.reduce([]) { try $1.addSignature(to: $0, of: contentRoot) }
        let backward = try keys.reversed().reduce([]) { try $1.addSignature(to: $0, of: contentRoot) }
        #expect(forward == backward)
        #expect(forward.map(\.keyID) == keys.map(\.publicKey.id).sorted())
    }
}
