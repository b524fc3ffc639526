internal import CNumericKernels

extension Rounding {
    /// Writes values as elements of `dtype`, which is f32, bf16 or f16, each rounded to nearest, ties to even; says whether
    /// all results are finite.
    ///
    /// - Parameter target: room for all values, aligned to the type's size.
    package static func narrow(
        _ values: UnsafeBufferPointer<Float>, _ dtype: DType, into target: UnsafeMutableRawBufferPointer
    ) -> Bool {
        precondition(target.count >= values.count * dtype.byteCount, "the target is too short")
        guard let input = values.baseAddress, let output = target.baseAddress, !values.isEmpty else { return true }
        switch dtype {
        case .bf16:
            return unsafe cnk_narrow_bf16(input, output.assumingMemoryBound(to: UInt16.self), values.count) == 0
        case .f16:
            return unsafe cnk_narrow_f16(input, output.assumingMemoryBound(to: UInt16.self), values.count) == 0
        default:
            unsafe output.copyMemory(from: input, byteCount: 4 * values.count)
            // Counted without leaving the loop early, so that it runs on vectors.
            var special = 0
            for index in values.indices { special += unsafe values[index].isFinite ? 0 : 1 }
            return special == 0
        }
    }
}
