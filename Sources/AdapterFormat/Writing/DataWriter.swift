internal import ByteCoding
internal import FileSystem
internal import Integrity
internal import Tensors

/// Writes tensors as the data part of a file, chunk by chunk: while all processors encode and hash some chunks, the
/// last ones are written and the next ones read, both in the file's order.
struct DataWriter {
    /// A chunk on its way into the file.
    private struct Job: Sendable {
        let tensor: Int
        let dtype: DType
        let decoded: [UInt8]
    }

    /// A chunk as it will be stored, and its leaf in the tensor's Merkle tree.
    private struct Stored: Sendable {
        let tensor: Int
        let codec: Codec
        let encodedByteCount: Int
        let extent: [UInt8]
        let digest: Digest
        let leaf: Digest
    }

    private let output: PositionedOutput
    private let start: Int
    private let alignment: Int
    private let codec: WritingCodec
    private let workerCount: Int
    // Small tensors make small extents; they are gathered so that each write is worth its system call.
    private var buffer: [UInt8] = []

    /// The records of the chunks written so far.
    private(set) var chunks: [ChunkRecord] = []
    /// The Merkle leaves of each tensor's decoded chunks.
    private(set) var leaves: [[Digest]] = []
    /// The length of the data so far.
    private(set) var byteCount = 0

    /// - Parameters:
    ///   - start: where the data begins in the file.
    ///   - workerCount: how many threads encode; the file does not depend on it.
    init(output: PositionedOutput, start: Int, alignment: Int, codec: WritingCodec, workerCount: Int) {
        self.output = output
        self.start = start
        self.alignment = alignment
        self.codec = codec
        self.workerCount = workerCount
    }

    /// Writes all tensors; each is read once, in order.
    mutating func write(_ tensors: [Tensor], _ progress: ((Int) -> Void)?) throws {
        leaves = Array(repeating: [], count: tensors.count)
        var reader = ChunkReader(tensors: tensors)
        let (alignment, codec, workerCount) = (alignment, codec, workerCount)
        let batchByteCount = 4 * FormatConstants.chunkByteCount * workerCount
        var waiting = try reader.next(batchByteCount, progress)
        var encoded: [Stored] = []
        while !waiting.isEmpty || !encoded.isEmpty {
            let (jobs, finished) = (waiting, encoded)
            (encoded, waiting) = try Concurrent.both {
                try Concurrent.map(DataWriter.pairs(of: jobs), workerCount: workerCount) { pair in
                    try ChunkCoder.withCoder { try DataWriter.encode(pair, $0, codec, alignment) }
                }.flatMap(\.self)
            } _: {
                try append(finished)
                return try reader.next(batchByteCount, progress)
            }
        }
        try flush()
    }

    private mutating func append(_ finished: [Stored]) throws {
        for chunk in finished {
            leaves[chunk.tensor].append(chunk.leaf)
            chunks.append(
                ChunkRecord(
                    offset: byteCount, encodedByteCount: chunk.encodedByteCount, codec: chunk.codec,
                    digest: chunk.digest))
            if chunk.extent.count >= FormatConstants.chunkByteCount / 4 {
                try flush()
                try output.write(chunk.extent, at: start + byteCount)
            } else {
                buffer += chunk.extent
            }
            byteCount += chunk.extent.count
            if buffer.count >= FormatConstants.chunkByteCount { try flush() }
        }
    }

    /// Writes what is gathered, which ends where the data ends so far.
    private mutating func flush() throws {
        try output.write(buffer, at: start + byteCount - buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }

    /// Neighbours are hashed side by side.
    private static func pairs(of jobs: [Job]) -> [ArraySlice<Job>] {
        stride(from: 0, to: jobs.count, by: 2).map { jobs[$0..<min($0 + 2, jobs.count)] }
    }

    private static func encode(
        _ jobs: ArraySlice<Job>, _ coder: ChunkCoder, _ codec: WritingCodec, _ alignment: Int
    ) throws -> [Stored] {
        let leaves = MerkleTree.leaves(jobs.map(\.decoded))
        let encoded = try jobs.map { try coder.encode($0.decoded, dtype: $0.dtype, preference: codec) }
        let extents = encoded.map { chunk in
            let padding = chunk.bytes.count.padding(to: alignment)
            return padding == 0 ? chunk.bytes : chunk.bytes + [UInt8](repeating: 0, count: padding)
        }
        // A raw extent without padding is the decoded chunk, whose leaf hash is known already.
        let areDecodedChunks = zip(encoded, extents).allSatisfy { $0.codec == .raw && $0.bytes.count == $1.count }
        let digests = areDecodedChunks ? leaves : MerkleTree.leaves(extents)
        return zip(jobs, encoded).enumerated().map { index, chunk in
            Stored(
                tensor: chunk.0.tensor, codec: chunk.1.codec, encodedByteCount: chunk.1.bytes.count,
                extent: extents[index], digest: digests[index], leaf: leaves[index])
        }
    }

    /// Reads tensors chunk by chunk.
    private struct ChunkReader {
        let tensors: [Tensor]
        private var tensor = 0
        private var offset = 0

        init(tensors: [Tensor]) {
            self.tensors = tensors
        }

        /// The next chunks, until there are `byteCount` bytes; none at the end.
        mutating func next(_ byteCount: Int, _ progress: ((Int) -> Void)?) throws -> [Job] {
            var jobs: [Job] = []
            var size = 0
            while size < byteCount, tensor < tensors.count {
                let content = tensors[tensor]
                let range = offset..<min(offset + FormatConstants.chunkByteCount, content.byteCount)
                if !range.isEmpty {
                    let decoded = try content.bytes(in: range)
                    guard decoded.count == range.count else {
                        throw FormatError(
                            .notRepresentable,
                            "A tensor's source gave \(decoded.count) bytes for a range of \(range.count).")
                    }
                    jobs.append(Job(tensor: tensor, dtype: content.dtype, decoded: decoded))
                    size += range.count
                    progress?(range.count)
                }
                offset = range.upperBound
                if offset == content.byteCount { (tensor, offset) = (tensor + 1, 0) }
            }
            return jobs
        }
    }
}
