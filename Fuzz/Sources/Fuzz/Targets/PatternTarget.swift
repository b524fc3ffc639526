import AdapterInterchange
import ByteCoding
import FileSystem

@testable import AdapterInterchange

/// Python patterns and names; the shortcuts for plain keys must decide as the general engine does.
enum PatternTarget: FuzzTarget {
    static let name = "pattern"

    static func seeds(fixtures: String) throws -> [[UInt8]] {
        let pairs = [
            (#"model\.layers\.\d+\.self_attn\.(q|k)_proj"#, "model.layers.12.self_attn.q_proj"),
            (".*", "a\nb"), ("^a.b$", "a.b"), (#"(?:x|y){2,5}?z*\b"#, "xyxzz"), (#"[^\W\d_-]+[]a-z]\B"#, "ab]"),
            (#"a{3}b{,2}c{1,}"#, "aaabbc"), ("q_proj", "model.q_proj"), (#"^\^a"#, "^a"), ("", ""),
            (#"((((a*)*)*)*)*b"#, "aaaaaaaaaaaaaaaa"), (#"\s\S\w\W\d\D"#, "\u{1C}aé-٣x"), ("(?P<n>a)", "a"),
        ]
        return pairs.map { Array($0.0.utf8) + [0] + Array($0.1.utf8) }
    }

    static func isExpected(_ error: any Error) -> Bool { error is InterchangeError }

    static func run(_ input: [UInt8]) throws {
        let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let key = String(validating: parts[0], as: UTF8.self),
            let name = String(validating: parts[1], as: UTF8.self)
        else { return }
        let scalars = Array(name.unicodeScalars)
        let start = 2_000_000
        var budget = start
        let pattern = try PythonPattern(key)
        let isWhole = try pattern.matches(scalars, whole: true, budget: &budget)
        let isPrefix = try pattern.matches(scalars, budget: &budget)
        expect(!isWhole || isPrefix, "what matches the whole text matches at its start")
        expect(budget < start, "comparing is paid for")

        // Modules have no control characters in their names, and the shortcuts count on it.
        guard name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return }
        let general = try PythonPattern(#"(.*\.)?(\#(key))$"#)
        let expected = try general.matches(scalars, budget: &budget)
        let found = try ModulePatterns([key: 1]).values(for: name, budget: &budget)
        expect(found == (expected ? [1] : []), "a key's shortcut decides as its pattern does: \(expected)")
    }
}
