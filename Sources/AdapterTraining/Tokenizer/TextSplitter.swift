/// A text as the splitters see it: its scalars with their classes and their places in UTF-8.
struct ClassifiedText {
    /// The scalars' values.
    let scalars: [UInt32]
    /// Their classes.
    let classes: [CharacterClass]
    /// Where each scalar begins in UTF-8, and the length of the whole at the end.
    let offsets: [Int]

    init(_ text: some Sequence<Unicode.Scalar>) {
        var scalars: [UInt32] = []
        var classes: [CharacterClass] = []
        var offsets: [Int] = [0]
        var offset = 0
        for scalar in text {
            scalars.append(scalar.value)
            classes.append(CharacterClass(scalar))
            offset += UTF8.width(scalar)
            offsets.append(offset)
        }
        self.scalars = scalars
        self.classes = classes
        self.offsets = offsets
    }
}

/// A step that cuts text into the words within which pairs are merged.
///
/// The patterns are known ones and written out by hand: exact, and many times faster than a general engine.
enum TextSplitter: Hashable, Sendable {
    /// GPT-2's pattern (`ByteLevel` with `use_regex`).
    case gpt2
    /// The pattern of Llama 3 and Qwen 2: they differ in how many digits stay together.
    case llama3(digits: Int)
    /// Numbers apart from the rest, each digit by itself or in runs.
    case digits(individual: Bool)

    static let gpt2Pattern =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    /// The splitter of a regular expression; nil when it is none of the known ones.
    init?(pattern: String) {
        let head = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#
        let tail = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        switch pattern {
        case TextSplitter.gpt2Pattern: self = .gpt2
        case head + #"\p{N}{1,3}"# + tail: self = .llama3(digits: 3)
        case head + #"\p{N}"# + tail: self = .llama3(digits: 1)
        default: return nil
        }
    }

    /// Cuts a part of a text; the words follow each other without holes.
    func split(_ text: ClassifiedText, _ range: Range<Int>) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let end = wordEnd(text, start, range.upperBound)
            words.append(start..<end)
            start = end
        }
        return words
    }

    private func wordEnd(_ text: ClassifiedText, _ start: Int, _ end: Int) -> Int {
        switch self {
        case .gpt2: TextSplitter.gpt2WordEnd(text, start, end)
        case .llama3(let digits): TextSplitter.llama3WordEnd(text, start, end, digits: digits)
        case .digits(let individual): TextSplitter.digitsEnd(text, start, end, individual: individual)
        }
    }

    private static func digitsEnd(_ text: ClassifiedText, _ start: Int, _ end: Int, individual: Bool) -> Int {
        let isNumber = text.classes[start].contains(.number)
        if isNumber, individual { return start + 1 }
        return run(text, start, end) { $0.contains(.number) == isNumber }
    }

    private static func gpt2WordEnd(_ text: ClassifiedText, _ start: Int, _ end: Int) -> Int {
        if let length = contraction(text, start, end, foldsCase: false) { return start + length }
        let body = text.scalars[start] == 0x20 && start + 1 < end ? start + 1 : start
        let kind = text.classes[body]
        if kind.contains(.letter) { return run(text, body, end) { $0.contains(.letter) } }
        if kind.contains(.number) { return run(text, body, end) { $0.contains(.number) } }
        if kind.isEmpty { return run(text, body, end) { $0.isEmpty } }
        return spaceEnd(text, start, end)
    }

    private static func llama3WordEnd(_ text: ClassifiedText, _ start: Int, _ end: Int, digits: Int) -> Int {
        if let length = contraction(text, start, end, foldsCase: true) { return start + length }
        let kind = text.classes[start]
        let isLetter: (CharacterClass) -> Bool = { $0.contains(.letter) }
        if kind.contains(.letter) { return run(text, start, end, isLetter) }
        if kind.isDisjoint(with: [.newline, .number]), start + 1 < end, isLetter(text.classes[start + 1]) {
            return run(text, start + 1, end, isLetter)
        }
        if kind.contains(.number) { return run(text, start, min(end, start + digits)) { $0.contains(.number) } }
        let body = text.scalars[start] == 0x20 && start + 1 < end ? start + 1 : start
        if text.classes[body].isEmpty {
            return run(text, run(text, body, end) { $0.isEmpty }, end) { $0.contains(.newline) }
        }
        // `\s*[\r\n]+` takes the run of spaces up to its last line break.
        let spaces = run(text, start, end) { $0.contains(.space) }
        if let last = text.classes[start..<spaces].lastIndex(where: { $0.contains(.newline) }) { return last + 1 }
        return spaceEnd(text, start, end)
    }

    /// `\s+(?!\S)|\s+`: a run of spaces leaves its last one to the word that follows.
    private static func spaceEnd(_ text: ClassifiedText, _ start: Int, _ end: Int) -> Int {
        let spaces = run(text, start, end) { $0.contains(.space) }
        return spaces == end || spaces == start + 1 ? spaces : spaces - 1
    }

    private static func run(
        _ text: ClassifiedText, _ start: Int, _ end: Int, _ belongs: (CharacterClass) -> Bool
    ) -> Int {
        var position = start
        while position < end, belongs(text.classes[position]) { position += 1 }
        return position
    }

    /// The length of `'s`, `'re` and the like at a place; nil when none stands there.
    private static func contraction(_ text: ClassifiedText, _ start: Int, _ end: Int, foldsCase: Bool) -> Int? {
        guard text.scalars[start] == 0x27, start + 1 < end else { return nil }
        func letter(_ position: Int) -> UInt8 {
            guard position < end else { return 0 }
            var value = text.scalars[position]
            if foldsCase {
                // U+017F, the long s, is the only other character that folds to one of these letters.
                if value == 0x17F { value = 0x73 }
                if (0x41...0x5A).contains(value) { value += 0x20 }
            }
            return UInt8(exactly: value) ?? 0
        }
        switch (letter(start + 1), letter(start + 2)) {
        case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _): return 2
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return 3
        default: return nil
        }
    }
}
