internal import ByteCoding
internal import FileSystem

/// A `tokenizer.json`, checked: everything in it is either understood or refused by name.
struct TokenizerDocument {
    /// An added token.
    struct AddedToken {
        let entry: AddedTokens.Entry
        let isNormalized: Bool
    }

    /// The largest file, in bytes.
    static let maximumByteCount = 64 << 20
    /// The largest token number, a bound on what tables by number may take.
    static let maximumID = 1 << 24

    let vocabulary: [String: Int32]
    let merges: [(Substring, Substring)]
    let ignoresMerges: Bool
    let unknownToken: String?
    let fusesUnknown: Bool
    let addedTokens: [AddedToken]
    let normalizesToNFC: Bool
    let splitters: [TextSplitter]
    let prefix: [Int32]
    let suffix: [Int32]

    init(_ document: MetadataValue) throws {
        guard let model = document["model"], model.map != nil else { throw Self.invalid("it has no 'model'") }
        let type = model["type"]?.string ?? "BPE"
        guard type == "BPE" else {
            throw Self.unsupported("the model '\(type)'", "Byte-level BPE is supported.")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let text = model[key]?.string, !text.isEmpty { throw Self.unsupported("'\(key)' \"\(text)\"") }
        }
        guard model["byte_fallback"]?.bool != true else {
            throw Self.unsupported("'byte_fallback'", "SentencePiece vocabularies are not supported.")
        }
        if let dropout = model["dropout"]?.number, dropout != 0 { throw Self.unsupported("'dropout' \(dropout)") }
        vocabulary = try Self.vocabulary(model["vocab"])
        merges = try Self.merges(model["merges"])
        ignoresMerges = model["ignore_merges"]?.bool ?? false
        unknownToken = model["unk_token"]?.string
        fusesUnknown = model["fuse_unk"]?.bool ?? false
        addedTokens = try Self.addedTokens(document["added_tokens"])
        normalizesToNFC = try Self.normalizesToNFC(document["normalizer"])
        var isByteLevel = false
        splitters = try Self.splitters(document["pre_tokenizer"], &isByteLevel)
        guard isByteLevel else {
            throw Self.unsupported("a pre-tokenizer without 'ByteLevel'", "Byte-level BPE is supported.")
        }
        (prefix, suffix) = try Self.template(document["post_processor"])
    }

    private static func vocabulary(_ value: MetadataValue?) throws -> [String: Int32] {
        guard let entries = value?.map, !entries.isEmpty else { throw invalid("its vocabulary is missing or empty") }
        return try entries.mapValues { try id($0) }
    }

    private static func id(_ value: MetadataValue?) throws -> Int32 {
        guard let id = value?.integer, (0...maximumID).contains(id) else {
            throw invalid("a token's number is missing or outside 0 to \(maximumID)")
        }
        return Int32(id)
    }

    private static func merges(_ value: MetadataValue?) throws -> [(Substring, Substring)] {
        guard let entries = value?.array else { throw invalid("its merges are missing") }
        return try entries.map { entry in
            switch entry {
            case .string(let text):
                let halves = text.split(separator: " ", omittingEmptySubsequences: false)
                guard halves.count == 2 else { throw invalid("the merge '\(text)' is not two tokens") }
                return (halves[0], halves[1])
            case .array(let halves):
                guard halves.count == 2, let left = halves[0].string, let right = halves[1].string else {
                    throw invalid("a merge is not two tokens")
                }
                return (left[...], right[...])
            default: throw invalid("a merge is not two tokens")
            }
        }
    }

    private static func addedTokens(_ value: MetadataValue?) throws -> [AddedToken] {
        guard let value, !value.isNull else { return [] }
        guard let tokens = value.array else { throw invalid("'added_tokens' is not a list") }
        return try tokens.map { token in
            guard let content = token["content"]?.string, !content.isEmpty else {
                throw invalid("an added token has no content")
            }
            return AddedToken(
                entry: AddedTokens.Entry(
                    id: try id(token["id"]), content: Array(content.utf8),
                    isSingleWord: token["single_word"]?.bool ?? false, stripsLeft: token["lstrip"]?.bool ?? false,
                    stripsRight: token["rstrip"]?.bool ?? false), isNormalized: token["normalized"]?.bool ?? false)
        }
    }

