/// The tree of a parsed pattern.
indirect enum PythonPatternNode: Sendable {
    /// One character.
    case set(PythonPattern.CharacterSet)
    /// A condition on the position.
    case assertion(PythonPattern.Assertion)
    /// One after the other.
    case sequence([PythonPatternNode])
    /// One of them.
    case alternatives([PythonPatternNode])
    /// At least, and at most when there is a limit.
    case repetition(PythonPatternNode, Int, Int?)
}

/// Parses the regular expressions of Python's `re` (3.11), as far as they need no backtracking.
struct PythonPatternParser {
    /// The largest count of a repetition.
    static let maximumRepetition = 1000
    /// How deep groups may nest.
    static let maximumDepth = 50
    /// The longest pattern, in Unicode scalars.
    static let maximumCount = 4096

    private let source: String
    private let scalars: [Unicode.Scalar]
    private var position = 0

    init(_ source: String) {
        self.source = source
        scalars = Array(source.unicodeScalars)
    }

    /// Parses the whole pattern.
    mutating func parse() throws -> PythonPatternNode {
        guard scalars.count <= PythonPatternParser.maximumCount else {
            throw InterchangeError(
                .limitExceeded,
                "a pattern has \(scalars.count) characters, at most \(PythonPatternParser.maximumCount) are accepted")
        }
        let node = try parseAlternatives(depth: 0)
        guard peek == nil else { throw malformed("a closing parenthesis has no opening one") }
        return node
    }

