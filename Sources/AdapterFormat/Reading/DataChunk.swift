internal import FileSystem
internal import Integrity
internal import Tensors

/// A chunk of a tensor: its digest is checked before it is decoded.
struct DataChunk: Sendable {
    /// How many chunks are best read together: they are hashed two at a time, and more would not stay in a cache.
    static let countAtOnce = 2

    let header: AdapterHeader
    /// The tensor's place in the header's table.
    let tensor: Int
    /// The chunk's place in the tensor.
    let index: Int
    /// The path of the file, for messages.
    let path: String?
    /// Where the leaf of what was decoded is kept.
    var gathered: GatheredLeaves?

    /// The bytes of several chunks, read from their files, verified and decoded.
    ///
    /// - Throws: ``FormatError`` of the first chunk that is damaged.
    static func decoded(_ reads: [(chunk: DataChunk, file: InputFile)]) throws -> [[UInt8]] {
        try decoded(
            reads.map(\.chunk),
            extents: reads.map { try $0.file.read(at: $0.chunk.position, count: $0.chunk.extentByteCount) })
    }

    /// The bytes of several chunks of which there are the extents: the encoded bytes and their padding.
    ///
    /// - Throws: ``FormatError`` of the first chunk that is damaged.
    static func decoded(_ chunks: [DataChunk], extents: consuming [[UInt8]]) throws -> [[UInt8]] {
        let digests = MerkleTree.leaves(extents)
        let decoded = try chunks.indices.map { place in
            // Taken out of the array, so that shortening it copies nothing.
            var extent: [UInt8] = []
            swap(&extent, &extents[place])
            return try chunks[place].decoded(extent: extent, digest: digests[place])
        }
        let wanting = chunks.indices.filter { chunks[$0].gathered?.has(chunks[$0].place) == false }
        if !wanting.isEmpty {
            for (place, leaf) in zip(wanting, leaves(wanting.map { chunks[$0] }, of: wanting.map { decoded[$0] })) {
                chunks[place].gathered?.gather(leaf, at: chunks[place].place)
            }
        }
        return decoded
    }

    /// The leaves of several chunks in the Merkle trees of their tensors.
    ///
    /// - Throws: ``FormatError`` of the first chunk that is damaged.
    static func leaves(_ chunks: [DataChunk], extents: consuming [[UInt8]]) throws -> [Digest] {
        leaves(chunks, of: try decoded(chunks, extents: extents))
    }

    private static func leaves(_ chunks: [DataChunk], of decoded: [[UInt8]]) -> [Digest] {
        // A raw extent without padding is the decoded chunk, whose leaf has been compared already.
        let areDecodedChunks = chunks.allSatisfy { chunk in
            chunk.record.codec == .raw && chunk.record.encodedByteCount == chunk.extentByteCount
        }
        return areDecodedChunks ? chunks.map(\.record.digest) : MerkleTree.leaves(decoded)
    }

    private var tensorRecord: TensorRecord { header.tensors[tensor] }

    /// The chunk's place in the header's table.
    var place: Int { tensorRecord.firstChunk + index }

    private var record: ChunkRecord { header.chunks[place] }

    /// Where the extent begins in the file.
    var position: Int { header.fixed.headerByteCount + record.offset }

    var extentByteCount: Int { record.extentByteCount(alignment: header.fixed.alignment) }

    /// The chunk's bytes, when its extent has the digest that the file states.
    private func decoded(extent: consuming [UInt8], digest: Digest) throws -> [UInt8] {
        let record = record
        guard digest == record.digest else {
            throw error(
                .digestMismatch,
                "Chunk \(index) of '\(displayName)' does not have the digest that the file states. "
                    + "The file is damaged; fetch it again.", at: position)
        }
        guard extent[record.encodedByteCount...].allSatisfy({ $0 == 0 }) else {
            throw error(
                .malformedChunk, "The padding after chunk \(index) of '\(displayName)' is not zero.",
                at: position + record.encodedByteCount)
        }
        extent.removeLast(extent.count - record.encodedByteCount)
        let (tensor, encoded) = (tensorRecord, EncodedChunk(codec: record.codec, bytes: extent))
        do {
            return try ChunkCoder.withCoder { coder in
                try coder.decode(encoded, byteCount: tensor.decodedByteCount(ofChunk: index), dtype: tensor.dtype)
            }
        } catch let fault as FormatError {
            throw error(fault.code, fault.message, at: position)
        }
    }

    private var displayName: String { header.displayName(ofTensor: tensor) }

    private func error(_ code: FormatError.Code, _ message: String, at byteOffset: Int) -> FormatError {
        var error = FormatError(code, message, byteOffset: byteOffset, tensor: displayName)
        error.path = path
        return error
    }
}
