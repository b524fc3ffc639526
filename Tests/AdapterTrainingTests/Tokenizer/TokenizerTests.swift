import ByteCoding
import FileSystem
import Foundation
import Testing

@testable import AdapterTraining

/// Token numbers equal those of Hugging Face's `tokenizers`, which made the cases.
@Suite struct TokenizerTests {
    /// The folders of cases; ADAPTERCTL_TOKENIZER_CASES names a folder with many more.
    static let folders: [String] =
        [TrainingFixtures.directory + "/tokenizers", ProcessInfo.processInfo.environment["ADAPTERCTL_TOKENIZER_CASES"]]
        .compactMap(\.self).flatMap { folder in
            ((try? Directory.names(in: folder)) ?? []).map { "\(folder)/\($0)" }
        }

    private static func tokenizer(_ folder: String) throws -> Tokenizer {
        let own = folder + "/tokenizer.json"
        return try Tokenizer(
            opening: Directory.kind(of: own) == nil ? TrainingFixtures.tinyModel + "/tokenizer.json" : own)
    }

    @Test(arguments: folders)
    func `equals Hugging Face's tokens`(_ folder: String) throws {
        let tokenizer = try Self.tokenizer(folder)
        let cases = try #require(try TrainingFixtures.json(folder + "/cases.json").array)
        #expect(cases.count > 50)
        var differences: [String] = []
        for item in cases {
            let text = try #require(item["text"]?.string)
            let ids = try #require(item["ids"]?.array).compactMap { $0.integer.map(Int32.init) }
            if tokenizer.encode(text) != ids { differences.append(text.debugDescription) }
        }
        #expect(differences == [], "\(differences.count) of \(cases.count)")
    }

    @Test(arguments: [
        // Both marks are in Unicode 9, so the one of the lower class goes first.
        ("q\u{301}\u{334}", "q\u{334}\u{301}"), ("e\u{301}", "\u{E9}"), ("q\u{1DFB}\u{334}", "q\u{334}\u{1DFB}"),
        // These came with Unicode 10, 11 and 14, and nothing moves over them.
        ("q\u{1DF6}\u{334}", "q\u{1DF6}\u{334}"), ("q\u{7FD}\u{334}\u{e9}", "q\u{7FD}\u{334}\u{e9}"),
        ("e\u{898}\u{301}", "e\u{898}\u{301}"), ("\u{11935}\u{11930}e\u{301}", "\u{11935}\u{11930}\u{E9}"),
        ("a\u{F73}\u{315}\u{F71}\u{300}", "\u{E0}\u{F71}\u{F71}\u{F72}\u{315}"), ("", ""),
    ]) func `texts are composed by the tables that Hugging Face has`(_ text: String, _ expected: String) {
        #expect(Tokenizer.composed(Array(text.utf8)[...]) == Array(expected.utf8))
    }

    @Test func `a text that survives encoding comes back`() throws {
        let tokenizer = try Self.tokenizer(Self.folders[0])
        for text in ["The king said, \"Go!\"\n\n  12 345", "日本語 naïve 👩‍👩‍👧"] {
            #expect(tokenizer.decode(tokenizer.encode(text)) == text)
        }
    }

    @Test func `parts are encoded as a whole`() throws {
        for folder in Self.folders {
            let tokenizer = try Self.tokenizer(folder)
            let parts = ["<|im_start|>user\nDefine e", "\u{301}clat.<|im_end|>", "\n", "", "Brilliance", " itself"]
            let encoding = tokenizer.encode(parts)
            #expect(encoding.ids == tokenizer.encode(parts.joined()))
            #expect(encoding.parts == encoding.parts.sorted())
            let last = zip(encoding.ids, encoding.parts).filter { $0.1 == 5 }.map(\.0)
            #expect(tokenizer.decode(last) == " itself")
        }
    }

    /// A vocabulary that lacks most bytes; numbers by `tokenizers` 0.23.
    private static func sparse(_ settings: String) throws -> Tokenizer {
        try Tokenizer(
            parsing: Array(
                (#"{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"<unk>":3},"merges":["a b"]"# + settings
                    + #"},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}}"#).utf8))
    }

    @Test(
        arguments: [
            ("", [[2, 2], [2], [2], [2], [2]]),
            (#","unk_token":"<unk>""#, [[2, 3, 3, 2], [0, 3, 3, 1], [0, 3, 1], [3, 2], [2, 3]]),
            (#","unk_token":"<unk>","fuse_unk":true"#, [[2, 3, 2], [0, 3, 1], [0, 3, 1], [3, 2], [2, 3]]),
        ] as [(String, [[Int32]])])
    func `bytes that the vocabulary lacks are left out, unknown, or unknown together`(
        _ settings: String, _ expected: [[Int32]]
    ) throws {
        let tokenizer = try Self.sparse(settings)
        #expect(["abcdab", "a\u{E9}b", "a b", "cab", "abc"].map { tokenizer.encode($0) } == expected)
    }

    @Test func `a token lies in the part of its last byte, whatever was left out or composed before it`() throws {
        let sparse = try Self.sparse("")
        // The second token is what merges over the bytes that are left out.
        #expect(sparse.encode(["ab", "a\u{E9}\u{E9}", "b", "a"]).parts == [0, 2, 3])
        #expect(try Self.sparse(#","unk_token":"<unk>","fuse_unk":true"#).encode(["ac", "c", "b"]).parts == [0, 1, 2])
        let composing = try Self.tokenizer(TrainingFixtures.directory + "/tokenizers/qwen")
        let letters = Array(repeating: "e\u{301} ", count: 9).joined()
        let encoding = composing.encode([letters, "last"])
        let tail = zip(encoding.ids, encoding.parts).filter { $0.1 == 1 }.map(\.0)
        #expect(composing.decode(tail).hasSuffix("last") && tail.count <= composing.encode(" last").count)
    }

    @Test func `one word of a megabyte takes no quadratic time`() throws {
        let tokenizer = try Self.tokenizer(Self.folders[0])
        let text = String(repeating: "abcd", count: 1 << 18)
        #expect(tokenizer.decode(tokenizer.encode(text)) == text)
    }

    @Test(arguments: [
        (#"{}"#, "invalidTokenizer"), (#"{"model":{"type":"Unigram"}}"#, "unsupportedTokenizer"),
        (#"{"model":{"type":"BPE","byte_fallback":true}}"#, "unsupportedTokenizer"),
        (#"{"model":{"vocab":{"a":-1},"merges":[]}}"#, "invalidTokenizer"),
        (#"{"model":{"vocab":{"a":99999999999},"merges":[]}}"#, "invalidTokenizer"),
        (#"{"model":{"vocab":{"a":0},"merges":["a"]}}"#, "invalidTokenizer"),
        (#"{"model":{"vocab":{"a":0},"merges":["a b"]},"pre_tokenizer":{"type":"ByteLevel"}}"#, "invalidTokenizer"),
        (#"{"model":{"vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"Metaspace"}}"#, "unsupportedTokenizer"),
        (#"{"model":{"vocab":{"a":0},"merges":[]},"normalizer":{"type":"Lowercase"}}"#, "unsupportedTokenizer"),
        (#"{"model":{"vocab":{"a":0},"merges":[]}}"#, "unsupportedTokenizer"),
        ("nonsense", "invalidTokenizer"),
    ])
    func `what is not understood is refused`(_ text: String, _ code: String) throws {
        let error = #expect(throws: TrainingError.self) { _ = try Tokenizer(parsing: Array(text.utf8)) }
        #expect(error?.code.description == code)
    }
}
