import AdapterTesting
import Foundation
import Integrity
import Testing

struct PublicKeyTests {
    /// What stands before the 32 or 64 bytes of a key (RFC 8410 and RFC 5480).
    private static let ed25519 = "302a300506032b6570032100"
    private static let p256 = "3059301306072a8648ce3d020106082a8648ce3d03010703420004"

    @Test func `the key of RFC 8032 has this id`() throws {
        let key = try SampleKeys.ed25519().publicKey
        #expect(key.algorithm == .ed25519)
        // From Python's cryptography and hashlib.
        #expect(key.id.hexadecimal == "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9")
        #expect(
            key.der
                == (try Hexadecimal.bytes(
                    Self.ed25519 + "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")))
    }

    @Test(arguments: SignatureAlgorithm.allCases) func `PEM is that of Foundation, and is read again`(
        _ algorithm: SignatureAlgorithm
    ) throws {
        let key = try SampleKeys.key(algorithm).publicKey
        #expect(key.pem == SampleKeys.pem("PUBLIC KEY", key.der))
        #expect(try PublicKey(pem: key.pem) == key)
        #expect(try PublicKey(pem: "\n \n" + key.pem.replacing("\n", with: "\r\n") + "\t\r\n\n") == key)
        #expect(try PublicKey(pem: String(key.pem.dropLast())) == key)
    }

    @Test(arguments: [
        // RSA, P-384, secp256k1, X25519, Ed448, and P-256 as a compressed point.
        "30819f300d06092a864886f70d010101050003818d0030818902818100ad1afea2614c3be84c4d6603346b4f7fd1a395bf40df064411cf6e13dbefca0be7a6d63cf8eee82421ed760e93748a620cf0acf47a9b54ccda42f72112d85e9dcebed4b9c58eded6d443c4d7101fe97df7ad13e5c7c9849873806a5423387a0128fec725645ec3b8823e952c4f9b29fd10869812e0cfaef5a4cc16b26e1fb71b0203010001",
        "3076301006072a8648ce3d020106052b8104002203620004f0f978a46192b80e6e7e6f56eb52771a49fda8474f3ad0158316a1ed30e42ef619b05c8bba851594dcc799c655e700f96a9408a2ea8c26555880feb8b5f9aea0c9692472d018f970f25a3755e0595f413816d1d0f097b68364f563a18123457c",
        "3056301006072a8648ce3d020106052b8104000a0342000440033cad3dfe3828dfab0ac348c7dcae455ac08144f1cd8ba9dd4300ed5894a81b78ced05860e0d8681250b67109f4db4f0f975a3d00e0f76cbd4c352f7548d5",
        "302a300506032b656e032100bdfef2d3f1770890f9bbf37642d363a2904b023d2400dd2beb7ef26995907e0d",
        "3043300506032b6571033a000121169888e24091e02b9328fa6f6f6faaa801531b14269ceffad59d96dd2570b426648507ce81b250f689ec19defdea318f4cc1015b97c180",
        "3039301306072a8648ce3d020106082a8648ce3d0301070322000360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
    ])
    func `other kinds of keys are not supported`(der: String) throws {
        let der = try Hexadecimal.bytes(der)
        #expect(#expect(throws: SignatureError.self) { try PublicKey(der: der) }?.code == .unsupportedKey)
        let pem = SampleKeys.pem("PUBLIC KEY", der)
        #expect(#expect(throws: SignatureError.self) { try PublicKey(pem: pem) }?.code == .unsupportedKey)
    }

    @Test func `a point that is not on the curve is refused`() throws {
        for point in [
            String(repeating: "00", count: 64), String(repeating: "ff", count: 64),
            SampleKeys.p256Point.dropLast(2) + "98",
        ] {
            let der = try Hexadecimal.bytes(Self.p256 + point)
            #expect(#expect(throws: SignatureError.self) { try PublicKey(der: der) }?.code == .malformedKey)
        }
    }

    @Test(arguments: SignatureAlgorithm.allCases) func `every truncation and extension of the DER is refused`(
        _ algorithm: SignatureAlgorithm
    ) throws {
        let der = try SampleKeys.key(algorithm).publicKey.der
        for count in 0..<der.count {
            #expect(throws: SignatureError.self) { try PublicKey(der: Array(der.prefix(count))) }
        }
        #expect(throws: SignatureError.self) { try PublicKey(der: der + [0]) }
    }

    @Test(arguments: SignatureAlgorithm.allCases) func `every changed bit gives another key or none`(
        _ algorithm: SignatureAlgorithm
    ) throws {
        let key = try SampleKeys.key(algorithm).publicKey
        for bit in 0..<8 * key.der.count {
            var der = key.der
            der[bit / 8] ^= 1 << (bit % 8)
            guard let other = try? PublicKey(der: der) else { continue }
            #expect(other.id != key.id)
            #expect(bit / 8 >= der.count - 64)
        }
    }

    @Test func `a label cannot steer the terminal`() throws {
        let error = #expect(throws: SignatureError.self) { try PublicKey(pem: "-----BEGIN \u{1B}[2J-----\n") }
        let message = try #require(error?.message)
        #expect(message.contains("[2J"))
        #expect(!message.unicodeScalars.contains { $0.properties.generalCategory == .control })
    }

    @Test(
        arguments: [
            ("", .malformedKey), ("MCowBQYDK2VwAyEA", .malformedKey), ("-----BEGIN PUBLIC KEY-----", .malformedKey),
            ("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", .malformedKey),
            ("-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----\n", .malformedKey),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", .malformedKey),
            ("-----BEGIN PUBLIC KEY-----\n{base64}\n", .malformedKey),
            ("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PRIVATE KEY-----\n", .malformedKey),
            ("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\nmore\n", .malformedKey),
            ("before\n-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n", .malformedKey),
            (" -----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n", .malformedKey),
            ("-----BEGIN PUBLIC KEY-----\nComment: x\n\n{base64}\n-----END PUBLIC KEY-----\n", .malformedKey),
            ("-----BEGIN PUBLIC KEY-----\n{broken}\n-----END PUBLIC KEY-----\n", .malformedKey),
            ("-----BEGIN PUBLIC KEY-----\n{base64}=\n-----END PUBLIC KEY-----\n", .malformedKey),
            ("-----BEGIN PUBLIC KEY----- {base64} -----END PUBLIC KEY-----", .unsupportedKey),
            ("-----BEGIN public key-----\n{base64}\n-----END public key-----\n", .unsupportedKey),
            ("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n", .unsupportedKey),
            ("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n", .unsupportedKey),
            ("-----BEGIN RSA PUBLIC KEY-----\n{base64}\n-----END RSA PUBLIC KEY-----\n", .unsupportedKey),
        ] as [(String, SignatureError.Code)])
    func `malformed PEM is refused`(template: String, code: SignatureError.Code) throws {
        let base64 = Data(try SampleKeys.ed25519().publicKey.der).base64EncodedString()
        let text = template.replacing("{base64}", with: base64)
            .replacing("{broken}", with: base64.prefix(20) + "\n" + base64.dropFirst(20))
        let error = #expect(throws: SignatureError.self, "\(text)") { try PublicKey(pem: text) }
        #expect(error?.code == code, "\(text)")
    }

    @Test func `a huge text is refused`() {
        let text = SampleKeys.pem("PUBLIC KEY", [UInt8](repeating: 0x30, count: 1 << 20))
        #expect(#expect(throws: SignatureError.self) { try PublicKey(pem: text) }?.code == .malformedKey)
    }

    @Test func `random changes of PEM never give the same key from other base64`() throws {
        let key = try SampleKeys.p256().publicKey
        let text = Array(key.pem.utf8)
        var generator = SeededGenerator(seed: 7468)
        for _ in 0..<5000 {
            var changed = text
            let index = Int.random(in: 0..<text.count, using: &generator)
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: changed[index] = UInt8.random(in: 0...127, using: &generator)
            case 1: changed.remove(at: index)
            default: changed.insert(UInt8.random(in: 0...127, using: &generator), at: index)
            }
            guard let other = try? PublicKey(pem: String(decoding: changed, as: UTF8.self)) else { continue }
            #expect(other != key || changed.filter { $0 > 0x20 } == text.filter { $0 > 0x20 })
        }
    }
}
