import AdapterTesting
import Integrity
import Testing

struct SigningKeyTests {
    /// RFC 8032, section 7.1: the seed, the public key, the message and the signature.
    @Test(arguments: [
        (
            SampleKeys.ed25519Seed, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
                + "d25bf5f0595bbe24655141438e7a100b"
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
                + "387b2eaeb4302aeeb00d291612bb0c00"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
                + "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ])
    func `the vectors of RFC 8032`(seed: String, publicKey: String, message: String, signature: String) throws {
        let key = try SampleKeys.ed25519(seed)
        let message = try Hexadecimal.bytes(message)
        let expected = try Hexadecimal.bytes(signature)
        #expect(Array(key.publicKey.der.suffix(32)) == (try Hexadecimal.bytes(publicKey)))
        #expect(try key.signature(of: message) == expected)
        #expect(key.publicKey.isValid(expected, for: message))
        #expect(!key.publicKey.isValid(expected, for: message + [0]))
    }

    /// RFC 6979, section A.2.5, with SHA-256.
    @Test(arguments: [
        (
            "sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                + "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
        ),
        (
            "test",
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
                + "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"
        ),
    ])
    func `the vectors of RFC 6979`(message: String, signature: String) throws {
        let key = try SampleKeys.p256()
        let message = Array(message.utf8)
        let signature = try Hexadecimal.bytes(signature)
        #expect(Array(key.publicKey.der.suffix(64)) == (try Hexadecimal.bytes(SampleKeys.p256Point)))
        #expect(key.publicKey.isValid(signature, for: message))
        #expect(!key.publicKey.isValid(signature, for: message + [0]))
        #expect(key.publicKey.isValid(try key.signature(of: message), for: message))
    }

    @Test(arguments: SignatureAlgorithm.allCases) func `every changed bit of a signature or message is found`(
        _ algorithm: SignatureAlgorithm
    ) throws {
        let key = try SampleKeys.key(algorithm)
        let message = Array("the message".utf8)
        let signature = try key.signature(of: message)
        for bit in 0..<8 * signature.count {
            var changed = signature
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(!key.publicKey.isValid(changed, for: message))
        }
        for bit in 0..<8 * message.count {
            var changed = message
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(!key.publicKey.isValid(signature, for: changed))
        }
        for count in [0, 1, 32, 63, 65, 128] {
            let changed = Array((signature + signature).prefix(count))
            #expect(!key.publicKey.isValid(changed, for: message))
        }
    }

    /// Values that an implementation may take for valid: zero, the order n of the curve, and beyond.
    @Test func `numbers out of range are no signatures`() throws {
        let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
        let zero = String(repeating: "00", count: 32)
        let one = String(repeating: "00", count: 31) + "01"
        let ones = String(repeating: "ff", count: 32)
        let p256 = try SampleKeys.p256().publicKey
        for pair in [zero + zero, zero + one, one + zero, order + one, one + order, ones + ones, one + one] {
            #expect(!p256.isValid(try Hexadecimal.bytes(pair), for: [1]))
        }
        // RFC 8032 wants S below the group's order: S + L must not be taken for S.
        let signature = try SampleKeys.ed25519().signature(of: [])
        let group = try Hexadecimal.bytes("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
        var sum = signature
        var carry = 0
        for index in 0..<32 {
            carry += Int(signature[32 + index]) + Int(group[index])
            sum[32 + index] = UInt8(carry & 0xFF)
            carry >>= 8
        }
        #expect(try SampleKeys.ed25519().publicKey.isValid(signature, for: []))
        #expect(!(try SampleKeys.ed25519().publicKey.isValid(sum, for: [])))
    }

    @Test(arguments: SignatureAlgorithm.allCases) func `made keys differ, sign, and come back from PEM`(
        _ algorithm: SignatureAlgorithm
    ) throws {
        let key = try SigningKey(generating: algorithm)
        let other = try SigningKey(generating: algorithm)
        #expect(key.publicKey.algorithm == algorithm)
        #expect(key.publicKey != other.publicKey)
        let again = try SigningKey(pem: key.pem())
        #expect(again.publicKey == key.publicKey)
        #expect(try again.pem() == key.pem())
        #expect(try key.pem().hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
        let signature = try again.signature(of: [1, 2, 3])
        #expect(signature.count == 64)
        #expect(key.publicKey.isValid(signature, for: [1, 2, 3]))
        #expect(!other.publicKey.isValid(signature, for: [1, 2, 3]))
    }

    @Test func `the sample keys are written as they were read`() throws {
        #expect(
            try SampleKeys.p256().pem()
                == SampleKeys.pem("PRIVATE KEY", Hexadecimal.bytes(SampleKeys.p256Private)))
        #expect(
            try SampleKeys.ed25519().pem()
                == SampleKeys.pem(
                    "PRIVATE KEY", Hexadecimal.bytes("302e020100300506032b657004220420" + SampleKeys.ed25519Seed)))
    }

    @Test(
        arguments: [
            // P-384; X25519.
            (
                "3081b6020100301006072a8648ce3d020106052b8104002204819e30819b02010104309f79045b21fcada0a874ddc00c5791ef604ed35cf09c1b78ba778df978a93545fa898840a08dd70a232838ef4035be63a16403620004f0f978a46192b80e6e7e6f56eb52771a49fda8474f3ad0158316a1ed30e42ef619b05c8bba851594dcc799c655e700f96a9408a2ea8c26555880feb8b5f9aea0c9692472d018f970f25a3755e0595f413816d1d0f097b68364f563a18123457c",
                .unsupportedKey
            ),
            (
                "302e020100300506032b656e042204201038688f871f63577366b62089771eb9ef084e84f0e4ca58aac0dcd7acd69b58",
                .unsupportedKey
            ),
            // P-256 with the curve spelled out instead of named.
            (
                "308201790201003082010306072a8648ce3d02013081f7020101302c06072a8648ce3d0101022100ffffffff00000001000000000000000000000000ffffffffffffffffffffffff305b0420ffffffff00000001000000000000000000000000fffffffffffffffffffffffc04205ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b031500c49d360886e704936a6678e1139d26b7819f7e900441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551020101046d306b0201010420fb1d5a378da3ec5f952bbff58691c5d59a48db8f8674273e5eae6dffc1136633a144034200045dfd8583f448e4b0cc94aad7bfd680e9f5cb2edc0491e2027625a0b8e144f006c32d1d71124361706f7f27ec3d2a3d45f2fad0e71a4eadadf1d5d89ce608bfab",
                .unsupportedKey
            ),
            // P-256 with another key's public half; with a private number of zero; cut short; with a byte too many.
            (SampleKeys.p256Private.replacing("c9afa9d8", with: "c9afa9d9"), .malformedKey),
            (
                SampleKeys.p256Private.replacing(
                    "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
                    with: String(repeating: "00", count: 32)), .malformedKey
            ),
            (String(SampleKeys.p256Private.dropLast(2)), .malformedKey), (SampleKeys.p256Private + "00", .malformedKey),
            ("302e020100300506032b657004220420" + SampleKeys.ed25519Seed.dropLast(2), .malformedKey),
            ("302e020100300506032b657004220420" + SampleKeys.ed25519Seed + "00", .malformedKey),
            ("302d020100300506032b65700421041f" + SampleKeys.ed25519Seed.dropLast(2), .malformedKey),
            ("3000", .malformedKey), ("30ffffffffffffffff", .malformedKey), ("00", .malformedKey),
        ] as [(String, SignatureError.Code)])
    func `other private keys are refused`(der: String, code: SignatureError.Code) throws {
        let pem = SampleKeys.pem("PRIVATE KEY", try Hexadecimal.bytes(der))
        #expect(#expect(throws: SignatureError.self) { try SigningKey(pem: pem) }?.code == code)
    }

    @Test(arguments: [
        ("ENCRYPTED PRIVATE KEY", "passphrase"), ("EC PRIVATE KEY", "openssl pkcs8"), ("PUBLIC KEY", "PRIVATE KEY"),
        ("OPENSSH PRIVATE KEY", "PRIVATE KEY"),
    ])
    func `other kinds of files are refused with a way out`(label: String, words: String) throws {
        let pem = SampleKeys.pem(label, try Hexadecimal.bytes(SampleKeys.p256Private))
        let error = #expect(throws: SignatureError.self) { try SigningKey(pem: pem) }
        #expect(error?.code == .unsupportedKey)
        #expect(error?.message.contains(words) == true)
    }

    @Test func `random changes of PKCS 8 neither crash nor give a key that does not sign`() throws {
        var generator = SeededGenerator(seed: 5958)
        for der in try [
            Hexadecimal.bytes(SampleKeys.p256Private),
            Hexadecimal.bytes("302e020100300506032b657004220420" + SampleKeys.ed25519Seed),
        ] {
            for _ in 0..<3000 {
                var changed = der
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    changed[Int.random(in: 0..<der.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                guard let key = try? SigningKey(pem: SampleKeys.pem("PRIVATE KEY", changed)) else { continue }
                #expect(key.publicKey.isValid(try key.signature(of: [7]), for: [7]))
            }
        }
    }
}
