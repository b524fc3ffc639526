extension Tensor {
    /// The elements times 2 to the `exponent`, each rounded once to `dtype` when it is read; the tensor itself when that
    /// changes nothing.
    ///
    /// Reading throws ``TensorError`` with code `overflow` when a finite value does not fit.
    ///
    /// - Parameter dtype: `f32`, `f16` or `bf16`.
    package func rounded(to dtype: DType, scaledBy exponent: Int = 0) -> Tensor {
        guard dtype != self.dtype || exponent != 0 else { return self }
        return Tensor(
            dtype: dtype, shape: shape, source: RoundedSource(tensor: self, dtype: dtype, exponent: exponent))
    }
}

/// Converts a tensor's elements where they are read.
private struct RoundedSource: TensorSource {
    let tensor: Tensor
    let dtype: DType
    let exponent: Int

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let size = dtype.byteCount
        // Whole elements around the range.
        let elements = range.lowerBound / size..<(range.upperBound - 1) / size + 1
        let factor = Double(sign: .plus, exponent: exponent, significand: 1)
        let bytes = try Rounding.bytes(try tensor.doubles(in: elements).map { $0 * factor }, dtype)
        let skipped = range.lowerBound - elements.lowerBound * size
        return bytes.count == range.count ? bytes : Array(bytes[skipped..<skipped + range.count])
    }
}
