internal import ByteCoding
public import Integrity
internal import Synchronization

/// Verifies a file that arrives in pieces: its header states the digests of all that follows.
///
/// What it has verified need not be read again when the file is complete, see `Registry.receive`.
public final class PartVerification: Sendable {
    /// A run of bytes whose digest is known.
    public struct Part: Hashable, Sendable {
        /// Where it lies in the file.
        public let range: Range<Int>
        /// The digest that the header states.
        public let digest: Digest
        /// Of which tensor it is which chunk; nil for a section behind the data.
        let chunk: Chunk?

        /// Whether it is a chunk of a tensor, of at most a mebibyte; sections behind the data may be longer.
        public var isChunk: Bool { chunk != nil }

        struct Chunk: Hashable {
            let tensor: Int
            let index: Int
        }
    }

    /// How many bytes of a file must be there to say how long its header is.
    public static let startByteCount = FormatConstants.fixedHeaderByteCount
    /// How many parts are best checked together.
    public static let countAtOnce = DataChunk.countAtOnce

    /// The parts in the order of the file; they cover everything behind the header.
    public let parts: [Part]

    let header: AdapterHeader
    private let verified: Mutex<[Digest?]>

    /// The Merkle leaves of the chunks that were checked.
    var leaves: [Digest?] { verified.withLock(\.self) }

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
                from: Array(bytes.prefix(PartVerification.startByteCount)), fileByteCount: fileByteCount)
            guard bytes.count == fixed.headerByteCount else {
                throw FormatError(
                    .truncated, "The header has \(bytes.count) bytes, it states \(fixed.headerByteCount).",
                    byteOffset: bytes.count)
            }
            let header = try AdapterHeader(fixed, bytes: bytes, limits: limits)
            self.header = header
            verified = Mutex(Array(repeating: nil, count: header.chunks.count))
            // Chunks and trailing sections follow each other without gaps, which reading the header has checked.
            let chunks = header.tensors.enumerated().flatMap { tensor, record in
                (0..<record.chunkCount).map { Part.Chunk(tensor: tensor, index: $0) }
            }
            parts =
                zip(header.chunks, chunks).map { record, chunk in
                    let start = fixed.headerByteCount + record.offset
                    let end = start + record.extentByteCount(alignment: fixed.alignment)
                    return Part(range: start..<end, digest: record.digest, chunk: chunk)
                }
                + header.sections.filter { $0.offset >= fixed.headerByteCount && $0.byteCount > 0 }.map { section in
                    Part(range: section.offset..<section.end, digest: section.digest, chunk: nil)
                }
        } catch let error as ByteCodingError {
            throw FormatError(error)
        }
    }

    /// Compares chunks with their digests and decodes them; two together take little longer than one.
    ///
    /// - Parameters:
    ///   - chunks: some of ``parts``; those that are no chunks are left out.
    ///   - contents: the bytes of each.
    /// - Throws: ``FormatError`` of the first chunk that is not what the header states.
    public func check(_ chunks: [Part], _ contents: [[UInt8]]) throws {
        let extents = zip(chunks, contents).compactMap { part, content in
            part.chunk.map { chunk in
                (DataChunk(header: header, tensor: chunk.tensor, index: chunk.index, path: nil), content)
            }
        }
        let leaves = try DataChunk.leaves(extents.map(\.0), extents: extents.map(\.1))
        verified.withLock { verified in
            for ((chunk, _), leaf) in zip(extents, leaves) { verified[chunk.place] = leaf }
        }
    }
}
