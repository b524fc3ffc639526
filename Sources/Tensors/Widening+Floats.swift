internal import CNumericKernels

extension Tensor {
    /// A range of the elements, in row-major order, as binary32; only integers of more than 24 bits round.
    ///
    /// - Throws: ``TensorError`` with code `sizeMismatch` when the tensor does not have these elements.
    package func floats(in elements: Range<Int>) throws -> [Float] {
        guard [.f32, .bf16, .f16].contains(dtype) else { return try doubles(in: elements).map { Float($0) } }
        guard elements.lowerBound >= 0, elements.upperBound <= shape.elementCount else {
            throw TensorError(
                .sizeMismatch, "Unable to read elements \(elements) of a tensor of \(shape.elementCount).")
        }
        let size = dtype.byteCount
        return Widening.floats(try bytes(in: elements.lowerBound * size..<elements.upperBound * size), dtype)
    }
}

extension Widening {
    /// Binary32 numbers as doubles, exactly.
    package static func doubles(_ floats: [Float]) -> [Double] {
        unsafe [Double](unsafeUninitializedCapacity: floats.count) { buffer, initialized in
            if let target = buffer.baseAddress { unsafe cnk_widen_f32(floats, target, floats.count) }
            initialized = floats.count
        }
    }

    /// What rounding took from each value: values − stored elements.
    package static func differences(_ values: [Double], _ stored: [UInt8], _ dtype: DType) -> [Double] {
        var differences = doubles(stored, dtype)
        unsafe cnk_subtract_from(values, &differences, min(values.count, differences.count))
        return differences
    }

    /// The elements in `bytes` as binary32; only integers of more than 24 bits round.
    package static func floats(_ bytes: [UInt8], _ dtype: DType) -> [Float] {
        guard [.f32, .bf16, .f16].contains(dtype) else { return doubles(bytes, dtype).map { Float($0) } }
        let count = bytes.count / dtype.byteCount
        return unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            unsafe bytes.withUnsafeBytes { source in
                unsafe floats(
                    UnsafeRawBufferPointer(rebasing: source[..<(count * dtype.byteCount)]), dtype, into: buffer)
            }
            initialized = count
        }
    }

    /// Writes the elements of `source`, which are f32, bf16 or f16, aligned to their size, to the start of `target`.
    package static func floats(
        _ source: UnsafeRawBufferPointer, _ dtype: DType, into target: UnsafeMutableBufferPointer<Float>
    ) {
        let count = source.count / dtype.byteCount
        precondition(target.count >= count, "the target is too short")
        guard count > 0, let input = source.baseAddress, let output = target.baseAddress else { return }
        switch dtype {
        case .bf16: unsafe cnk_widen_bf16(input.assumingMemoryBound(to: UInt16.self), output, count)
        case .f16: unsafe cnk_widen_f16(input.assumingMemoryBound(to: UInt16.self), output, count)
        default: unsafe UnsafeMutableRawPointer(output).copyMemory(from: input, byteCount: 4 * count)
        }
    }
}
