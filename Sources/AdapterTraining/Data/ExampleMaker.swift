internal import Tensors

/// Makes examples of rows.
public struct ExampleMaker: Sendable {
    /// The texts of a stream that are encoded at a time, in bytes; cut at line breaks.
    private static let pieceByteCount = 1 << 16

    private let tokenizer: Tokenizer
    private let options: DataOptions

    /// Rows become examples by a tokenizer and options.
    ///
    /// - Throws: ``TrainingError`` with code `invalidSetting` when the limit is below two tokens.
    public init(_ tokenizer: Tokenizer, _ options: DataOptions) throws {
        guard options.maximumLength >= 2 else {
            throw TrainingError(
                .invalidSetting, "Unable to learn rows of \(options.maximumLength) tokens: at least 2 are needed.")
        }
        self.tokenizer = tokenizer
        self.options = options
    }

    /// The examples of a file.
    ///
    /// - Throws: ``TrainingError`` with code `emptyData` when nothing is left to learn, `rowTooLong` when a row may not
    ///   be cut, `invalidSetting` when there are conversations and no template.
    public func dataset(_ file: DataFile) throws -> Dataset {
        let made = try Concurrent.map(Array(file.rows.enumerated())) { try examples($0.element, row: $0.offset + 1) }
        var dataset = Dataset(examples: [])
        for row in made {
            for example in row.examples {
                if example.hasTarget { dataset.examples.append(example) } else { dataset.losses.unlearnedCount += 1 }
            }
            dataset.losses.truncatedCount += row.isTruncated ? 1 : 0
            dataset.losses.tooLongCount += row.isTooLong ? 1 : 0
        }
        guard !dataset.examples.isEmpty else {
            throw TrainingError(
                .emptyData,
                "Unable to learn from '\(file.path)': of its \(file.rows.count) rows \(dataset.losses.tooLongCount) are "
                    + "too long, and in \(dataset.losses.unlearnedCount) nothing is learned.")
        }
        if let template = options.template, let end = tokenizer.addedToken(template.endToken),
            file.rows.contains(where: { if case .messages = $0 { true } else { false } })
        {
            dataset.neverLearnsToStop = !dataset.examples.contains { example in
                zip(example.ids, example.isLearned).contains { $0 == end && $1 }
            }
        }
        return dataset
    }

    private func examples(_ row: DataRow, row number: Int) throws -> (
        examples: [Example], isTruncated: Bool, isTooLong: Bool
    ) {
        if case .stream(let text) = row { return (stream(text), false, false) }
        var example = try whole(row)
        guard example.ids.count > options.maximumLength else { return ([example], false, false) }
        switch options.truncation {
        case .drop: return ([], false, true)
        case .refuse:
            throw TrainingError(
                .rowTooLong,
                "Unable to learn row \(number): it has \(example.ids.count) tokens, at most \(options.maximumLength) are "
                    + "allowed. Raise the limit, or let rows be truncated or dropped.")
        case .truncate:
            example.ids.removeLast(example.ids.count - options.maximumLength)
            example.isLearned.removeLast(example.isLearned.count - options.maximumLength)
            return ([example], true, false)
        }
    }

    private func whole(_ row: DataRow) throws -> Example {
        switch row {
        case .stream(let text), .text(let text): return framed([text], learned: [true])
        case .completion(let prompt, let completion):
            return framed([prompt, completion], learned: [!options.masksPrompt, true])
        case .messages(let messages):
            guard let template = options.template else {
                throw TrainingError(
                    .invalidSetting,
                    "Unable to write conversations: the tokenizer has the tokens of no known template. Name one, or give "
                        + "rendered text.")
            }
            let parts = template.render(messages)
            let encoding = tokenizer.encode(parts.map(\.text))
            let isLearned = parts.map { !options.masksPrompt || $0.isAnswer }
            return Example(ids: encoding.ids, isLearned: encoding.parts.map { isLearned[$0] })
        }
    }

    /// Text between the tokens that the tokenizer puts around it, and the end token.
    private func framed(_ parts: [String], learned: [Bool]) -> Example {
        let encoding = tokenizer.encode(parts)
        var ids = tokenizer.prefix + encoding.ids + tokenizer.suffix
        var isLearned = tokenizer.prefix.map { _ in false } + encoding.parts.map { learned[$0] }
        isLearned += tokenizer.suffix.map { _ in true }
        if let end = options.endToken, ids.last != end {
            ids.append(end)
            isLearned.append(true)
        }
        return Example(ids: ids, isLearned: isLearned)
    }

    /// A long text in examples of the greatest length; the last one may be shorter.
    private func stream(_ text: String) -> [Example] {
        let bytes = Array(text.utf8)
        var pieces: [Range<Int>] = []
        var start = 0
        while start < bytes.count {
            var end = min(start + ExampleMaker.pieceByteCount, bytes.count)
            // Words do not reach over the end of a line that text follows, so the tokens are those of the whole.
            while end < bytes.count, !(bytes[end - 1] == 0x0A && ExampleMaker.isLetter(bytes[end])) { end += 1 }
            pieces.append(start..<end)
            start = end
        }
        var ids: [Int32] = []
        for piece in pieces { ids += tokenizer.encode(String(decoding: bytes[piece], as: UTF8.self)) }
        return stride(from: 0, to: ids.count, by: options.maximumLength).map { start in
            let part = Array(ids[start..<min(start + options.maximumLength, ids.count)])
            return Example(ids: part, isLearned: part.map { _ in true })
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
