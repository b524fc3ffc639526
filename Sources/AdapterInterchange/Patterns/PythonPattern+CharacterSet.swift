extension PythonPattern {
    /// The characters that one place of a pattern accepts; Python's Unicode rules.
    indirect enum CharacterSet: Sendable {
        case scalar(Unicode.Scalar)
        case range(ClosedRange<Unicode.Scalar>)
        case anyButNewline
        case digit
        case word
        case space
        case any([CharacterSet])
        case not(CharacterSet)

        /// Whether the set holds the character.
        func contains(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .scalar(let member): scalar == member
            case .range(let range): range.contains(scalar)
            case .anyButNewline: scalar != "\n"
            case .digit: scalar.properties.generalCategory == .decimalNumber
            case .word: CharacterSet.isWord(scalar)
            case .space: CharacterSet.isSpace(scalar)
            case .any(let sets): sets.contains { $0.contains(scalar) }
            case .not(let set): !set.contains(scalar)
            }
        }

        /// How many comparisons ``contains(_:)`` may take.
        var memberCount: Int {
            switch self {
            case .any(let sets): sets.reduce(1) { $0 + $1.memberCount }
            case .not(let set): set.memberCount
            default: 1
            }
        }

        private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
            if scalar == "_" { return true }
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
                .letterNumber, .otherNumber:
                return true
            default: return false
            }
        }

        private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
            // Python's str.isspace also takes the four separators U+001C to U+001F.
            scalar.properties.isWhitespace || ("\u{1C}"..."\u{1F}").contains(scalar)
        }
    }
}
