import AdapterTesting
import Tensors
import Testing

/// Each value is rounded once, to the nearest element, ties to the even pattern (IEEE 754-2019, section 4.3.1).
struct RoundingTests {
    /// The nearest pattern by search among all magnitudes; nil when the value lies beyond the largest.
    private struct Nearest {
        let format: BinaryFormat
        let magnitudes: [Double]

        init(_ format: BinaryFormat) {
            self.format = format
            // The first magnitude that would need a larger exponent decides what is out of range.
            magnitudes = (0...format.endOfFinite).map(format.magnitude)
        }

        func pattern(_ value: Double) -> Int? {
            let signBit = value.sign == .minus ? 1 << (format.exponentBits + format.fractionBits) : 0
            let magnitude = value.magnitude
            var low = 0
            var high = magnitudes.count - 1
            guard magnitude < magnitudes[high] else { return nil }
            while high - low > 1 {
                let middle = (low + high) / 2
                if magnitudes[middle] <= magnitude { low = middle } else { high = middle }
            }
            // Exact: two neighbours have few bits, so their mean is a double.
            let mean = (magnitudes[low] + magnitudes[high]) / 2
            let nearest = magnitude < mean ? low : magnitude > mean ? high : low % 2 == 0 ? low : high
            return nearest == magnitudes.count - 1 ? nil : signBit | nearest
        }
    }

    private func patterns(_ values: [Double], _ dtype: DType) throws -> [Int] {
        let bytes = try Rounding.bytes(values, dtype)
        return stride(from: 0, to: bytes.count, by: dtype.byteCount).map { start in
            (0..<dtype.byteCount).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
        }
    }

    private func check(_ values: [Double], _ format: BinaryFormat) throws {
        let nearest = Nearest(format)
        let kept = values.filter { nearest.pattern($0) != nil }
        let expected = kept.compactMap(nearest.pattern)
        let found = try patterns(kept, format.dtype)
        #expect(found.count == expected.count)
        let wrong = kept.indices.filter { found[$0] != expected[$0] }
        if let first = wrong.first {
            Issue.record(
                "\(wrong.count) values went wrong; \(kept[first]) became \(found[first]), not \(expected[first])")
        }
        for value in values where nearest.pattern(value) == nil {
            let error = #expect(throws: TensorError.self) { try Rounding.bytes([value], format.dtype) }
            #expect(error?.code == .overflow, "\(value)")
        }
    }

