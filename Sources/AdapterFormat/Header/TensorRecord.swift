internal import Adapters
internal import ByteCoding
internal import Integrity
internal import Tensors

/// One record of `TENS` (spec clause 7.1).
struct TensorRecord {
    var module: Int
    var role: TensorRole
    var dtype: DType
    var name: UInt32
    var firstChunk: Int
    var shape: Shape
    var digest: Digest

    /// The decoded length.
    var byteCount: Int { dtype.byteCount(ofElements: shape.elementCount) }

    /// How many chunks hold the tensor (spec clause 8.1).
    var chunkCount: Int { TensorRecord.chunkCount(ofBytes: byteCount) }

    /// The decoded length of one of the tensor's chunks.
    func decodedByteCount(ofChunk index: Int) -> Int {
        min(FormatConstants.chunkByteCount, byteCount - index * FormatConstants.chunkByteCount)
    }

    static func chunkCount(ofBytes byteCount: Int) -> Int {
        byteCount / FormatConstants.chunkByteCount + (byteCount % FormatConstants.chunkByteCount == 0 ? 0 : 1)
    }

    init(
        module: Int, role: TensorRole, dtype: DType, name: UInt32, firstChunk: Int, shape: Shape, digest: Digest
    ) {
        self.module = module
        self.role = role
        self.dtype = dtype
        self.name = name
        self.firstChunk = firstChunk
        self.shape = shape
        self.digest = digest
    }

    init(from reader: inout ByteReader) throws {
        let start = reader.position
        func invalid(_ reason: String) -> FormatError {
            FormatError(.malformedTable, "A tensor record is invalid: \(reason).", byteOffset: start)
        }
        module = try reader.readCount(UInt32.self)
        let roleNumber = UInt8(try reader.readWord(byteCount: 1))
        let dtypeNumber = UInt8(try reader.readWord(byteCount: 1))
        let dimensionCount = Int(UInt8(try reader.readWord(byteCount: 1)))
        try reader.expectZeros(1)
        name = UInt32(try reader.readWord(byteCount: 4))
        firstChunk = try reader.readCount(UInt32.self)
        var extents: [6 of UInt32] = .init(repeating: 0)
        for dimension in 0..<Shape.maximumRank { extents[dimension] = UInt32(try reader.readWord(byteCount: 4)) }
        digest = try reader.readDigest()
        guard let role = TensorRole(rawValue: roleNumber) else { throw invalid("role \(roleNumber) is not known") }
        guard let dtype = DType(rawValue: dtypeNumber) else { throw invalid("dtype \(dtypeNumber) is not known") }
        self.role = role
        self.dtype = dtype
        guard let shape = Shape(extents, rank: dimensionCount) else {
            throw invalid("its shape with \(dimensionCount) dimensions is out of range")
        }
        self.shape = shape
    }

    func write(to writer: inout ByteWriter) {
        writer.write(UInt32(module))
        writer.write(role.rawValue)
        writer.write(dtype.rawValue)
        writer.write(UInt8(shape.rank))
        writer.write(UInt8(0))
        writer.write(name)
        writer.write(UInt32(firstChunk))
        for dimension in 0..<Shape.maximumRank {
            writer.write(UInt32(dimension < shape.rank ? shape[dimension] : 0))
        }
        writer.write(digest.bytes)
    }
}
