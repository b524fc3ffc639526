internal import CNumericKernels

extension Tensor {
    /// A tensor in memory with the given values, each rounded once to the nearest (ties to even) element of `dtype`;
    /// for `q8` to the nearest multiple of its block's scale.
    ///
    /// - Throws: ``TensorError`` with code `overflow` when a finite value does not fit `dtype`, `unsupportedDType` when
    ///   `dtype` is not `f32`, `f16`, `bf16`, `f8_e4m3` or `q8`, `sizeMismatch` when the values do not fill the shape.
    public init(rounding values: [Double], to dtype: DType, shape: Shape) throws {
        try self.init(dtype: dtype, shape: shape, bytes: try Rounding.bytes(values, dtype))
    }
}

/// Conversions from doubles to stored elements, one rounding each.
package enum Rounding {
    /// The values as little-endian elements of `dtype`. Where a type has no infinities, they become NaN.
    package static func bytes(_ values: [Double], _ dtype: DType) throws(TensorError) -> [UInt8] {
        // The kernels count what does not fit; the scalar conversions below say which value it was.
        if let bytes = fast(values, dtype) { return bytes }
        return try scalar(values, dtype)
    }

    /// The conversions of ``bytes(_:_:)`` one by one.
    package static func scalar(_ values: [Double], _ dtype: DType) throws(TensorError) -> [UInt8] {
        switch dtype {
        case .f32: return try words(values, dtype) { Float($0).bitPattern }
        case .f16: return try words(values, dtype) { Float16($0).bitPattern }
        case .bf16: return try words(values, dtype, bfloat16)
        case .f8e4m3: return try words(values, dtype, e4m3)
        case .q8: return try Q8.bytes(values)
        default:
            throw TensorError(
                .unsupportedDType,
                "Unable to round to \(dtype): results are written as f32, f16, bf16, f8_e4m3 or q8.")
        }
    }

    /// The conversions that have kernels; nil for other types, and when a value does not fit.
    private static func fast(_ values: [Double], _ dtype: DType) -> [UInt8]? {
        var fits = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: values.count * dtype.byteCount) { target, count in
            fits = unsafe values.withUnsafeBufferPointer {
                unsafe write($0, dtype, to: UnsafeMutableRawBufferPointer(target))
            }
            count = fits ? values.count * dtype.byteCount : 0
        }
        return fits ? bytes : nil
    }

    /// Writes the values as elements of `dtype` to the start of `target`, which is aligned to them, by a kernel.
    ///
    /// - Returns: whether the type has a kernel, on a machine that stores numbers as files do, and every value fits.
    package static func write(
        _ values: UnsafeBufferPointer<Double>, _ dtype: DType, to target: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard [.f32, .f16, .bf16].contains(dtype), 1.littleEndian == 1 else { return false }
        precondition(target.count >= values.count * dtype.byteCount, "the target is too short")
        guard let source = values.baseAddress, let start = target.baseAddress else { return true }
        let overflowCount =
            switch dtype {
            case .f32: unsafe cnk_narrow_f64_to_f32(source, start.assumingMemoryBound(to: Float.self), values.count)
            case .f16: unsafe cnk_narrow_f64_to_f16(source, start.assumingMemoryBound(to: UInt16.self), values.count)
            default: unsafe cnk_narrow_f64_to_bf16(source, start.assumingMemoryBound(to: UInt16.self), values.count)
            }
        return overflowCount == 0
    }

    private static func words<Word: FixedWidthInteger>(
        _ values: [Double], _ dtype: DType, _ convert: (Double) -> Word
    ) throws(TensorError) -> [UInt8] {
        let size = MemoryLayout<Word>.size
        var overflowing: Double?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: values.count * size) { buffer, initialized in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            for (index, value) in values.enumerated() {
                let word = convert(value)
                // All ones are infinity or NaN: in the exponent, in E4M3 in all bits but the sign.
                let exponent = exponentMask(dtype)
                if value.isFinite, UInt32(truncatingIfNeeded: word) & exponent == exponent { overflowing = value }
                unsafe raw.storeBytes(of: word.littleEndian, toByteOffset: index * size, as: Word.self)
            }
            initialized = values.count * size
        }
        if let overflowing { throw overflow(overflowing, dtype) }
        return bytes
    }

    static func overflow(_ value: Double, _ dtype: DType) -> TensorError {
        TensorError(
            .overflow, "Unable to store \(value) as \(dtype): it exceeds the type's range. Use --dtype f32 or bf16.")
    }

    private static func exponentMask(_ dtype: DType) -> UInt32 {
        switch dtype {
        case .f16: 0x7C00
        case .bf16: 0x7F80
        case .f8e4m3: 0x7F
        default: 0x7F80_0000
        }
    }

    /// Binary64 to bfloat16 with one rounding.
    ///
    /// Rounding to binary32 first would round twice. So the first step rounds to odd, which keeps a sticky bit, and
    /// the second is exact (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008).
    package static func bfloat16(_ value: Double) -> UInt16 {
        var single = Float(value)
        if value.isNaN { return UInt16(truncatingIfNeeded: single.bitPattern >> 16) | 0x40 }
        if Double(single) != value {
            var bits = single.bitPattern
            if single.magnitude.isInfinite || Double(single.magnitude) > value.magnitude { bits -= 1 }
            single = Float(bitPattern: bits | 1)
        }
        let bits = single.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
    }

    /// Binary64 to OCP FP8 E4M3; NaN for what lies beyond the largest element, 448.
    private static func e4m3(_ value: Double) -> UInt8 {
        let sign: UInt8 = value.sign == .minus ? 0x80 : 0
        // 464 is the middle between 448, which is even, and the first value without a pattern.
        guard value.magnitude <= 464 else { return sign | 0x7F }
        // Subnormals have the smallest normals' spacing.
        let exponent = value.magnitude < 0x1p-6 ? -6 : Int(value.exponent)
        let quantum = Double(sign: .plus, exponent: exponent - 3, significand: 1)
        let multiple = Int((value.magnitude / quantum).rounded(.toNearestOrEven))
        // A multiple of 16 carries into the exponent; one below 8 has none.
        return sign | UInt8(8 * (exponent + 6) + multiple)
    }
}
