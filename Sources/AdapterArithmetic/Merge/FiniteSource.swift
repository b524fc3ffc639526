import Tensors

/// The bytes of a tensor as they are; reading an infinite element or one that is not a number throws.
struct FiniteSource: TensorSource {
    let tensor: Tensor
    /// Whose tensor it is, where, for messages.
    let label: String
    let module: String
    let name: String

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        let bytes = try tensor.bytes(in: range)
        try check(bytes, range)
        return bytes
    }

    static func bytes(of reads: [(source: FiniteSource, range: Range<Int>)]) throws -> [[UInt8]] {
        let all = try Tensor.bytes(of: reads.map { ($0.source.tensor, $0.range) })
        for (read, bytes) in zip(reads, all) { try read.source.check(bytes, read.range) }
        return all
    }

    /// Elements that the range cuts are read again, whole.
    private func check(_ bytes: [UInt8], _ range: Range<Int>) throws {
        guard tensor.dtype.isFloatingPoint, !range.isEmpty else { return }
        let block = tensor.dtype.block.byteCount
        let whole = range.lowerBound / block * block..<(range.upperBound + block - 1) / block * block
        let complete = whole == range ? bytes : try tensor.bytes(in: whole)
        guard !Widening.areFinite(complete, tensor.dtype) else { return }
        try ArithmeticError.requireFinite(
            Widening.doubles(complete, tensor.dtype), label: label, module: module, tensor: "the tensor '\(name)'")
    }
}
