internal import Foundation

/// Text to token numbers and back, as Hugging Face's `tokenizers` does it for byte-level BPE.
public struct Tokenizer: Sendable {
    /// The tokens of a text made of several parts.
    public struct Encoding: Hashable, Sendable {
        /// The tokens' numbers.
        public var ids: [Int32] = []
        /// For each token the part of the text in which its last byte lies.
        public var parts: [Int] = []
    }

    /// One more than the largest token number.
    public let tokenCount: Int
    /// The numbers that the tokenizer puts before and after every text, such as Llama 3's `<|begin_of_text|>`.
    public let prefix: [Int32]
    /// See ``prefix``.
    public let suffix: [Int32]

    private let added: AddedTokens
    /// Added tokens that are looked for after normalisation.
    private let addedNormalized: AddedTokens
    private let normalizesToNFC: Bool
    private let splitters: [TextSplitter]
    private let encoder: BytePairEncoder
    private let contents: [Int32: [UInt8]]
    private let addedIDs: [String: Int32]

    init(_ document: TokenizerDocument) throws {
        let vocabulary = document.vocabulary
        added = AddedTokens(document.addedTokens.filter { !$0.isNormalized }.map(\.entry))
        addedNormalized = AddedTokens(
            document.addedTokens.filter(\.isNormalized).map { token in
                guard document.normalizesToNFC else { return token.entry }
                let content = String(decoding: token.entry.content, as: UTF8.self).precomposedStringWithCanonicalMapping
                return AddedTokens.Entry(
                    id: token.entry.id, content: Array(content.utf8), isSingleWord: token.entry.isSingleWord,
                    stripsLeft: token.entry.stripsLeft, stripsRight: token.entry.stripsRight)
            })
        normalizesToNFC = document.normalizesToNFC
        splitters = document.splitters
        encoder = try BytePairEncoder(
            vocabulary: vocabulary, merges: document.merges, ignoresMerges: document.ignoresMerges,
            unknownID: document.unknownToken.flatMap { vocabulary[$0] }, fusesUnknown: document.fusesUnknown)
        prefix = document.prefix
        suffix = document.suffix
        var contents: [Int32: [UInt8]] = [:]
        contents.reserveCapacity(vocabulary.count)
        for (token, id) in vocabulary { contents[id] = ByteAlphabet.bytes(of: token) ?? Array(token.utf8) }
        var addedIDs: [String: Int32] = [:]
        for token in document.addedTokens {
            contents[token.entry.id] = token.entry.content
            addedIDs[String(decoding: token.entry.content, as: UTF8.self)] = token.entry.id
        }
        self.contents = contents
        self.addedIDs = addedIDs
        tokenCount = Int(contents.keys.max() ?? -1) + 1
    }

    /// The number of an added token, such as `<|im_end|>`; nil when there is none with that text.
    public func addedToken(_ content: String) -> Int32? { addedIDs[content] }

    /// The tokens of a text, without ``prefix`` and ``suffix``.
    public func encode(_ text: String) -> [Int32] { encode([text]).ids }

    /// The tokens of a text that is given in parts and encoded as a whole.
    ///
    /// Encoded apart, the parts could give other tokens than those that a model sees when it reads the whole.
    public func encode(_ parts: [String]) -> Encoding {
        var ends: [Int] = []
        var text: [UInt8] = []
        for part in parts {
            text += part.utf8
            ends.append(text.count)
        }
        var encoding = Encoding()
        for part in added.split(text) {
            if let id = part.id {
                encoding.ids.append(id)
                encoding.parts.append(ends.firstIndex { part.range.upperBound <= $0 } ?? parts.count - 1)
            } else {
                encode(text[part.range], ends: ends.map { $0 - part.range.lowerBound }, into: &encoding)
            }
        }
        return encoding
    }

    /// The text of some tokens; bytes that are no UTF-8 become U+FFFD.
    public func decode(_ ids: some Sequence<Int32>) -> String {
        String(decoding: ids.flatMap { contents[$0] ?? [] }, as: UTF8.self)
    }

    /// Encodes what lies between added tokens; `ends` says where parts end, counted from its start.
    private func encode(_ bytes: ArraySlice<UInt8>, ends: [Int], into encoding: inout Encoding) {
        var (bytes, ends) = (Array(bytes), ends)
        // Nothing below U+0300, whose first byte is 0xCC, composes.
        if normalizesToNFC, bytes.contains(where: { $0 >= 0xCC }) {
            let text = Tokenizer.composed(bytes[...])
            if text != bytes {
                ends = ends.map { end in
                    if end >= bytes.count { return end - bytes.count + text.count }
                    return end <= 0 ? end : Tokenizer.composed(bytes[..<end]).count
                }
                bytes = text
            }
        }
        var part = 0
        func append(_ id: Int32, end: Int) {
            while part < ends.count - 1, ends[part] < end { part += 1 }
            encoding.ids.append(id)
            encoding.parts.append(part)
        }
        for piece in addedNormalized.split(bytes) {
            if let id = piece.id {
                append(id, end: piece.range.upperBound)
                continue
            }
            let text = ClassifiedText(String(decoding: bytes[piece.range], as: UTF8.self).unicodeScalars)
            var pieces: [BytePairEncoder.Piece] = []
            for word in words(of: text) {
                let range =
                    piece.range.lowerBound + text.offsets[word.lowerBound]..<piece.range.lowerBound
                    + text.offsets[word.upperBound]
                pieces.removeAll(keepingCapacity: true)
                encoder.encode(bytes[range], into: &pieces)
                var end = range.lowerBound
                for token in pieces {
                    end += Int(token.byteCount)
                    append(token.id, end: end)
                }
            }
        }
    }

    private func words(of text: ClassifiedText) -> [Range<Int>] {
        splitters.reduce([0..<text.scalars.count]) { words, splitter in
            words.flatMap { splitter.split(text, $0) }
        }
    }

    /// The vowels that are two marks, and those marks.
    private static let tibetanVowels: [UInt32: [Unicode.Scalar]] = [
        0x0F73: ["\u{0F71}", "\u{0F72}"], 0x0F75: ["\u{0F71}", "\u{0F74}"], 0x0F81: ["\u{0F71}", "\u{0F80}"],
    ]

    /// NFC as Hugging Face's tokenizers have it, by the tables of Unicode 9: characters that came later have no class
    /// there, so they stay where they are and nothing is ordered or composed across them.
    static func composed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var composed: [UInt8] = []
        var known = String.UnicodeScalarView()
        func end() {
            composed += Array(String(known).precomposedStringWithCanonicalMapping.utf8)
            known = String.UnicodeScalarView()
        }
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            if let age = scalar.properties.age, age.major <= 9 {
                // These never compose again; Foundation does not order the marks around them before it takes them apart.
                known.append(contentsOf: Tokenizer.tibetanVowels[scalar.value] ?? [scalar])
            } else {
                end()
                composed += Array(String(scalar).utf8)
            }
        }
        end()
        return composed
    }
}
