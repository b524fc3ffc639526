internal import ByteCoding
internal import FileSystem
internal import Integrity
internal import Tensors

/// Writes tensors as the data part of a file, chunk by chunk: read, encoded and hashed on all processors, written in
/// the file's order.
struct DataWriter {
    /// A chunk to come.
    private struct Job: Sendable {
        let tensor: Int
        let content: Tensor
        let range: Range<Int>

        /// Reads the chunk, or computes it.
        func decoded() throws -> [UInt8] {
            let bytes = try content.bytes(in: range)
            guard bytes.count == range.count else {
                throw FormatError(
                    .notRepresentable,
                    "A tensor's source gave \(bytes.count) bytes for a range of \(range.count).")
            }
            return bytes
        }
    }

    /// A chunk as it will be stored, and its leaf in the tensor's Merkle tree.
    private struct Stored: Sendable {
        let tensor: Int
        let decodedByteCount: Int
        let codec: Codec
        let encodedByteCount: Int
        let extent: [UInt8]
        let digest: Digest
        let leaf: Digest
    }

    /// How many bytes are encoded together at least, up to the end of a module, and at most, however large it is: two
    /// chunks are hashed at a time, and who computes a module has both its factors; more would not stay in a cache.
    private static let groupByteCount = 2 * FormatConstants.chunkByteCount...4 * FormatConstants.chunkByteCount
    /// How many of these groups are in memory at most, however many processors there are.
    private static let maximumAhead = 16

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

    /// Writes all tensors; each chunk is read once.
    ///
    /// - Parameter modules: the place of each tensor's module.
    mutating func write(_ tensors: [Tensor], of modules: [Int], _ progress: ((Int) -> Void)?) throws {
        leaves = Array(repeating: [], count: tensors.count)
        var reader = ChunkReader(tensors: tensors, modules: modules)
        let (alignment, codec) = (alignment, codec)
        try Concurrent.flow(
            workerCount: workerCount, ahead: min(2 * workerCount, DataWriter.maximumAhead)
        ) {
            reader.next(DataWriter.groupByteCount)
        } transform: { jobs in
            try ChunkCoder.withCoder { try DataWriter.encode(jobs, $0, codec, alignment) }
        } consume: { stored in
            try append(stored)
            for chunk in stored { progress?(chunk.decodedByteCount) }
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

    private static func encode(
        _ jobs: [Job], _ coder: ChunkCoder, _ codec: WritingCodec, _ alignment: Int
    ) throws -> [Stored] {
        let decoded = try jobs.map { try $0.decoded() }
        let leaves = MerkleTree.leaves(decoded)
        let encoded = try zip(jobs, decoded).map { job, bytes in
            try coder.encode(bytes, dtype: job.content.dtype, preference: codec)
        }
        let extents = encoded.map { chunk in
            let padding = chunk.bytes.count.padding(to: alignment)
            return padding == 0 ? chunk.bytes : chunk.bytes + [UInt8](repeating: 0, count: padding)
        }
        // A raw extent without padding is the decoded chunk, whose leaf hash is known already.
        let areDecodedChunks = zip(encoded, extents).allSatisfy { $0.codec == .raw && $0.bytes.count == $1.count }
        let digests = areDecodedChunks ? leaves : MerkleTree.leaves(extents)
        return zip(jobs, encoded).enumerated().map { index, chunk in
            Stored(
                tensor: chunk.0.tensor, decodedByteCount: chunk.0.range.count, codec: chunk.1.codec,
                encodedByteCount: chunk.1.bytes.count,
                extent: extents[index], digest: digests[index], leaf: leaves[index])
        }
    }

    /// The chunks of tensors, one after the other.
    private struct ChunkReader {
        private let tensors: [Tensor]
        private let modules: [Int]
        private var tensor = 0
        private var offset = 0

        init(tensors: [Tensor], modules: [Int]) {
            self.tensors = tensors
            self.modules = modules
        }

        /// The next chunks: whole modules until there are enough bytes, part of one where it has too many; nil at the end.
        mutating func next(_ byteCount: ClosedRange<Int>) -> [Job]? {
            var jobs: [Job] = []
            var taken = 0
            while tensor < tensors.count, taken < byteCount.upperBound,
                taken < byteCount.lowerBound || !isAtModule
            {
                let content = tensors[tensor]
                let range = offset..<min(offset + FormatConstants.chunkByteCount, content.byteCount)
                if !range.isEmpty { jobs.append(Job(tensor: tensor, content: content, range: range)) }
                taken += range.count
                offset = range.upperBound
                if offset == content.byteCount { (tensor, offset) = (tensor + 1, 0) }
            }
            return jobs.isEmpty ? nil : jobs
        }

        /// Whether the next chunk is the first of a module.
        private var isAtModule: Bool { offset == 0 && (tensor == 0 || modules[tensor] != modules[tensor - 1]) }
    }
}
