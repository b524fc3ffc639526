/// What a client asks for with a `Range` header (RFC 9110 section 14.1.2).
public enum RangeRequest: Hashable, Sendable {
    /// From a byte to another, both included; to the end when there is no other.
    case from(Int, through: Int?)
    /// As many bytes from the end.
    case suffix(Int)

    /// Reads `bytes=a-b`, `bytes=a-` or `bytes=-n`; nil for several ranges, other units and everything malformed, which
    /// a server may ignore.
    public init?(parsing text: String) {
        guard text.lowercased().hasPrefix("bytes=") else { return nil }
        let parts = text.utf8.dropFirst(6).split(
            separator: UInt8(ascii: "-"), omittingEmptySubsequences: false
        ).map { Substring($0).trimmingSpaces }
        guard parts.count == 2 else { return nil }
        if parts[0].isEmpty {
            guard let count = Int(digits: parts[1]) else { return nil }
            self = .suffix(count)
        } else {
            guard let first = Int(digits: parts[0]) else { return nil }
            let last = parts[1].isEmpty ? nil : Int(digits: parts[1])
            guard parts[1].isEmpty || last != nil, last.map({ $0 >= first }) ?? true else { return nil }
            self = .from(first, through: last)
        }
    }

    /// The bytes that are meant of content of a given length; nil when there are none, which is answered with 416.
    public func resolved(byteCount: Int) -> Range<Int>? {
        switch self {
        case .from(let first, let last):
            guard first < byteCount else { return nil }
            return first..<(min(last ?? byteCount - 1, byteCount - 1) + 1)
        case .suffix(let count):
            guard count > 0, byteCount > 0 else { return nil }
            return max(0, byteCount - count)..<byteCount
        }
    }

    /// The value of the `Range` header for a range of at least one byte.
    public static func header(_ range: Range<Int>) -> String { "bytes=\(range.lowerBound)-\(range.upperBound - 1)" }
}

/// What a server answers with a `Content-Range` header (RFC 9110 section 14.4): `bytes a-b/length`.
public struct ContentRange: Hashable, Sendable, CustomStringConvertible {
    /// The bytes that are sent.
    public let range: Range<Int>
    /// The length of the whole; nil when the server does not know it.
    public let byteCount: Int?

    /// Creates one for a range of at least one byte.
    public init(_ range: Range<Int>, of byteCount: Int?) {
        self.range = range
        self.byteCount = byteCount
    }

    /// Reads the header; nil when it is malformed.
    public init?(parsing text: String) {
        guard text.lowercased().hasPrefix("bytes ") else { return nil }
        let parts = text.utf8.dropFirst(6).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { Substring($0).trimmingSpaces }
        guard parts.count == 2, let range = UploadRange.parse(parts[0]) else { return nil }
        self.range = range
        if parts[1] == "*" {
            byteCount = nil
        } else {
            guard let count = Int(digits: parts[1]), count >= range.upperBound else { return nil }
            byteCount = count
        }
    }

    /// The value of the header.
    public var description: String {
        "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(byteCount.map(String.init) ?? "*")"
    }
}

/// The ranges of uploads, which have no unit: `0-1023` (OCI distribution specification 1.1, "Pushing a blob in chunks").
public enum UploadRange {
    /// Reads `a-b`, both included; nil when it is malformed.
    public static func parse(_ text: some StringProtocol) -> Range<Int>? {
        let parts = String(text).utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            .map { Substring($0).trimmingSpaces }
        guard parts.count == 2, let first = Int(digits: parts[0]), let last = Int(digits: parts[1]), last >= first,
            last < Int.max
        else { return nil }
        return first..<(last + 1)
    }

    /// The value of the header for a range of at least one byte.
    public static func header(_ range: Range<Int>) -> String { "\(range.lowerBound)-\(range.upperBound - 1)" }
}

extension Int {
    /// A number of digits only, without a sign.
    init?(digits text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let value = Int(text)
        else { return nil }
        self = value
    }
}
