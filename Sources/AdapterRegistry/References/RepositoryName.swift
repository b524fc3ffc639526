/// The name of a repository in OCI's grammar: path components of lowercase letters and digits, joined by `/`.
///
/// A component is `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`; the whole has at most 255 bytes (OCI distribution specification
/// 1.1, "Pulling manifests").
public struct RepositoryName: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The longest name in bytes.
    public static let maximumByteCount = 255

    /// The name as text.
    public let description: String

    /// Checks a name.
    ///
    /// - Throws: ``RegistryError`` with code `invalidReference`.
    public init(parsing text: String) throws(RegistryError) {
        try self.init(text[...], in: text)
    }

    /// Checks a name that is a part of `whole`, which the error names.
    init(_ text: Substring, in whole: String) throws(RegistryError) {
        let name = String(text)
        if let fault = RepositoryName.fault(name.utf8) { throw .invalidReference(whole, fault) }
        description = name
    }

    /// The order of the bytes, which is that of the characters.
    public static func < (left: RepositoryName, right: RepositoryName) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }

    /// What is wrong with a name, or nil.
    private static func fault(_ bytes: String.UTF8View) -> String? {
        guard !bytes.isEmpty else { return "the name is empty. Write a name such as 'team/adapter'." }
        guard bytes.count <= maximumByteCount else {
            return "the name has \(bytes.count) bytes, at most \(maximumByteCount) are possible. Choose a shorter one."
        }
        for component in bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if let fault = fault(inComponent: component) { return fault }
        }
        return nil
    }

    private static func fault(inComponent bytes: Substring.UTF8View) -> String? {
        guard !bytes.isEmpty else { return "the name has an empty part. Write exactly one '/' between two parts." }
        var separators: [UInt8] = []
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                guard separators.isEmpty || isSeparator(separators) else {
                    return "only '.', '_', '__' or dashes may stand between letters and digits."
                }
                separators = []
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                separators.append(byte)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"):
                return "the name has uppercase letters. Write it in lowercase."
            default:
                return "the name may hold only lowercase letters, digits, '.', '_', '-' and '/'."
            }
        }
        let first = bytes.first.map { [$0] } ?? []
        return separators.isEmpty && !isSeparator(first) ? nil : edgeFault
    }

    private static let edgeFault = "every part of a name must begin and end with a lowercase letter or a digit."

    private static func isSeparator(_ bytes: [UInt8]) -> Bool {
        switch bytes.first {
        case UInt8(ascii: "."): bytes.count == 1
        case UInt8(ascii: "_"): bytes.count <= 2 && bytes.allSatisfy { $0 == UInt8(ascii: "_") }
        case UInt8(ascii: "-"): bytes.allSatisfy { $0 == UInt8(ascii: "-") }
        default: false
        }
    }
}
