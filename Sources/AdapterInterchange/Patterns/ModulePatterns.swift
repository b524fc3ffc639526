import ByteCoding

/// The values that PEFT's `rank_pattern` and `alpha_pattern` give to modules.
///
/// A key is matched as `(.*\.)?(KEY)$` against the start of a module's name, and the first key of the document wins.
/// PEFT writes its documents with sorted keys, so that is the order kept here.
package struct ModulePatterns<Value: Sendable & Hashable>: Sendable {
    /// The most instructions of all patterns together.
    private static var maximumProgramCount: Int { 2_000_000 }

    private struct Entry: Sendable {
        let order: Int
        let value: Value
    }

    /// By the UTF-8 of the name.
    private var anchored: [[UInt8]: Entry] = [:]
    private var suffixes = SuffixIndex<Entry>()
    private var patterns: [(tail: [UInt8], pattern: PythonPattern, entry: Entry)] = []

    /// Compiles the keys.
    ///
    /// - Throws: ``InterchangeError`` with code `unsupportedPattern` or `limitExceeded`.
    package init(_ values: [String: Value]) throws {
        let sorted = values.sorted { $0.key.precedesInUTF8($1.key) }
        var programCount = 0
        for (order, (key, value)) in sorted.enumerated() {
            let entry = Entry(order: order, value: value)
            if let literal = ModulePatterns.literal(key) {
                if literal.isAnchored {
                    // `^a` and `^\a` are two keys for one name; the first one wins in PEFT too.
                    let text = Array(literal.text.utf8)
                    if anchored[text] == nil { anchored[text] = entry }
                } else {
                    suffixes.insert(entry, under: literal.text)
                }
            } else {
                let pattern = try PythonPattern(#"(.*\.)?(\#(key))$"#)
                patterns.append((ModulePatterns.tail(key), pattern, entry))
                programCount += pattern.programCount
                guard programCount <= ModulePatterns.maximumProgramCount else {
                    throw InterchangeError(.limitExceeded, "the configuration's patterns are too many")
                }
            }
        }
    }

    /// The distinct values of all keys that match a name, in the order of the keys.
    ///
    /// - Throws: ``InterchangeError`` with code `limitExceeded` when the budget of steps is used up.
    package func values(for name: String, budget: inout Int) throws -> [Value] {
        var found = suffixes.values(for: name)
        if let entry = anchored[Array(name.utf8)] { found.append(entry) }
        if !patterns.isEmpty {
            let scalars = Array(name.unicodeScalars)
            let hasNewline = scalars.contains("\n")
            for (tail, pattern, entry) in patterns where hasNewline || name.utf8.reversed().starts(with: tail) {
                if try pattern.matches(scalars, budget: &budget) { found.append(entry) }
            }
        }
        budget -= found.count
        var seen: Set<Value> = []
        return found.sorted { $0.order < $1.order }.map(\.value).filter { seen.insert($0).inserted }
    }

    /// The plain characters at a key's end, last first: what every name that matches ends with. Spares most
    /// comparisons, as tools that give each module a rank of its own write its whole name with dots not escaped.
    private static func tail(_ key: String) -> [UInt8] {
        guard !key.utf8.contains(UInt8(ascii: "|")) else { return [] }
        var tail: [UInt8] = []
        for byte in key.utf8.reversed() {
            let isPlain =
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            guard isPlain else {
                // A backslash gives the character after it a meaning.
                if byte == UInt8(ascii: "\\"), !tail.isEmpty { tail.removeLast() }
                break
            }
            tail.append(byte)
        }
        return tail
    }

    /// The text that a key without operators stands for; nil when it has operators.
    private static func literal(_ key: String) -> (text: String, isAnchored: Bool)? {
        var text = String.UnicodeScalarView()
        var isAnchored = false
        var isEscaped = false
        for (index, scalar) in key.unicodeScalars.enumerated() {
            let isWordLike = scalar == "_" || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
            if isEscaped {
                // An escaped letter or digit has a meaning of its own.
                guard scalar.isASCII, !isWordLike || scalar == "_" else { return nil }
                text.append(scalar)
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
            } else if scalar == "^", index == 0 {
                isAnchored = true
            } else {
                guard isWordLike || scalar == "-" || scalar == "/" else { return nil }
                text.append(scalar)
            }
        }
        return isEscaped ? nil : (String(text), isAnchored)
    }
}
