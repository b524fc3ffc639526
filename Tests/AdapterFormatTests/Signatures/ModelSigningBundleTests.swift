import AdapterFormat
import Foundation
import Integrity
import Testing

/// What the OpenSSF verifier (PyPI's model-signing 1.1.1) looks at, read with Foundation.
struct ModelSigningBundleTests {
    private static let files = ["b.txt", "a/é.bin", "a.txt"]

    private func digests() -> [String: Digest] {
        Dictionary(uniqueKeysWithValues: Self.files.map { ($0, SHA256.hash(Array($0.utf8))) })
    }

    private func object(_ value: Any?) throws -> [String: Any] { try #require(value as? [String: Any]) }

    @Test func `the envelope is signed as DSSE says`() throws {
        let key = try SigningKey(generating: .p256)
        let bundle = try ModelSigningBundle(modelName: "support", files: digests(), key: key)
        let document = try object(JSONSerialization.jsonObject(with: Data(bundle.text.utf8)))
        #expect(document["mediaType"] as? String == "application/vnd.dev.sigstore.bundle.v0.3+json")
        let material = try object(document["verificationMaterial"])
        #expect(
            try object(material["publicKey"])["hint"] as? String
                == SHA256.hash(Array(key.publicKey.pem.utf8)).hexadecimal)
        #expect((material["tlogEntries"] as? [Any])?.isEmpty == true)
        let envelope = try object(document["dsseEnvelope"])
        #expect(envelope["payloadType"] as? String == "application/vnd.in-toto+json")
        let payload = try #require((envelope["payload"] as? String).flatMap { Data(base64Encoded: $0) })
        let signatures = try #require(envelope["signatures"] as? [[String: Any]])
        #expect(signatures.count == 1)
        let der = Array(try #require((signatures[0]["sig"] as? String).flatMap { Data(base64Encoded: $0) }))
        let message = Array("DSSEv1 28 application/vnd.in-toto+json \(payload.count) ".utf8) + payload
        // DER to r ‖ s.
        let first = Int(der[3])
        let raw = [der[4..<4 + first], der[(6 + first)...]].flatMap { number in
            Array(([UInt8](repeating: 0, count: 32) + number).suffix(32))
        }
        #expect(key.publicKey.isValid(raw, for: message))
    }

    @Test func `the statement names each file with its digest, in order`() throws {
        let bundle = try ModelSigningBundle(
            modelName: "support", files: digests(), key: SigningKey(generating: .p256))
        let document = try object(JSONSerialization.jsonObject(with: Data(bundle.text.utf8)))
        let payload = try #require(
            (try object(document["dsseEnvelope"])["payload"] as? String).flatMap { Data(base64Encoded: $0) })
        let statement = try object(JSONSerialization.jsonObject(with: payload))
        #expect(statement["_type"] as? String == "https://in-toto.io/Statement/v1")
        #expect(statement["predicateType"] as? String == "https://model_signing/signature/v1.0")
        let predicate = try object(statement["predicate"])
        let resources = try #require(predicate["resources"] as? [[String: String]])
        #expect(resources.map { $0["name"] } == ["a.txt", "a/é.bin", "b.txt"])
        #expect(resources.allSatisfy { $0["algorithm"] == "sha256" })
        #expect(resources.map { $0["digest"] } == resources.map { digests()[$0["name"] ?? ""]?.hexadecimal })
        let serialization = try object(predicate["serialization"])
        #expect(serialization["method"] as? String == "files")
        #expect(serialization["hash_type"] as? String == "sha256")
        #expect(serialization["allow_symlinks"] as? Bool == false)
        #expect((serialization["ignore_paths"] as? [String])?.contains("model.sig") == true)
        let subjects = try #require(statement["subject"] as? [[String: Any]])
        #expect(subjects.count == 1)
        #expect(subjects[0]["name"] as? String == "support")
        let root = SHA256.hash(["a.txt", "a/é.bin", "b.txt"].flatMap { digests()[$0]?.bytes ?? [] })
        #expect(try object(subjects[0]["digest"])["sha256"] as? String == root.hexadecimal)
    }

    @Test func `an Ed25519 key is refused`() throws {
        let error = #expect(throws: SignatureError.self) {
            try ModelSigningBundle(modelName: "x", files: digests(), key: SigningKey(generating: .ed25519))
        }
        #expect(error?.code == .unsupportedKey)
        #expect(error?.message.contains("--algorithm p256") == true)
    }
}
