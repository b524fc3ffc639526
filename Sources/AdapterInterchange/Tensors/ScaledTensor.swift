import Tensors

extension Tensor {
    /// The elements times a factor, as `f32` rounded once; the tensor itself when the factor is 1.
    ///
    /// Powers of two leave `bf16` as it is, which has the range of `f32`.
    func scaled(by factor: Double) -> Tensor {
        guard factor != 1 else { return self }
        let isPower = factor.isNormal && factor.significand == 1 && factor.sign == .plus
        let dtype: DType = isPower && self.dtype == .bf16 ? .bf16 : .f32
        return Tensor(dtype: dtype, shape: shape, source: ScaledSource(tensor: self, dtype: dtype, factor: factor))
    }

    /// The elements in a type that safetensors, GGUF and MLX know: `f32`, `f16`, `bf16` as they are, all others as
    /// `f32`, exactly.
    func widened() -> Tensor {
        [.f32, .f16, .bf16].contains(dtype) ? self : rounded(to: .f32)
    }

    /// The tensor with rows of zeros behind its own.
    func appendingZeroRows(to rowCount: Int) -> Tensor {
        guard shape.rank == 2, rowCount > shape[0], let padded = Shape([rowCount, shape[1]]) else { return self }
        return Tensor(dtype: dtype, shape: padded, source: PaddedSource(tensor: self))
    }

    /// The tensor with its rows in another order: row i of the result is row `order[i]`.
    func reordered(_ order: [Int]) -> Tensor {
        Tensor(dtype: dtype, shape: shape, source: ReorderedSource(tensor: self, order: order))
    }

    /// The transpose of a matrix.
    func transposed(_ slot: TransposedSource.Slot) -> Tensor {
        guard shape.rank == 2, let shape = Shape([self.shape[1], self.shape[0]]) else { return self }
        guard shape.elementCount > 0 else {
            return Tensor(dtype: dtype, shape: shape, source: PaddedSource(tensor: self))
        }
        let source = TransposedSource(self, rows: self.shape[0], columns: self.shape[1], slot: slot)
        return Tensor(dtype: dtype, shape: shape, source: source)
    }
}

/// Multiplies where it is read.
private struct ScaledSource: TensorSource {
    let tensor: Tensor
    let dtype: DType
    let factor: Double

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let size = dtype.byteCount
        let elements = range.lowerBound / size..<(range.upperBound - 1) / size + 1
        let bytes = try Rounding.bytes(tensor.doubles(in: elements).map { $0 * factor }, dtype)
        let skipped = range.lowerBound - elements.lowerBound * size
        return bytes.count == range.count ? bytes : Array(bytes[skipped..<skipped + range.count])
    }
}

/// Zeros behind the tensor's own bytes.
private struct PaddedSource: TensorSource {
    let tensor: Tensor

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        let own = range.clamped(to: 0..<tensor.byteCount)
        let bytes = own.isEmpty ? [] : try tensor.bytes(in: own)
        return bytes + [UInt8](repeating: 0, count: range.count - bytes.count)
    }
}

/// Reads rows from elsewhere.
private struct ReorderedSource: TensorSource {
    let tensor: Tensor
    let order: [Int]

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let rowByteCount = tensor.byteCount / order.count
        let rows = range.lowerBound / rowByteCount...(range.upperBound - 1) / rowByteCount
        var bytes: [UInt8] = []
        bytes.reserveCapacity(rows.count * rowByteCount)
        for row in rows {
            bytes += try tensor.bytes(in: order[row] * rowByteCount..<(order[row] + 1) * rowByteCount)
        }
        let skipped = range.lowerBound - rows.lowerBound * rowByteCount
        return bytes.count == range.count ? bytes : Array(bytes[skipped..<skipped + range.count])
    }
}
