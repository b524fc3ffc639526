internal import ByteCoding
internal import FileSystem
internal import Integrity
internal import Tensors

/// Appends tensors to the data part of a file, chunk by chunk: read in order, encoded and hashed on all processors,
/// written in order.
struct DataWriter {
    /// A chunk on its way into the file.
    private struct Job: Sendable {
        let tensor: Int
        let dtype: DType
        let decoded: [UInt8]
    }

    /// A chunk as it will be stored, and its leaf in the tensor's Merkle tree.
    private struct Stored: Sendable {
        let codec: Codec
        let encodedByteCount: Int
        let extent: [UInt8]
        let digest: Digest
        let leaf: Digest
    }

    /// How many decoded bytes are worked on at a time, for each processor.
    private static let batchByteCount = 4 * FormatConstants.chunkByteCount * Concurrent.workerCount

    private let output: OutputFile
    private let alignment: Int
    private let codec: WritingCodec
    private let workerCount: Int
    private var batch: [Job] = []
    private var waitingByteCount = 0
    // Small tensors make small extents; they are gathered so that each write is worth its system call.
    private var buffer: [UInt8] = []

    /// The records of the chunks written so far.
    private(set) var chunks: [ChunkRecord] = []
    /// The Merkle leaves of each tensor's decoded chunks, so far.
    private(set) var leaves: [[Digest]] = []
    /// The length of the data so far.
    private(set) var byteCount = 0

    init(output: OutputFile, alignment: Int, codec: WritingCodec, workerCount: Int = Concurrent.workerCount) {
        self.output = output
        self.alignment = alignment
        self.codec = codec
        self.workerCount = workerCount
    }

    /// Appends a tensor; its last chunks may be written later.
    mutating func append(_ tensor: Tensor, _ progress: ((Int) -> Void)?) throws {
        let index = leaves.count
        leaves.append([])
        let size = FormatConstants.chunkByteCount
        for start in stride(from: 0, to: tensor.byteCount, by: size) {
            let range = start..<min(start + size, tensor.byteCount)
            let decoded = try tensor.bytes(in: range)
            guard decoded.count == range.count else {
                throw FormatError(
                    .notRepresentable, "A tensor's source gave \(decoded.count) bytes for a range of \(range.count).")
            }
            batch.append(Job(tensor: index, dtype: tensor.dtype, decoded: decoded))
            waitingByteCount += range.count
            if waitingByteCount >= DataWriter.batchByteCount { try encodeBatch() }
            progress?(range.count)
        }
    }

    /// Writes what is left, then the trailing bytes.
    mutating func finish(followedBy trailing: [UInt8]) throws {
        buffer += trailing
        try flush()
    }

    /// Encodes what is waiting; afterwards ``chunks``, ``leaves`` and ``byteCount`` are complete.
    mutating func encodeBatch() throws {
        let (alignment, codec) = (alignment, codec)
        let stored = try Concurrent.map(batch, workerCount: workerCount) { job in
            try ChunkCoder.withCoder { try DataWriter.encode(job, $0, codec, alignment) }
        }
        for (job, chunk) in zip(batch, stored) {
            leaves[job.tensor].append(chunk.leaf)
            chunks.append(
                ChunkRecord(
                    offset: byteCount, encodedByteCount: chunk.encodedByteCount, codec: chunk.codec,
                    digest: chunk.digest))
            byteCount += chunk.extent.count
            buffer += chunk.extent
            if buffer.count >= FormatConstants.chunkByteCount { try flush() }
        }
        batch.removeAll(keepingCapacity: true)
        waitingByteCount = 0
    }

    private static func encode(_ job: Job, _ coder: ChunkCoder, _ codec: WritingCodec, _ alignment: Int) throws
        -> Stored
    {
        let leaf = MerkleTree.leaf(job.decoded)
        let encoded = try coder.encode(job.decoded, dtype: job.dtype, preference: codec)
        let padding = encoded.bytes.count.padding(to: alignment)
        let extent = padding == 0 ? encoded.bytes : encoded.bytes + [UInt8](repeating: 0, count: padding)
        // A raw extent without padding is the decoded chunk, whose leaf hash is known already.
        let isDecodedChunk = encoded.codec == .raw && padding == 0
        return Stored(
            codec: encoded.codec, encodedByteCount: encoded.bytes.count, extent: extent,
            digest: isDecodedChunk ? leaf : MerkleTree.leaf(extent), leaf: leaf)
    }

    private mutating func flush() throws {
        try output.write(buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}
