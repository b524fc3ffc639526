public import ByteCoding

/// Random metadata documents, and a comparison that is stricter than `==`.
public enum RandomMetadata {
    /// A value that nests at most `depth` levels below itself; covers every case, awkward numbers and awkward texts.
    public static func value(depth: Int, using generator: inout SeededGenerator) -> MetadataValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2: return .integer(integer(using: &generator))
        case 3: return .double(double(using: &generator))
        case 4: return .string(text(using: &generator))
        case 5:
            let count = Int.random(in: 0...5, using: &generator)
            return .array((0..<count).map { _ in value(depth: depth - 1, using: &generator) })
        default:
            var entries: [String: MetadataValue] = [:]
            for _ in 0..<Int.random(in: 0...5, using: &generator) {
                entries[text(using: &generator)] = value(depth: depth - 1, using: &generator)
            }
            return .map(entries)
        }
    }

    /// An integer whose number of significant bits is uniform, so that every width of head and every sign occurs.
    public static func integer(using generator: inout SeededGenerator) -> Int64 {
        Int64(bitPattern: generator.next()) >> Int64.random(in: 0..<64, using: &generator)
    }

    /// A finite double: any bit pattern, a small fraction, or one of the special values.
    public static func double(using generator: inout SeededGenerator) -> Double {
        let value: Double =
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: awkward[Int.random(in: awkward.indices, using: &generator)]
            case 1: Double(integer(using: &generator))
            case 2: Double(Float(bitPattern: UInt32(truncatingIfNeeded: generator.next())))
            case 3: Double(Float16(bitPattern: UInt16(truncatingIfNeeded: generator.next())))
            default: Double(bitPattern: generator.next())
            }
        return value.isFinite ? value : 0.5
    }

    private static let awkward: [Double] = [
        0, -0.0, 1, -1, 1e5, 1e15, 1e16, 1e17, 1e22, 1e23, 0.1, 65_504, 65_505, 0x1p-24, 0x1p-149,
        .leastNonzeroMagnitude,
        .greatestFiniteMagnitude,
    ]

    /// A text of at most 300 bytes with characters of every UTF-8 length, control characters and quotes.
    public static func text(using generator: inout SeededGenerator) -> String {
        let alphabet: [Unicode.Scalar] = [
            "a", "b", "z", "0", "\"", "\\", "/", "\n", "\r", "\t", "\u{0}", "\u{1F}", "\u{7F}", "\u{80}", "é", "ü", "水",
            "\u{2028}", "\u{FEFF}", "\u{FFFD}", "\u{FFFF}", "\u{1F600}", "\u{10FFFF}",
        ]
        let count = Int.random(in: 0...(Int.random(in: 0..<20, using: &generator) == 0 ? 75 : 6), using: &generator)
        var text = String.UnicodeScalarView()
        for _ in 0..<count { text.append(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]) }
        return String(text)
    }

    /// Whether two values agree bit for bit: `==` finds `0.0` equal to `-0.0` and a NaN unequal to itself, and texts
    /// equal that only look alike.
    public static func areIdentical(_ left: MetadataValue, _ right: MetadataValue) -> Bool {
        switch (left, right) {
        case (.double(let left), .double(let right)): left.bitPattern == right.bitPattern
        case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
        case (.array(let left), .array(let right)):
            left.count == right.count && zip(left, right).allSatisfy(areIdentical)
        case (.map(let left), .map(let right)):
            left.count == right.count
                && zip(sorted(left), sorted(right)).allSatisfy {
                    $0.key.utf8.elementsEqual($1.key.utf8) && areIdentical($0.value, $1.value)
                }
        default: left == right
        }
    }

    private static func sorted(_ entries: [String: MetadataValue]) -> [(key: String, value: MetadataValue)] {
        entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }
}
