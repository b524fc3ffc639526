/// A tag in OCI's grammar, `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
public struct Tag: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The longest tag in bytes.
    public static let maximumByteCount = 128
    /// The tag that is meant when none is written.
    public static let latest = Tag(unchecked: "latest")

    /// The tag as text.
    public let description: String

    /// Checks a tag.
    ///
    /// - Throws: ``RegistryError`` with code `invalidReference`.
    public init(parsing text: String) throws(RegistryError) {
        try self.init(text[...], in: text)
    }

    /// Checks a tag that is a part of `whole`, which the error names.
    init(_ text: Substring, in whole: String) throws(RegistryError) {
        let tag = String(text)
        guard !tag.isEmpty else {
            throw .invalidReference(whole, "the tag is empty. Write one after ':' or leave the ':' out.")
        }
        guard tag.utf8.count <= Tag.maximumByteCount else {
            throw .invalidReference(
                whole,
                "the tag has \(tag.utf8.count) bytes, at most \(Tag.maximumByteCount) are possible. "
                    + "Choose a shorter one.")
        }
        for (index, byte) in tag.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                break
            case UInt8(ascii: "."), UInt8(ascii: "-"):
                guard index > 0 else {
                    throw .invalidReference(whole, "a tag must begin with a letter, a digit or '_'.")
                }
            default:
                throw .invalidReference(whole, "a tag may hold only letters, digits, '_', '.' and '-'.")
            }
        }
        description = tag
    }

    private init(unchecked text: String) {
        description = text
    }

    /// The order of the bytes, which is that of the characters.
    public static func < (left: Tag, right: Tag) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }
}