    @Test(arguments: [.f16, .bf16, .e4m3] as [BinaryFormat]) func `every element stays itself`(format: BinaryFormat)
        throws
    {
        let values = format.magnitudes + format.magnitudes.map { -$0 }
        #expect(
            try patterns(values, format.dtype)
                == Array(0..<format.endOfFinite)
                + (0..<format.endOfFinite).map { $0 | 1 << (format.exponentBits + format.fractionBits) })
    }

    /// Rounding to binary32 first would move a value just off the middle onto it, and ties to even would then go the
    /// wrong way.
    @Test(arguments: [.f16, .bf16, .e4m3] as [BinaryFormat])
    func `between all neighbours, values on and just off the middle go the right way`(format: BinaryFormat) throws {
        let magnitudes = (0...format.endOfFinite).map(format.magnitude)
        var values: [Double] = []
        for (low, high) in zip(magnitudes, magnitudes.dropFirst()) {
            let mean = (low + high) / 2
            let gap = high - low
            values += [mean, mean.nextUp, mean.nextDown]
            // Offsets that vanish in binary32, and such that do not.
            for exponent in [-2, -8, -16, -24, -30, -40] {
                let offset = gap * Double(sign: .plus, exponent: exponent, significand: 1)
                values += [mean + offset, mean - offset]
            }
        }
        try check(values + values.map { -$0 }, format)
    }

    @Test(
        arguments: [(.f16, 1), (.f16, 2), (.bf16, 3), (.bf16, 4), (.e4m3, 5), (.e4m3, 6)] as [(BinaryFormat, UInt64)])
    func `random values go to the nearest element`(format: BinaryFormat, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let exponents =
            switch format.dtype {
            case .f16: -30...15
            case .bf16: -140...127
            default: -14...8
            }
        var values: [Double] = []
        for _ in 0..<40_000 {
            let fraction = Double.random(in: 1..<2, using: &generator)
            let exponent = Int.random(in: exponents, using: &generator)
            let sign: FloatingPointSign = Bool.random(using: &generator) ? .plus : .minus
            values.append(Double(sign: sign, exponent: exponent, significand: fraction))
        }
        try check(values, format)
        // Any bit pattern: mostly far too large or far too small.
        try check((0..<2_000).map { _ in Double(bitPattern: generator.next()) }.filter(\.isFinite), format)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>) func `binary32 ties go to even`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            let pattern = UInt32.random(in: 0..<0x7F7F_FFFF, using: &generator)
            let low = Double(Float(bitPattern: pattern))
            let high = Double(Float(bitPattern: pattern + 1))
            let mean = (low + high) / 2
            let even = Int(pattern % 2 == 0 ? pattern : pattern + 1)
            let found = try patterns([low, mean.nextDown, mean, mean.nextUp, high], .f32)
            #expect(found == [Int(pattern), Int(pattern), even, Int(pattern) + 1, Int(pattern) + 1], "\(pattern)")
        }
    }

    @Test(
        arguments: [
            (.f16, 65504, 65519.99999999999, 65520), (.bf16, 0x1.FEp127, (0x1.FFp127).nextDown, 0x1.FFp127),
            (.f32, 0x1.FFFFFEp127, (0x1.FFFFFFp127).nextDown, 0x1.FFFFFFp127),
        ] as [(DType, Double, Double, Double)])
    func `what rounds up to infinity is refused, what rounds down to the largest is kept`(
        dtype: DType, largest: Double, kept: Double, refused: Double
    ) throws {
        for sign in [1.0, -1.0] {
            #expect(try patterns([sign * kept], dtype) == patterns([sign * largest], dtype))
            for value in [refused, refused.nextUp, 1e300, .greatestFiniteMagnitude] {
                let error = #expect(throws: TensorError.self) { try Rounding.bytes([0, sign * value, 1], dtype) }
                #expect(error?.code == .overflow)
            }
        }
    }

    @Test(
        arguments: [(.f32, 0x7F80_0000, 0x8000_0000), (.f16, 0x7C00, 0x8000), (.bf16, 0x7F80, 0x8000)]
            as [(DType, Int, Int)])
    func `infinities, NaNs and signs of zero are kept`(dtype: DType, infinity: Int, sign: Int) throws {
        #expect(try patterns([.infinity, -.infinity, 0, -0.0], dtype) == [infinity, infinity | sign, 0, sign])
        #expect(try patterns([0x1p-1070, -1e-300], dtype) == [0, sign])
        let nans = [Double.nan, -Double.nan, .signalingNaN, Double(bitPattern: 0x7FF0_0000_0000_0001)]
        for pattern in try patterns(nans, dtype) { #expect(pattern & (sign - 1) > infinity) }
    }

    @Test func `e4m3 has no infinities, and NaN has one pattern a sign`() throws {
        #expect(try patterns([.infinity, -.infinity, .nan, 0, -0.0], .f8e4m3) == [0x7F, 0xFF, 0x7F, 0, 0x80])
        #expect(try patterns([464, -464, 448, 0x1p-10, 0x1.8p-10, 0x1p-1074], .f8e4m3) == [0x7E, 0xFE, 0x7E, 0, 1, 0])
        for value in [(464.0).nextUp, -(464.0).nextUp, 480, 1e300] {
            #expect(throws: TensorError.self) { try Rounding.bytes([value], .f8e4m3) }
        }
    }

    @Test(arguments: DType.allCases) func `widening undoes rounding`(dtype: DType) throws {
        var generator = SeededGenerator(seed: 21)
        let values = (0..<1_000).map { _ in generator.normal() }
        guard [.f32, .f16, .bf16, .f8e4m3, .q8].contains(dtype) else {
            let error = #expect(throws: TensorError.self) { try Rounding.bytes(values, dtype) }
            #expect(error?.code == .unsupportedDType)
            return
        }
        let bytes = try Rounding.bytes(values, dtype)
        #expect(bytes.count == dtype.byteCount(ofElements: values.count))
        // A block's largest code times its scale need not give that scale again; Q8Tests look at blocks.
        if dtype != .q8 { #expect(try Rounding.bytes(Widening.doubles(bytes, dtype), dtype) == bytes) }
        #expect(try Rounding.bytes([], dtype) == [])
    }

    @Test func `a tensor is made of values that fill its shape`() throws {
        let shape = try #require(Shape([2, 2]))
        let tensor = try Tensor(rounding: [1, -2.5, 0.1, 3], to: .bf16, shape: shape)
        #expect(try tensor.doubles() == [1, -2.5, 0.10009765625, 3])
        #expect(tensor.dtype == .bf16)
        #expect(tensor.shape == shape)
        for (values, dtype, code) in [
            ([1, 2, 3], .f32, .sizeMismatch), ([1, 2, 3, 4, 5], .f16, .sizeMismatch),
            ([1, 2, 3, 1e9], .f16, .overflow),
            ([1, 2, 3, 4], .f8e5m2, .unsupportedDType), ([1, 2, 3, 500], .f8e4m3, .overflow),
            ([1, 2, 3, 4], .i8, .unsupportedDType),
        ] as [([Double], DType, TensorError.Code)] {
            let error = #expect(throws: TensorError.self) { try Tensor(rounding: values, to: dtype, shape: shape) }
            #expect(error?.code == code)
        }
    }
}
