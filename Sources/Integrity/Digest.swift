/// A SHA-256 digest (FIPS 180-4), the only hash of this project: file, OCI and signatures share it.
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The number of bytes in a digest.
    public static let byteCount = 32

    // Four big-endian words: hashable, comparable and without an allocation of its own.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// A digest from its 32 bytes; nil for any other length.
    public init?(bytes: some Collection<UInt8>) {
        // The arithmetic works on a concrete type: other modules call this without specialising it.
        self.init(array: Array(bytes))
    }

    private init?(array bytes: [UInt8]) {
        guard bytes.count == Digest.byteCount else { return nil }
        func word(_ start: Int) -> UInt64 {
            var word: UInt64 = 0
            for index in start..<start + 8 { word = word << 8 | UInt64(bytes[index]) }
            return word
        }
        words = (word(0), word(8), word(16), word(24))
    }

    /// A digest from four words in the byte order of a message.
    package init(bigEndianWords: (UInt64, UInt64, UInt64, UInt64)) {
        words = (
            UInt64(bigEndian: bigEndianWords.0), UInt64(bigEndian: bigEndianWords.1),
            UInt64(bigEndian: bigEndianWords.2), UInt64(bigEndian: bigEndianWords.3)
        )
    }

    /// The digest as four words in the byte order of a message.
    var bigEndianWords: (UInt64, UInt64, UInt64, UInt64) {
        (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
    }

    /// A digest from `sha256:` and 64 lowercase hexadecimal digits, the spelling of OCI; nil for anything else.
    public init?(parsing text: String) {
        guard text.hasPrefix("sha256:") else { return nil }
        self.init(hexadecimal: text.dropFirst(7))
    }

    /// A digest from 64 lowercase hexadecimal digits; nil for anything else.
    public init?(hexadecimal text: some StringProtocol) {
        let digits = Array(text.utf8)
        guard digits.count == 2 * Digest.byteCount else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Digest.value(digits[index]), let low = Digest.value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        self.init(bytes: bytes)
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Digest.byteCount)
        for word in [words.0, words.1, words.2, words.3] {
            for shift: UInt64 in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return bytes
    }

    /// The 64 lowercase hexadecimal digits.
    public var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The spelling of OCI: `sha256:` and 64 lowercase hexadecimal digits.
    public var description: String { "sha256:" + hexadecimal }

    /// The first twelve hexadecimal digits, for tables.
    public var abbreviated: String { String(hexadecimal.prefix(12)) }

    /// Equal bytes.
    public static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }
    /// The order of the bytes.
    public static func < (left: Digest, right: Digest) -> Bool { left.words < right.words }
    /// Feeds the digest to a hasher.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
