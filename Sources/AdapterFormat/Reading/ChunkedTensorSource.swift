internal import Adapters
internal import FileSystem
internal import Integrity
internal import Tensors

/// Reads a tensor from its chunks, a few at a time.
struct ChunkedTensorSource: TensorSource {
    let file: InputFile
    private let header: AdapterHeader
    private let index: Int
    private let gathered: GatheredLeaves?

    /// The source of the tensor with that index in the table.
    ///
    /// - Parameter gathered: where the leaves of decoded chunks are kept.
    init(_ index: Int, in header: AdapterHeader, file: InputFile, gathered: GatheredLeaves?) {
        self.gathered = gathered
        self.file = file
        self.header = header
        self.index = index
    }

    var record: TensorRecord { header.tensors[index] }

    /// One of the tensor's chunks.
    func chunk(_ place: Int) -> DataChunk {
        DataChunk(header: header, tensor: index, index: place, path: file.path, gathered: gathered)
    }

    var tensor: Tensor { Tensor(dtype: record.dtype, shape: record.shape, source: self) }

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let size = FormatConstants.chunkByteCount
        let (first, last) = (range.lowerBound / size, (range.upperBound - 1) / size)
        if first == last { return try ChunkedTensorSource.bytes(of: [(self, range)])[0] }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for start in stride(from: first, through: last, by: DataChunk.countAtOnce) {
            let indices = start...min(start + DataChunk.countAtOnce - 1, last)
            let chunks = try DataChunk.decoded(indices.map { (chunk($0), file) })
            for (index, chunk) in zip(indices, chunks) {
                let position = index * size
                bytes += chunk[max(0, range.lowerBound - position)..<min(chunk.count, range.upperBound - position)]
            }
        }
        return bytes
    }

    /// Reads within one chunk each are verified together; others one after the other.
    static func bytes(of reads: [(source: ChunkedTensorSource, range: Range<Int>)]) throws -> [[UInt8]] {
        let size = FormatConstants.chunkByteCount
        let chunks = reads.compactMap { source, range in
            range.isEmpty || range.lowerBound / size != (range.upperBound - 1) / size
                ? nil : (chunk: source.chunk(range.lowerBound / size), file: source.file)
        }
        guard chunks.count == reads.count else { return try reads.map { try $0.source.bytes(in: $0.range) } }
        let decoded = try DataChunk.decoded(chunks)
        return zip(reads, zip(chunks, decoded)).map { read, chunk in
            chunk.1[within: read.range, at: chunk.0.chunk.index * size]
        }
    }
}

extension [UInt8] {
    /// The part that lies in `range`, of which these bytes begin at `start` and hold all.
    fileprivate subscript(within range: Range<Int>, at start: Int) -> [UInt8] {
        range.lowerBound == start && range.count == count
            ? self : Array(self[range.lowerBound - start..<range.upperBound - start])
    }
}
