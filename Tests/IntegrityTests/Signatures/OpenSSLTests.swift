import AdapterTesting
import Foundation
import Integrity
import Testing

/// The `openssl` program as an independent peer, with its own key files and its own idea of signatures.
@Suite(.enabled(if: OpenSSLProgram.path != nil, "the openssl program is not installed"))
struct OpenSSLTests {
    @Test(arguments: SignatureAlgorithm.allCases) func `openssl verifies what we sign`(_ algorithm: SignatureAlgorithm)
        throws
    {
        try withTemporaryDirectory { folder in
            let openssl = OpenSSLProgram(folder: folder)
            let key = try SigningKey(generating: algorithm)
            let message = Array("to be signed".utf8)
            try openssl.write(key.publicKey.pem, "public.pem")
            try openssl.write(message, "message")
            let signature = try key.signature(of: message)
            try openssl.write(algorithm == .p256 ? der(signature) : signature, "signature")
            #expect(try openssl.verify(algorithm) == 0)
            try openssl.write(message + [0], "message")
            #expect(try openssl.verify(algorithm) != 0)
        }
    }

    @Test(arguments: SignatureAlgorithm.allCases) func `we verify what openssl signs with our key`(
        _ algorithm: SignatureAlgorithm
    ) throws {
        try withTemporaryDirectory { folder in
            let openssl = OpenSSLProgram(folder: folder)
            let key = try SigningKey(generating: algorithm)
            let message = Array("to be signed".utf8)
            try openssl.write(key.pem(), "private.pem")
            try openssl.write(message, "message")
            try openssl.sign(algorithm)
            let signature = try openssl.read("signature")
            let raw = algorithm == .p256 ? rawBytes(signature) : signature
            #expect(key.publicKey.isValid(raw, for: message))
            #expect(!key.publicKey.isValid(raw, for: message + [0]))
        }
    }

    @Test(arguments: [
        (SignatureAlgorithm.ed25519, ["genpkey", "-algorithm", "ed25519"]),
        (.p256, ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ])
    func `keys that openssl makes are read and written alike`(algorithm: SignatureAlgorithm, arguments: [String]) throws
    {
        try withTemporaryDirectory { folder in
            let openssl = OpenSSLProgram(folder: folder)
            #expect(try openssl.run(arguments + ["-out", "private.pem"]) == 0)
            #expect(try openssl.run(["pkey", "-in", "private.pem", "-pubout", "-out", "public.pem"]) == 0)
            #expect(
                try openssl.run(["pkey", "-in", "private.pem", "-pubout", "-outform", "DER", "-out", "public.der"]) == 0
            )
            let privatePEM = String(decoding: try openssl.read("private.pem"), as: UTF8.self)
            let publicPEM = String(decoding: try openssl.read("public.pem"), as: UTF8.self)
            let key = try SigningKey(pem: privatePEM)
            #expect(key.publicKey.algorithm == algorithm)
            #expect(try key.pem() == privatePEM)
            #expect(key.publicKey.pem == publicPEM)
            #expect(key.publicKey.id == SHA256.hash(try openssl.read("public.der")))
        }
    }

    @Test func `keys that openssl makes otherwise are refused with a way out`() throws {
        try withTemporaryDirectory { folder in
            let openssl = OpenSSLProgram(folder: folder)
            let curve = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]
            #expect(try openssl.run(curve + ["sec1.pem"]) == 0)
            #expect(
                try openssl.run(["pkey", "-in", "sec1.pem", "-aes128", "-passout", "pass:x", "-out", "encrypted.pem"])
                    == 0)
            #expect(
                try openssl.run(["ec", "-in", "sec1.pem", "-pubout", "-conv_form", "compressed", "-out", "short.pem"])
                    == 0)
            for name in ["sec1.pem", "encrypted.pem"] {
                let pem = String(decoding: try openssl.read(name), as: UTF8.self)
                #expect(#expect(throws: SignatureError.self) { try SigningKey(pem: pem) }?.code == .unsupportedKey)
            }
            let pem = String(decoding: try openssl.read("short.pem"), as: UTF8.self)
            #expect(#expect(throws: SignatureError.self) { try PublicKey(pem: pem) }?.code == .unsupportedKey)
            // The remedy that the message names.
            #expect(try openssl.run(["pkcs8", "-topk8", "-nocrypt", "-in", "sec1.pem", "-out", "key.pem"]) == 0)
            _ = try SigningKey(pem: String(decoding: openssl.read("key.pem"), as: UTF8.self))
        }
    }

    // The tests' own ASN.1: SEQUENCE { INTEGER r, INTEGER s }.
    private func der(_ raw: [UInt8]) -> [UInt8] {
        func integer(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
            let digits = [0] + bytes
            let start = digits.indices.first { $0 == 32 || digits[$0] != 0 || digits[$0 + 1] >= 0x80 } ?? 0
            return [2, UInt8(33 - start)] + digits[start...]
        }
        let body = integer(raw[..<32]) + integer(raw[32...])
        return [0x30, UInt8(body.count)] + body
    }

    private func rawBytes(_ der: [UInt8]) -> [UInt8] {
        let first = Int(der[3])
        return [der[4..<4 + first], der[(6 + first)...]].flatMap { number -> [UInt8] in
            Array(([UInt8](repeating: 0, count: 32) + number).suffix(32))
        }
    }
}

/// Runs `openssl` in a folder.
struct OpenSSLProgram {
    static let path = ["/usr/bin/openssl", "/usr/local/bin/openssl", "/bin/openssl"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    let folder: String

    func run(_ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.path ?? "")
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    func sign(_ algorithm: SignatureAlgorithm) throws {
        let status =
            switch algorithm {
            case .ed25519:
                try run(["pkeyutl", "-sign", "-rawin", "-inkey", "private.pem", "-in", "message", "-out", "signature"])
            case .p256: try run(["dgst", "-sha256", "-sign", "private.pem", "-out", "signature", "message"])
            }
        #expect(status == 0)
    }

    func verify(_ algorithm: SignatureAlgorithm) throws -> Int32 {
        switch algorithm {
        case .ed25519:
            try run([
                "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "public.pem", "-in", "message", "-sigfile",
                "signature",
            ])
        case .p256: try run(["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "message"])
        }
    }

    func write(_ bytes: [UInt8], _ name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }

    func write(_ text: String, _ name: String) throws { try write(Array(text.utf8), name) }

    func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
    }
}