    private static func normalizesToNFC(_ value: MetadataValue?) throws -> Bool {
        guard let value, !value.isNull else { return false }
        switch value["type"]?.string {
        case "NFC"?: return true
        case "Sequence"?:
            return try (value["normalizers"]?.array ?? []).reduce(false) { try normalizesToNFC($1) || $0 }
        case let type: throw unsupported("the normalizer '\(type ?? "?")'", "NFC or none is supported.")
        }
    }

    private static func splitters(_ value: MetadataValue?, _ isByteLevel: inout Bool) throws -> [TextSplitter] {
        guard let value, !value.isNull else { return [] }
        let type = value["type"]?.string ?? "?"
        // What follows would see the byte alphabet instead of text.
        guard !isByteLevel else { throw unsupported("the pre-tokenizer '\(type)' behind 'ByteLevel'") }
        switch type {
        case "Sequence":
            var steps: [TextSplitter] = []
            for step in value["pretokenizers"]?.array ?? [] { steps += try splitters(step, &isByteLevel) }
            return steps
        case "ByteLevel":
            guard value["add_prefix_space"]?.bool != true else { throw unsupported("'add_prefix_space'") }
            isByteLevel = true
            return value["use_regex"]?.bool == false ? [] : [.gpt2]
        case "Digits": return [.digits(individual: value["individual_digits"]?.bool ?? false)]
        case "Split":
            guard let pattern = value["pattern"]?["Regex"]?.string, let splitter = TextSplitter(pattern: pattern)
            else {
                throw unsupported(
                    "the pattern \(value["pattern"].map { JSON.text($0) } ?? "?")",
                    "The patterns of GPT-2, Llama 3 and Qwen are supported.")
            }
            guard value["behavior"]?.string == "Isolated", value["invert"]?.bool != true else {
                throw unsupported("a 'Split' that is not 'Isolated'")
            }
            return [splitter]
        default: throw unsupported("the pre-tokenizer '\(type)'")
        }
    }

    /// The tokens that a post-processor puts around a text.
    private static func template(_ value: MetadataValue?) throws -> (prefix: [Int32], suffix: [Int32]) {
        guard let value, !value.isNull else { return ([], []) }
        switch value["type"]?.string {
        case "ByteLevel"?: return ([], [])
        case "Sequence"?:
            var (prefix, suffix): ([Int32], [Int32]) = ([], [])
            for processor in value["processors"]?.array ?? [] {
                let inner = try template(processor)
                prefix = inner.prefix + prefix
                suffix += inner.suffix
            }
            return (prefix, suffix)
        case "TemplateProcessing"?:
            var (prefix, suffix): ([Int32], [Int32]) = ([], [])
            var isBehindText = false
            for piece in value["single"]?.array ?? [] {
                if piece["Sequence"] != nil {
                    isBehindText = true
                    continue
                }
                guard let name = piece["SpecialToken"]?["id"]?.string,
                    let ids = value["special_tokens"]?[name]?["ids"]?.array
                else { throw invalid("its template names a special token that it does not define") }
                if isBehindText { suffix += try ids.map(id) } else { prefix += try ids.map(id) }
            }
            return (prefix, suffix)
        case let type: throw unsupported("the post-processor '\(type ?? "?")'")
        }
    }

    private static func invalid(_ reason: String) -> TrainingError {
        TrainingError(.invalidTokenizer, "The tokenizer is malformed: \(reason).")
    }

    private static func unsupported(_ part: String, _ remedy: String = "") -> TrainingError {
        TrainingError(
            .unsupportedTokenizer,
            "The tokenizer uses \(part), which is not supported." + (remedy.isEmpty ? "" : " " + remedy))
    }
}

extension Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// - Throws: ``TrainingError`` with code `invalidTokenizer` or `unsupportedTokenizer`; `FileSystemError` when the
    ///   file cannot be read.
    public init(opening path: String) throws {
        let bytes = try InputFile.contents(of: path, limit: TokenizerDocument.maximumByteCount)
        do {
            try self.init(parsing: bytes)
        } catch let error as TrainingError {
            throw TrainingError(error.code, "Unable to read '\(path)': \(error.message)")
        }
    }

    /// Reads the text of a `tokenizer.json`.
    ///
    /// - Throws: ``TrainingError`` with code `invalidTokenizer` or `unsupportedTokenizer`.
    public init(parsing text: [UInt8]) throws {
        let document: MetadataValue
        do {
            document = try JSON.parse(text)
        } catch {
            throw TrainingError(.invalidTokenizer, "The tokenizer is malformed: \(error).")
        }
        try self.init(TokenizerDocument(document))
    }
}
