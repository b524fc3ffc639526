/// What the patterns of tokenizers ask of a character.
struct CharacterClass: OptionSet, Sendable {
    let rawValue: UInt8

    /// `\p{L}`.
    static let letter = CharacterClass(rawValue: 1)
    /// `\p{N}`.
    static let number = CharacterClass(rawValue: 2)
    /// `\s`: Unicode's White_Space.
    static let space = CharacterClass(rawValue: 4)
    /// `[\r\n]`; these are space too.
    static let newline = CharacterClass(rawValue: 8)

    /// The class of a scalar.
    init(_ scalar: Unicode.Scalar) {
        self = scalar.value < 0x1_0000 ? CharacterClass.basicPlane[Int(scalar.value)] : CharacterClass(looking: scalar)
    }

    init(rawValue: UInt8) { self.rawValue = rawValue }

    private init(looking scalar: Unicode.Scalar) {
        let properties = scalar.properties
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
        case .decimalNumber, .letterNumber, .otherNumber: self = .number
        default: self = properties.isWhitespace ? .space : []
        }
        if scalar == "\r" || scalar == "\n" { insert(.newline) }
    }

    /// Looked up once: the properties of a scalar cost some fifty times a table's element.
    private static let basicPlane: [CharacterClass] = (UInt32(0)..<0x1_0000).map { value in
        Unicode.Scalar(value).map { CharacterClass(looking: $0) } ?? []
    }
}
