internal import Adapters
internal import FileSystem
internal import Integrity
internal import Tensors

/// Reads a tensor from its chunks: one extent at a time, its digest before its decoding.
struct ChunkedTensorSource: TensorSource {
    let file: InputFile
    private let header: AdapterHeader
    private let index: Int

    /// The source of the tensor with that index in the table.
    init(_ index: Int, in header: AdapterHeader, file: InputFile) {
        self.file = file
        self.header = header
        self.index = index
    }

    var record: TensorRecord { header.tensors[index] }

    /// The records of the tensor's chunks.
    var chunks: ArraySlice<ChunkRecord> {
        let record = record
        return header.chunks[record.firstChunk..<record.firstChunk + record.chunkCount]
    }

    var alignment: Int { header.fixed.alignment }

    var moduleName: String { header.names.names[Int(header.modules[record.module].name)] }

    var name: String { header.names.names[Int(record.name)] }

    /// The full name for messages; made on demand, as a hostile file has many tensors with long names.
    var displayName: String { moduleName + (name.isEmpty ? ".\(record.role)" : ".\(name)") }

    var tensor: Tensor { Tensor(dtype: record.dtype, shape: record.shape, source: self) }

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let size = FormatConstants.chunkByteCount
        let first = range.lowerBound / size
        let last = (range.upperBound - 1) / size
        if first == last {
            let chunk = try decodedChunk(first)
            let start = first * size
            if range.lowerBound == start, range.count == chunk.count { return chunk }
            return Array(chunk[range.lowerBound - start..<range.upperBound - start])
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for index in first...last {
            let chunk = try decodedChunk(index)
            let start = index * size
            bytes += chunk[max(0, range.lowerBound - start)..<min(chunk.count, range.upperBound - start)]
        }
        return bytes
    }

    /// One chunk, verified and decoded.
    func decodedChunk(_ index: Int) throws -> [UInt8] {
        do {
            return try verifiedChunk(index)
        } catch var error as FormatError {
            error.tensor = displayName
            error.path = file.path
            throw error
        }
    }

    private func verifiedChunk(_ index: Int) throws -> [UInt8] {
        let record = record
        let chunk = header.chunks[record.firstChunk + index]
        let position = header.fixed.headerByteCount + chunk.offset
        var extent = try file.read(at: position, count: chunk.extentByteCount(alignment: alignment))
        guard MerkleTree.leaf(extent) == chunk.digest else {
            throw FormatError(
                .digestMismatch,
                "Chunk \(index) of '\(displayName)' does not have the digest that the file states. "
                    + "The file is damaged; fetch it again.", byteOffset: position)
        }
        guard extent[chunk.encodedByteCount...].allSatisfy({ $0 == 0 }) else {
            throw FormatError(
                .malformedChunk, "The padding after chunk \(index) of '\(displayName)' is not zero.",
                byteOffset: position + chunk.encodedByteCount)
        }
        extent.removeLast(extent.count - chunk.encodedByteCount)
        do {
            let encoded = EncodedChunk(codec: chunk.codec, bytes: extent)
            return try ChunkCoder.withCoder { coder in
                try coder.decode(
                    encoded, byteCount: record.decodedByteCount(ofChunk: index), dtype: record.dtype)
            }
        } catch var error as FormatError {
            error.byteOffset = position
            throw error
        }
    }
}
