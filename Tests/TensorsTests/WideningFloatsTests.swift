import Tensors
import Testing

/// The vector kernels against the scalar conversions.
struct WideningFloatsTests {
    @Test(arguments: [DType.bf16, .f16]) func `every pattern widens as its scalar twin`(dtype: DType) {
        // An odd count, so that the loop's remainder is met as well.
        var bytes: [UInt8] = []
        for pattern in 0...UInt16.max { bytes += [UInt8(truncatingIfNeeded: pattern), UInt8(pattern >> 8)] }
        bytes += [0x01, 0x80]
        let wide = Widening.doubles(bytes, dtype)
        let floats = Widening.floats(bytes, dtype)
        #expect(floats.count == wide.count)
        for (float, double) in zip(floats, wide) {
            if double.isNaN { #expect(float.isNaN) } else { #expect(Double(float).bitPattern == double.bitPattern) }
        }
    }

    @Test(arguments: [DType.f32, .i8, .f8e4m3, .q8]) func `other types agree with doubles`(dtype: DType) throws {
        let bytes = (0..<dtype.block.byteCount * 8).map { UInt8(truncatingIfNeeded: $0 * 7 + 1) }
        let tensor = try Tensor(dtype: dtype, shape: #require(Shape([8 * dtype.block.elementCount])), bytes: bytes)
        let range = 3..<8 * dtype.block.elementCount - 1
        #expect(try tensor.floats(in: range).map { "\($0)" } == tensor.doubles(in: range).map { "\(Float($0))" })
    }

    @Test func `elements beyond the tensor are refused`() throws {
        let tensor = try Tensor(dtype: .f16, shape: #require(Shape([4])), bytes: [UInt8](repeating: 0, count: 8))
        #expect(throws: TensorError.self) { try tensor.floats(in: 2..<5) }
    }
}

/// The vector kernels that round against the scalar conversions.
struct RoundingKernelTests {
    @Test(arguments: [DType.f32, .f16, .bf16]) func `every kind of value rounds as its scalar twin`(dtype: DType) throws
    {
        var state: UInt64 = 1
        var values: [Double] = [
            0, -0.0, .infinity, -.infinity, .nan, 0x1p-149, 0x1p-150, 0x1.8p-134, 1 + 0x1p-8, 1 + 0x3p-9,
            65_519.999, 0x1p-25, 0x1.8p-25, 0x1p-24, 0x1.FFCp-15, 1 + 0x1p-11, 1 + 0x1p-11 + 0x1p-50,
        ]
        for _ in 0..<20_001 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // Any mantissa, exponents from below the smallest subnormal to the largest value.
            let exponent = Int(state >> 32 % 276) - 150
            values.append(
                Double(
                    sign: state & 1 == 0 ? .plus : .minus, exponent: exponent,
                    significand: 1 + Double(state >> 12) * 0x1p-52))
        }
        let limit = dtype == .f16 ? 65_520 : 0x1p127
        values = values.filter { !$0.isFinite || $0.magnitude < limit }
        #expect(values.count > 1000)
        #expect(try Rounding.bytes(values, dtype) == Rounding.scalar(values, dtype))
    }

    @Test(arguments: [DType.f32, .f16, .bf16]) func `what does not fit is named`(dtype: DType) {
        let error = #expect(throws: TensorError.self) { try Rounding.bytes([1, 3.5e38, 2], dtype) }
        #expect(error?.code == .overflow)
        #expect(error?.message.contains("3.5e+38") == true)
    }
}
