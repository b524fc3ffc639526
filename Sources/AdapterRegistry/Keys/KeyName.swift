import Integrity

/// What the user calls a key (signatures spec, clause 4.2).
public struct KeyName: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The longest name in bytes.
    public static let maximumByteCount = 64
    /// Endings of files, with which no name ends, so that a name is never taken for a path.
    public static let fileEndings = [".pem", ".pub", ".json"]

    /// The name as text.
    public let description: String

    /// Checks a name.
    ///
    /// - Throws: ``RegistryError`` with code `invalidReference`.
    public init(parsing text: String) throws(RegistryError) {
        func invalid(_ reason: String) -> RegistryError {
            RegistryError(
                .invalidReference,
                "Unable to read the key name '\(text.prefix(80))': \(reason) Write a name such as 'release' or "
                    + "'alice@example.com'.")
        }
        let bytes = Array(text.utf8)
        guard (1...KeyName.maximumByteCount).contains(bytes.count) else {
            throw invalid("it has \(bytes.count) bytes, 1 to \(KeyName.maximumByteCount) are possible.")
        }
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                break
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "@"):
                guard index > 0 else { throw invalid("it must begin with a letter or a digit.") }
            default: throw invalid("it may hold only letters, digits, '.', '_', '-' and '@'.")
            }
        }
        guard !KeyName.fileEndings.contains(where: text.hasSuffix) else {
            throw invalid("it ends like the name of a file.")
        }
        description = text
    }

    /// The order of the bytes, which is that of the characters.
    public static func < (left: KeyName, right: KeyName) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }
}
