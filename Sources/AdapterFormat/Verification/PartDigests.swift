internal import ByteCoding
public import Integrity

/// What a file's header states of the digests of the rest, for verifying a file that arrives in pieces.
public struct PartDigests: Sendable {
    /// A run of bytes whose digest is known.
    public struct Part: Hashable, Sendable {
        /// Where it lies in the file.
        public let range: Range<Int>
        /// The digest that the header states.
        public let digest: Digest
        /// Whether it is a chunk of a tensor, the digest of which is a leaf of a Merkle tree (spec clause 8.4).
        let isChunk: Bool

        /// A hasher that gives ``digest`` for the part's bytes.
        public func makeHasher() -> SHA256 {
            var hasher = SHA256()
            // The prefix of a leaf (RFC 6962 section 2.1).
            if isChunk { hasher.update([0]) }
            return hasher
        }
    }

    /// How many bytes of a file must be there to say how long its header is.
    public static let startByteCount = FormatConstants.fixedHeaderByteCount

    /// The parts in the order of the file; they cover everything behind the header.
    public let parts: [Part]

    /// The length of the header, from the first ``startByteCount`` bytes of a file.
    ///
    /// - Throws: ``FormatError`` for bytes that do not begin an adapter file of that length.
    public static func headerByteCount(start: [UInt8], fileByteCount: Int) throws -> Int {
        guard start.count >= startByteCount else {
            throw FormatError(
                .truncated, "The file has \(start.count) bytes, the header alone needs \(startByteCount).",
                byteOffset: start.count)
        }
        do {
            return try FixedHeader(from: Array(start[..<startByteCount]), fileByteCount: fileByteCount).headerByteCount
        } catch let error as ByteCodingError {
            throw FormatError(error)
        }
    }

    /// Reads a header, which must have the digest that it states itself.
    ///
    /// - Throws: ``FormatError`` as opening the file would.
    public init(header bytes: [UInt8], fileByteCount: Int, limits: ReadLimits = ReadLimits()) throws {
        do {
            let fixed = try FixedHeader(
                from: Array(bytes.prefix(PartDigests.startByteCount)), fileByteCount: fileByteCount)
            guard bytes.count == fixed.headerByteCount else {
                throw FormatError(
                    .truncated, "The header has \(bytes.count) bytes, it states \(fixed.headerByteCount).",
                    byteOffset: bytes.count)
            }
            let header = try AdapterHeader(fixed, bytes: bytes, limits: limits)
            // Chunks and trailing sections follow each other without gaps, which reading the header has checked.
            parts =
                header.chunks.map { chunk in
                    let start = fixed.headerByteCount + chunk.offset
                    let end = start + chunk.extentByteCount(alignment: fixed.alignment)
                    return Part(range: start..<end, digest: chunk.digest, isChunk: true)
                }
                + header.sections.filter { $0.offset >= fixed.headerByteCount && $0.byteCount > 0 }.map { section in
                    Part(range: section.offset..<section.end, digest: section.digest, isChunk: false)
                }
        } catch let error as ByteCodingError {
            throw FormatError(error)
        }
    }
}
