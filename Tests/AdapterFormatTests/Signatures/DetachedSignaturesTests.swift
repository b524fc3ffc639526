import AdapterFormat
import AdapterTesting
import FileSystem
import Integrity
import Testing

struct DetachedSignaturesTests {
    private static let contentRoot = "sha256:" + String(repeating: "22", count: 32)
    private static let id = "sha256:06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9"
    private static let digits =
        "d8e45b3f34f59bd3afc142b3cf7523a53559706c0105f30e0e4609b86bce14d7"
        + "a4aaaee880320518214e5a32bc1b4c144afd3f3e23167526b4df58e177f22c06"
    private static let text = """
        {
          "contentRoot": "\(contentRoot)",
          "signatures": [
            {
              "algorithm": "ed25519",
              "expires": "2030-12-31",
              "key": "\(id)",
              "signature": "\(digits)"
            }
          ],
          "type": "adapterctl-signatures-v1"
        }

        """

    @Test func `a document is read, is valid, and is written alike`() throws {
        let document = try DetachedSignatures(parsing: Array(Self.text.utf8))
        #expect("\(document.contentRoot)" == Self.contentRoot)
        #expect(document.signatures.map(\.expires?.description) == ["2030-12-31"])
        #expect(document.text == Self.text)
        // The public key of RFC 8032, TEST 1; the signature is by Python's cryptography.
        let key = try PublicKey(
            der: Hexadecimal.bytes(
                "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
        #expect(document.signatures[0].isValid(for: document.contentRoot, by: key))
    }

    @Test func `spaces and the order of members do not matter`() throws {
        let text = """
            {"type":"adapterctl-signatures-v1","signatures":[{"signature":"\(Self.digits)","key":"\(Self.id)",
            "algorithm":"ed25519","expires":"2030-12-31"}],"contentRoot":"\(Self.contentRoot)"}
            """
        #expect(try DetachedSignatures(parsing: Array(text.utf8)).text == Self.text)
    }

    @Test(arguments: [
        ("", ""), ("\"type\"", "\"Type\""), ("-v1", "-v2"), ("\"contentRoot\"", "\"contentroot\""), ("sha256:22", "22"),
        ("sha256:22", "sha512:22"), ("2222", "222g"), ("[", "{"), ("  \"type\"", "  \"more\": 1,\n  \"type\""),
        ("  \"type\"", "  \"type\": \"adapterctl-signatures-v1\",\n  \"type\""), ("}\n", "}\n}"), ("2030", "1930"),
        ("\"key\"", "\"key\": \"x\",\n\"key\""),
    ])
    func `malformed documents are refused`(old: String, new: String) throws {
        let text = old.isEmpty ? "" : Self.text.replacing(old, with: new)
        #expect(text != Self.text)
        let error = #expect(throws: SignatureError.self) { try DetachedSignatures(parsing: Array(text.utf8)) }
        #expect(error?.code == .malformedSignature)
    }

    @Test func `every truncation is refused, and no changed byte gives other valid content`() throws {
        let text = Array(Self.text.utf8)
        let original = try DetachedSignatures(parsing: text)
        for count in 0..<text.count - 1 {
            #expect(throws: SignatureError.self) { try DetachedSignatures(parsing: Array(text.prefix(count))) }
        }
        let key = try PublicKey(
            der: Hexadecimal.bytes(
                "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
        for index in text.indices {
            for bit in 0..<8 {
                var changed = text
                changed[index] ^= 1 << bit
                guard let document = try? DetachedSignatures(parsing: changed), document != original else { continue }
                #expect(!document.signatures.contains { $0.isValid(for: document.contentRoot, by: key) })
            }
        }
    }

    @Test func `files are read up to their limit`() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/a.sig"
            try SignedFile.store(Array(Self.text.utf8), at: path)
            #expect(try DetachedSignatures(readingFile: path).text == Self.text)
            try SignedFile.store(
                Array(Self.text.utf8) + [UInt8](repeating: 0x20, count: 64 << 10), at: path)
            let error = #expect(throws: SignatureError.self) { try DetachedSignatures(readingFile: path) }
            #expect(error?.code == .malformedSignature)
            let missing = #expect(throws: FileSystemError.self) {
                try DetachedSignatures(readingFile: folder + "/none")
            }
            #expect(missing?.code == .notFound)
        }
    }

    @Test func `none or too many signatures are refused`() throws {
        let contentRoot = try #require(Digest(parsing: Self.contentRoot))
        let signatures = try (0..<65).map { _ in try SigningKey(generating: .ed25519).sign(contentRoot) }
            .sorted { $0.keyID < $1.keyID }
        for wrong in [[], signatures, [signatures[1], signatures[0]]] {
            let error = #expect(throws: SignatureError.self) {
                try DetachedSignatures(contentRoot: contentRoot, signatures: wrong)
            }
            #expect(error?.code == .malformedSignature)
        }
        let all = try DetachedSignatures(contentRoot: contentRoot, signatures: Array(signatures.prefix(64)))
        #expect(try DetachedSignatures(parsing: Array(all.text.utf8)) == all)
    }
}
