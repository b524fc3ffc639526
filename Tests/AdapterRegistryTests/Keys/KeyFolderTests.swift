import AdapterRegistry
import AdapterTesting
import FileSystem
import Foundation
import Integrity
import Testing

@Suite struct KeyFolderTests {
    private func withFolder(_ body: (KeyFolder) throws -> Void) throws {
        try withTemporaryDirectory { try body(KeyFolder($0 + "/config/keys")) }
    }

    private func name(_ text: String) throws -> KeyName { try KeyName(parsing: text) }

    private func date(_ text: String) throws -> UTCDate { try UTCDate(parsing: text) }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    private func expectCode(_ code: RegistryError.Code, _ body: () throws -> Void) {
        let error = #expect(throws: RegistryError.self, performing: body)
        #expect(error?.code == code)
    }

    @Test func `a folder that does not exist has no keys and is not made by reading`() throws {
        try withFolder { keys throws in
            #expect(try keys.names().isEmpty)
            #expect(try keys.trustedKeys().isEmpty)
            expectCode(.notFound) { _ = try keys.trustedKey(name("a")) }
            expectCode(.notFound) { _ = try keys.signingKey(name("a")) }
            expectCode(.notFound) { try keys.remove(name("a")) }
            #expect(Directory.kind(of: keys.directory) == nil)
        }
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func `a made key is trusted and signs, and only its owner can read it`(_ algorithm: SignatureAlgorithm) throws {
        try withFolder { keys throws in
            let made = try keys.generate(name("release"), algorithm, expires: date("2030-12-31"))
            #expect(try keys.trustedKey(name("release")) == made)
            #expect(try keys.trustedKeys() == [made])
            #expect(made.expires?.description == "2030-12-31")
            #expect(keys.hasPrivateKey(try name("release")))
            let signing = try keys.signingKey(name("release"))
            #expect(signing.publicKey == made.publicKey)
            #expect(signing.publicKey.algorithm == algorithm)
            #expect(try InputFile(opening: keys.directory + "/release.pem").mode == 0o600)
            #expect(try InputFile(opening: keys.directory + "/release.json").mode == 0o644)
            #expect(try Directory.names(in: keys.directory) == ["release.json", "release.pem"])
        }
    }

    @Test func `no key is overwritten`() throws {
        try withFolder { keys throws in
            let first = try keys.generate(name("a"), .ed25519)
            let privateKey = try text(keys.directory + "/a.pem")
            expectCode(.conflict) { _ = try keys.generate(name("a"), .p256) }
            expectCode(.conflict) {
                _ = try keys.trust(SigningKey(generating: .ed25519).publicKey, as: name("a"))
            }
            #expect(try keys.trustedKey(name("a")) == first)
            #expect(try text(keys.directory + "/a.pem") == privateKey)
            // A private key without its record, as after a crash in between.
            try Directory.remove(keys.directory + "/a.json")
            expectCode(.conflict) { _ = try keys.generate(name("a"), .ed25519) }
            #expect(try text(keys.directory + "/a.pem") == privateKey)
        }
    }

    @Test func `trusting again changes the expiry only`() throws {
        try withFolder { keys throws in
            let key = try SigningKey(generating: .p256).publicKey
            #expect(try keys.trust(key, as: name("bob")).expires == nil)
            let record = try text(keys.directory + "/bob.json")
            #expect(try keys.trust(key, as: name("bob")).publicKey == key)
            #expect(try text(keys.directory + "/bob.json") == record)
            #expect(try keys.trust(key, as: name("bob"), expires: date("2027-01-31")).publicKey == key)
            #expect(try keys.trustedKey(name("bob")).expires?.description == "2027-01-31")
            #expect(try keys.trust(key, as: name("bob")).expires == nil)
            #expect(try text(keys.directory + "/bob.json") == record)
            #expect(!keys.hasPrivateKey(try name("bob")))
            expectCode(.notFound) { _ = try keys.signingKey(name("bob")) }
            // One key may have several names.
            #expect(try keys.trust(key, as: name("robert")).publicKey == key)
            #expect(try keys.names().map(\.description) == ["bob", "robert"])
        }
    }

    @Test func `a record is deterministic JSON`() throws {
        try withFolder { keys throws in
            let key = try PublicKey(
                der: Hexadecimal.bytes(
                    "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
            _ = try keys.trust(key, as: name("rfc8032"), expires: date("2030-12-31"))
            let expected = """
                {
                  "expires": "2030-12-31",
                  "name": "rfc8032",
                  "publicKey": "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\\n-----END PUBLIC KEY-----\\n",
                  "type": "adapterctl-key-v1"
                }

                """
            #expect(try text(keys.directory + "/rfc8032.json") == expected)
        }
    }

    @Test func `a private key is removed only when that is said`() throws {
        try withFolder { keys throws in
            _ = try keys.generate(name("a"), .ed25519)
            expectCode(.conflict) { try keys.remove(name("a")) }
            #expect(try keys.names().count == 1)
            try keys.remove(name("a"), withPrivateKey: true)
            #expect(try Directory.names(in: keys.directory).isEmpty)
            _ = try keys.trust(SigningKey(generating: .ed25519).publicKey, as: name("b"))
            try keys.remove(name("b"))
            #expect(try keys.names().isEmpty)
            expectCode(.notFound) { try keys.remove(name("b")) }
        }
    }

    @Test func `a private key that does not belong to the trusted one does not sign`() throws {
        try withFolder { keys throws in
            _ = try keys.generate(name("a"), .ed25519)
            _ = try keys.generate(name("b"), .ed25519)
            let other = try text(keys.directory + "/b.pem")
            try other.write(toFile: keys.directory + "/a.pem", atomically: true, encoding: .utf8)
            let error = #expect(throws: SignatureError.self) { try keys.signingKey(name("a")) }
            #expect(error?.code == .wrongKey)
        }
    }

    @Test(arguments: [
        ("", ""), ("{", ""), ("-v1", "-v2"), ("\"a\"", "\"b\""), ("\"name\"", "\"Name\""),
        ("\"type\"", "\"more\": 1, \"type\""),
        ("\"type\"", "\"expires\": 5, \"type\""), ("\"type\"", "\"expires\": \"2025-02-30\", \"type\""),
        ("\"type\"", "\"name\": \"a\", \"type\""), ("BEGIN PUBLIC", "BEGIN PRIVATE"), ("MCow", "MCox"), ("\\n", ""),
    ])
    func `a damaged record is refused`(old: String, new: String) throws {
        try withFolder { keys throws in
            _ = try keys.trust(SigningKey(generating: .ed25519).publicKey, as: name("a"))
            let path = keys.directory + "/a.json"
            let record = try text(path)
            let changed = old.isEmpty ? "" : record.replacing(old, with: new)
            #expect(changed != record)
            try changed.write(toFile: path, atomically: true, encoding: .utf8)
            let error = #expect(throws: SignatureError.self) { try keys.trustedKey(name("a")) }
            #expect(error?.message.contains(path) == true)
            #expect(throws: SignatureError.self) { try keys.trustedKeys() }
            // It can be removed all the same.
            try keys.remove(name("a"))
        }
    }

    @Test func `other files in the folder are left alone`() throws {
        try withFolder { keys throws in
            _ = try keys.generate(name("a"), .ed25519)
            for file in ["README.md", ".hidden.json", "two words.json", "b.pem", "c.pub"] {
                try "x".write(toFile: "\(keys.directory)/\(file)", atomically: false, encoding: .utf8)
            }
            #expect(try keys.names().map(\.description) == ["a"])
        }
    }

    @Test func `of processes that make one key, one does`() throws {
        try withFolder { keys throws in
            let failures = Failures()
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                failures.record { _ = try keys.generate(KeyName(parsing: "a"), .ed25519) }
            }
            #expect(failures.all.count == 7)
            #expect(try keys.signingKey(name("a")).publicKey == keys.trustedKey(name("a")).publicKey)
            #expect(try Directory.names(in: keys.directory) == ["a.json", "a.pem"])
        }
    }
}
