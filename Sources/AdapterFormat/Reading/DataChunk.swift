internal import FileSystem
internal import Integrity
internal import Tensors

/// A chunk of a tensor in a file: its digest is checked before it is decoded.
struct DataChunk: Sendable {
    /// How many chunks are best read together: they are hashed two at a time.
    static let countAtOnce = 4

    let source: ChunkedTensorSource
    /// The chunk's place in the tensor.
    let index: Int

    /// The bytes of several chunks, verified and decoded.
    ///
    /// - Throws: ``FormatError`` of the first chunk that is damaged.
    static func decoded(_ chunks: [DataChunk]) throws -> [[UInt8]] {
        var extents = try chunks.map { try $0.extent() }
        let digests = MerkleTree.leaves(extents)
        return try chunks.indices.map { place in
            // Taken out of the array, so that shortening it copies nothing.
            var extent: [UInt8] = []
            swap(&extent, &extents[place])
            return try chunks[place].decoded(extent: extent, digest: digests[place])
        }
    }

    private var record: ChunkRecord { source.chunks[source.record.firstChunk + index] }

    private var position: Int { source.dataOffset + record.offset }

    /// What the file holds: the encoded bytes and their padding.
    private func extent() throws -> [UInt8] {
        try source.file.read(at: position, count: record.extentByteCount(alignment: source.alignment))
    }

    /// The chunk's bytes, when its extent has the digest that the file states.
    private func decoded(extent: consuming [UInt8], digest: Digest) throws -> [UInt8] {
        let record = record
        guard digest == record.digest else {
            throw error(
                .digestMismatch,
                "Chunk \(index) of '\(source.displayName)' does not have the digest that the file states. "
                    + "The file is damaged; fetch it again.", at: position)
        }
        guard extent[record.encodedByteCount...].allSatisfy({ $0 == 0 }) else {
            throw error(
                .malformedChunk, "The padding after chunk \(index) of '\(source.displayName)' is not zero.",
                at: position + record.encodedByteCount)
        }
        extent.removeLast(extent.count - record.encodedByteCount)
        let (tensor, encoded) = (source.record, EncodedChunk(codec: record.codec, bytes: extent))
        do {
            return try ChunkCoder.withCoder { coder in
                try coder.decode(encoded, byteCount: tensor.decodedByteCount(ofChunk: index), dtype: tensor.dtype)
            }
        } catch let fault as FormatError {
            throw error(fault.code, fault.message, at: position)
        }
    }

    private func error(_ code: FormatError.Code, _ message: String, at byteOffset: Int) -> FormatError {
        var error = FormatError(code, message, byteOffset: byteOffset, tensor: source.displayName)
        error.path = source.file.path
        return error
    }
}
