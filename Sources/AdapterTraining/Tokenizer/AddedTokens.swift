/// Tokens that are found in a text before anything else is done to it, such as `<|im_end|>`.
struct AddedTokens: Sendable {
    /// One such token and how it is found.
    struct Entry: Hashable, Sendable {
        let id: Int32
        let content: [UInt8]
        /// Whether it is found only where no letter, digit or underscore stands beside it.
        let isSingleWord: Bool
        /// Whether the white space before it belongs to it.
        let stripsLeft: Bool
        /// Whether the white space after it belongs to it.
        let stripsRight: Bool
    }

    /// A part of a text: an added token, or what lies between two of them.
    struct Part {
        let id: Int32?
        let range: Range<Int>
    }

    /// The tokens by their first byte, the longest first.
    private var entries: [UInt8: [Entry]] = [:]

    init(_ entries: [Entry]) {
        for entry in entries {
            if let first = entry.content.first { self.entries[first, default: []].append(entry) }
        }
        for first in self.entries.keys {
            self.entries[first]?.sort { ($1.content.count, $0.id) < ($0.content.count, $1.id) }
        }
    }

    /// Cuts a text at the tokens: of those that begin leftmost the longest is taken.
    func split(_ text: [UInt8]) -> [Part] {
        guard !entries.isEmpty else { return text.isEmpty ? [] : [Part(id: nil, range: 0..<text.count)] }
        var parts: [Part] = []
        var done = 0
        var position = 0
        while position < text.count {
            guard let candidates = entries[text[position]],
                let entry = candidates.first(where: { text[position...].starts(with: $0.content) })
            else {
                position += 1
                continue
            }
            let found = position..<position + entry.content.count
            position = found.upperBound
            if entry.isSingleWord, Self.touchesWord(text, found) { continue }
            var range = found
            if entry.stripsLeft {
                range = Self.spaceStart(text, before: found.lowerBound, notBefore: done)..<range.upperBound
            }
            if entry.stripsRight { range = range.lowerBound..<Self.spaceEnd(text, after: found.upperBound) }
            if range.lowerBound > done { parts.append(Part(id: nil, range: done..<range.lowerBound)) }
            parts.append(Part(id: entry.id, range: range))
            done = range.upperBound
            position = done
        }
        if done < text.count { parts.append(Part(id: nil, range: done..<text.count)) }
        return parts
    }

    private static func scalar(_ text: [UInt8], endingAt end: Int) -> (scalar: Unicode.Scalar, start: Int)? {
        guard end > 0 else { return nil }
        var start = end - 1
        while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
        return String(decoding: text[start..<end], as: UTF8.self).unicodeScalars.first.map { ($0, start) }
    }

    private static func scalar(_ text: [UInt8], startingAt start: Int) -> (scalar: Unicode.Scalar, end: Int)? {
        guard start < text.count else { return nil }
        var end = start + 1
        while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
        return String(decoding: text[start..<end], as: UTF8.self).unicodeScalars.first.map { ($0, end) }
    }

    private static func touchesWord(_ text: [UInt8], _ range: Range<Int>) -> Bool {
        // `\w` of Unicode's recommendations for regular expressions (UTS 18).
        func isWord(_ scalar: Unicode.Scalar?) -> Bool {
            guard let properties = scalar?.properties else { return false }
            switch properties.generalCategory {
            case .decimalNumber, .connectorPunctuation, .nonspacingMark, .spacingMark, .enclosingMark: return true
            default: return properties.isAlphabetic || properties.isJoinControl
            }
        }
        return isWord(scalar(text, endingAt: range.lowerBound)?.scalar)
            || isWord(scalar(text, startingAt: range.upperBound)?.scalar)
    }

    private static func spaceStart(_ text: [UInt8], before end: Int, notBefore limit: Int) -> Int {
        var start = end
        while start > limit, let (scalar, before) = scalar(text, endingAt: start), scalar.properties.isWhitespace {
            start = before
        }
        return max(start, limit)
    }

    private static func spaceEnd(_ text: [UInt8], after start: Int) -> Int {
        var end = start
        while let (scalar, after) = scalar(text, startingAt: end), scalar.properties.isWhitespace { end = after }
        return end
    }
}
