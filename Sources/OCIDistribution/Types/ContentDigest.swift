public import Integrity

/// The name of content in OCI: `sha256:` or `sha512:` and the lowercase hexadecimal digits of the hash.
///
/// What this program writes is named by SHA-256; SHA-512 is the other registered algorithm (OCI image specification
/// 1.1, "Descriptors", Digests), which other clients may use.
public struct ContentDigest: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// A registered hash function.
    public enum Algorithm: String, Hashable, Sendable, CaseIterable {
        /// SHA-256.
        case sha256
        /// SHA-512.
        case sha512

        /// How many hexadecimal digits a digest has.
        public var digitCount: Int { self == .sha256 ? 2 * Digest.byteCount : 2 * SHA512.byteCount }
    }

    /// The hash function.
    public let algorithm: Algorithm
    /// The lowercase hexadecimal digits of the hash.
    public let hexadecimal: String

    /// The name of content whose SHA-256 is known.
    public init(_ digest: Digest) {
        algorithm = .sha256
        hexadecimal = digest.hexadecimal
    }

    /// Reads `algorithm:digits`.
    ///
    /// - Throws: ``OCIError`` with code `invalidReference`.
    public init(parsing text: String) throws(OCIError) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let algorithm = Algorithm(rawValue: String(Substring(parts[0]))) else {
            throw .invalidReference(text, "it must begin with 'sha256:' or 'sha512:'.", "digest")
        }
        guard parts[1].count == algorithm.digitCount, parts[1].allSatisfy(isLowercaseHexadecimal) else {
            throw .invalidReference(
                text, "\(algorithm.digitCount) lowercase hexadecimal digits must follow '\(algorithm.rawValue):'.",
                "digest")
        }
        self.algorithm = algorithm
        hexadecimal = String(Substring(parts[1]))
    }

    fileprivate init(_ algorithm: Algorithm, bytes: [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        self.algorithm = algorithm
        hexadecimal = String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The digest of a run of bytes.
    public static func hash(_ bytes: [UInt8], algorithm: Algorithm = .sha256) -> ContentDigest {
        var hasher = ContentHasher(algorithm)
        hasher.update(bytes)
        return hasher.finalize()
    }

    /// The SHA-256, when it is one.
    public var sha256: Digest? { algorithm == .sha256 ? Digest(hexadecimal: hexadecimal) : nil }

    /// `algorithm:digits`; parsing it gives the same digest.
    public var description: String { "\(algorithm.rawValue):\(hexadecimal)" }

    /// The first twelve hexadecimal digits, for tables.
    public var abbreviated: String { String(hexadecimal.prefix(12)) }

    /// The order of the text.
    public static func < (left: ContentDigest, right: ContentDigest) -> Bool { left.description < right.description }
}

/// Computes a ``ContentDigest`` as bytes come in.
public struct ContentHasher: ~Copyable {
    private let algorithm: ContentDigest.Algorithm
    private var sha256 = SHA256()
    private var sha512 = SHA512()

    /// Starts an empty message.
    public init(_ algorithm: ContentDigest.Algorithm = .sha256) { self.algorithm = algorithm }

    /// Appends bytes to the message.
    public mutating func update(_ bytes: [UInt8]) { update(bytes[...]) }

    /// Appends a run of bytes to the message without copying it.
    public mutating func update(_ bytes: ArraySlice<UInt8>) {
        switch algorithm {
        case .sha256: sha256.update(bytes)
        case .sha512: sha512.update(bytes)
        }
    }

    /// The digest of the message; the hasher is used up.
    public consuming func finalize() -> ContentDigest {
        switch algorithm {
        case .sha256: ContentDigest(.sha256, bytes: sha256.finalize().bytes)
        case .sha512: ContentDigest(.sha512, bytes: sha512.finalize())
        }
    }
}

private func isLowercaseHexadecimal(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
    default: false
    }
}
