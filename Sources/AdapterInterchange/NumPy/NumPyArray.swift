import ByteCoding
import Tensors

/// An array of an archive as a tensor.
enum NumPyArray {
    /// What NumPy's little-endian element types are here; `<f8` becomes `f32`.
    private static let dtypes: [String: DType] = [
        "<f4": .f32, "<f2": .f16, "|i1": .i8, "|u1": .u8, "<i4": .i32,
    ]

    /// NumPy's spelling of a type that arrays have as it is, nil for the others.
    static func descriptor(_ dtype: DType) -> String? { dtypes.first { $0.value == dtype }?.key }

    /// The header of a member.
    static func header(of member: ZipArchive.Member, in archive: ZipArchive) throws -> NumPyHeader {
        let start =
            member.isDeflated
            ? try archive.bytes(of: member)
            : try archive.bytes(
                ofStored: member, in: 0..<min(member.byteCount, NumPyHeader.maximumByteCount))
        let header = try NumPyHeader(parsing: start)
        guard header.dataOffset <= member.byteCount else {
            throw InterchangeError(.truncated, "the array '\(member.name)' ends in its header", name: member.name)
        }
        return header
    }

    /// A single number, whatever its type; nil when it is none.
    static func number(_ header: NumPyHeader, _ member: ZipArchive.Member, _ archive: ZipArchive) throws -> Double? {
        guard header.shape.allSatisfy({ $0 == 1 }), member.byteCount - header.dataOffset <= 8 else { return nil }
        let bytes = try archive.bytes(of: member)[header.dataOffset...]
        let word = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        switch (header.descriptor, bytes.count) {
        case ("<f8", 8): return Double(bitPattern: word)
        case ("<i8", 8): return Double(Int64(bitPattern: word))
        case ("<f4", 4): return Double(Float(bitPattern: UInt32(word)))
        case ("<i4", 4): return Double(Int32(truncatingIfNeeded: word))
        default: return nil
        }
    }

    /// The tensor of a member.
    ///
    /// - Throws: ``InterchangeError`` with code `unsupportedDType`, `invalidTensors` or `limitExceeded`.
    static func tensor(
        _ header: NumPyHeader, _ member: ZipArchive.Member, _ archive: ZipArchive, _ slot: TransposedSource.Slot
    ) throws -> Tensor {
        let isDouble = header.descriptor == "<f8"
        guard let dtype = isDouble ? DType.f32 : dtypes[header.descriptor] else {
            throw InterchangeError(
                .unsupportedDType,
                "the array '\(member.name)' has the element type '\(header.descriptor)', one of <f4, <f2, <f8, |i1, |u1 and "
                    + "<i4 is expected", remedy: "Convert it with astype('float32').", name: member.name)
        }
        guard let shape = Shape(header.shape) else {
            throw InterchangeError(
                .limitExceeded, "the array '\(member.name)' has the shape \(header.shape)", name: member.name)
        }
        let elementByteCount = isDouble ? 8 : dtype.byteCount
        guard shape.elementCount * elementByteCount == member.byteCount - header.dataOffset else {
            throw InterchangeError(
                .invalidTensors,
                "the array '\(member.name)' of \(header.descriptor) \(shape) has \(member.byteCount - header.dataOffset) bytes",
                name: member.name)
        }
        if !member.isDeflated { try archive.check(stored: member) }
        let source = NumPyArraySource(
            archive: archive, member: member, offset: header.dataOffset, isDouble: isDouble, slot: slot,
            key: slot.makeKey())
        guard header.isColumnMajor, shape.rank > 1, shape.elementCount > 0 else {
            return Tensor(dtype: dtype, shape: shape, source: source)
        }
        guard shape.rank == 2, let stored = Shape([shape[1], shape[0]]) else {
            throw InterchangeError(
                .invalidTensors, "the array '\(member.name)' of \(shape.rank) dimensions is in Fortran's order",
                remedy: "Write it with numpy.ascontiguousarray.", name: member.name)
        }
        return Tensor(dtype: dtype, shape: stored, source: source).transposed(slot)
    }
}

/// An array's elements.
private struct NumPyArraySource: TensorSource {
    let archive: ZipArchive
    let member: ZipArchive.Member
    let offset: Int
    let isDouble: Bool
    let slot: TransposedSource.Slot
    let key: Int

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        let factor = isDouble ? 2 : 1
        // Whole elements where they change their size.
        let elements = isDouble ? range.lowerBound / 4 * 4..<(range.upperBound + 3) / 4 * 4 : range
        let stored = offset + elements.lowerBound * factor..<offset + elements.upperBound * factor
        let bytes: [UInt8]
        if member.isDeflated {
            let whole = try slot.bytes(for: key) { try archive.bytes(of: member) }
            bytes = Array(whole[stored])
        } else {
            bytes = try archive.bytes(ofStored: member, in: stored)
        }
        guard isDouble else { return bytes }
        let values = stride(from: 0, to: bytes.count, by: 8).map { start in
            Double(bitPattern: bytes[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        }
        let rounded = try Rounding.bytes(values, .f32)
        let skipped = range.lowerBound - elements.lowerBound
        return Array(rounded[skipped..<skipped + range.count])
    }
}