    private var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        position += 1
        return true
    }

    private mutating func next(_ expected: String) throws -> Unicode.Scalar {
        guard let scalar = peek else { throw malformed("it ends where \(expected) is expected") }
        position += 1
        return scalar
    }

    private mutating func parseAlternatives(depth: Int) throws -> PythonPatternNode {
        guard depth <= PythonPatternParser.maximumDepth else {
            throw InterchangeError(
                .limitExceeded,
                "the pattern nests deeper than \(PythonPatternParser.maximumDepth) groups", name: source)
        }
        var alternatives = [try parseSequence(depth: depth)]
        while take("|") { alternatives.append(try parseSequence(depth: depth)) }
        return alternatives.count == 1 ? alternatives[0] : .alternatives(alternatives)
    }

    private mutating func parseSequence(depth: Int) throws -> PythonPatternNode {
        var nodes: [PythonPatternNode] = []
        while let scalar = peek, scalar != "|", scalar != ")" {
            position += 1
            let node: PythonPatternNode
            switch scalar {
            case ".": node = .set(.anyButNewline)
            case "^": node = .assertion(.start)
            case "$": node = .assertion(.endBeforeNewline)
            case "(": node = try parseGroup(depth: depth)
            case "[": node = .set(try parseSet())
            case "\\": node = try parseEscape()
            case "*", "+", "?": throw malformed("there is nothing before '\(scalar)' to repeat")
            case "{":
                position -= 1
                guard try parseRepetition() == nil else { throw malformed("there is nothing before '{' to repeat") }
                position += 1
                node = .set(.scalar("{"))
            default: node = .set(.scalar(scalar))
            }
            nodes.append(try parseRepetitions(of: node))
        }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    private mutating func parseRepetitions(of node: PythonPatternNode) throws -> PythonPatternNode {
        guard let (least, most) = try parseRepetition() else { return node }
        if case .assertion = node { throw malformed("a position cannot be repeated") }
        if take("+") { throw unsupported("a possessive repetition") }
        _ = take("?")  // lazy: the same texts match
        guard try parseRepetition() == nil else { throw malformed("a repetition follows a repetition") }
        return .repetition(node, least, most)
    }

    /// Reads `*`, `+`, `?` or `{m,n}`; anything else is left and gives nil.
    private mutating func parseRepetition() throws -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        let start = position
        guard take("{"), peek != "}" else {
            position = start
            return nil
        }
        let low = takeDigits()
        let high = take(",") ? takeDigits() : low
        guard take("}") else {
            // Python reads a brace that is not a count as itself.
            position = start
            return nil
        }
        let least = low.isEmpty ? 0 : Int(low)
        let most = high.isEmpty ? .max : Int(high)
        guard let least, let most, least <= PythonPatternParser.maximumRepetition,
            most == .max || most <= PythonPatternParser.maximumRepetition
        else {
            throw InterchangeError(
                .limitExceeded,
                "the pattern '\(source)' repeats more than \(PythonPatternParser.maximumRepetition) times", name: source
            )
        }
        guard least <= most else { throw malformed("a repetition's least count exceeds its most") }
        return (least, most == .max ? nil : most)
    }

    private mutating func takeDigits() -> String {
        var digits = ""
        while let scalar = peek, ("0"..."9").contains(scalar) {
            digits.unicodeScalars.append(scalar)
            position += 1
        }
        return digits
    }

    private mutating func parseGroup(depth: Int) throws -> PythonPatternNode {
        if take("?") {
            switch try next("the kind of a group") {
            case ":": break
            case "P":
                guard take("<") else { throw unsupported("a reference to a group") }
                while try next("the end of a group's name") != ">" {}
            case "=", "!": throw unsupported("lookahead")
            case "<": throw unsupported("lookbehind")
            case ">": throw unsupported("an atomic group")
            case "#": throw unsupported("a comment")
            case "(": throw unsupported("a conditional group")
            default: throw unsupported("an inline flag")
            }
        }
        let node = try parseAlternatives(depth: depth + 1)
        guard take(")") else { throw malformed("a group has no closing parenthesis") }
        // A group of its own, so that a repetition of an assertion within it is what Python makes of it.
        return .sequence([node])
    }

    private mutating func parseEscape() throws -> PythonPatternNode {
        let scalar = try next("an escaped character")
        switch scalar {
        case "A": return .assertion(.start)
        case "Z": return .assertion(.end)
        case "b": return .assertion(.wordBoundary)
        case "B": return .assertion(.notWordBoundary)
        default: return .set(try escapedSet(scalar))
        }
    }

    private func escapedSet(_ scalar: Unicode.Scalar) throws -> PythonPattern.CharacterSet {
        switch scalar {
        case "d": return .digit
        case "D": return .not(.digit)
        case "w": return .word
        case "W": return .not(.word)
        case "s": return .space
        case "S": return .not(.space)
        case "a": return .scalar("\u{7}")
        case "f": return .scalar("\u{C}")
        case "n": return .scalar("\n")
        case "r": return .scalar("\r")
        case "t": return .scalar("\t")
        case "v": return .scalar("\u{B}")
        case "0"..."9": throw unsupported("the escape '\\\(scalar)'")
        case "A"..."Z", "a"..."z": throw unsupported("the escape '\\\(scalar)'")
        default: return .scalar(scalar)
        }
    }

    private mutating func parseSet() throws -> PythonPattern.CharacterSet {
        let isNegated = take("^")
        var members: [PythonPattern.CharacterSet] = []
        var isFirst = true
        while true {
            let scalar = try next("the end of a character set")
            if scalar == "]", !isFirst { break }
            isFirst = false
            let low = try setMember(scalar)
            guard peek == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
                members.append(low)
                continue
            }
            position += 1
            let high = try setMember(try next("the end of a range"))
            guard case .scalar(let first) = low, case .scalar(let last) = high, first <= last else {
                throw malformed("a range of characters is not ascending")
            }
            members.append(.range(first...last))
        }
        return isNegated ? .not(.any(members)) : .any(members)
    }

    private mutating func setMember(_ scalar: Unicode.Scalar) throws -> PythonPattern.CharacterSet {
        guard scalar == "\\" else { return .scalar(scalar) }
        let escaped = try next("an escaped character")
        return escaped == "b" ? .scalar("\u{8}") : try escapedSet(escaped)
    }

    private func malformed(_ reason: String) -> InterchangeError {
        InterchangeError(.unsupportedPattern, "the pattern '\(source)' is malformed: \(reason)", name: source)
    }

    private func unsupported(_ part: String) -> InterchangeError {
        InterchangeError(
            .unsupportedPattern, "the pattern '\(source)' uses \(part), which is not supported",
            remedy: "Write the module names out.", name: source)
    }
}
