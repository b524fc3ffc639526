import AdapterTesting
import Tensors
import Testing

/// Every pattern of every small type against the arithmetic definition of the type.
struct WideningTests {
    private static let formats: [BinaryFormat] = [.f16, .bf16, .e4m3, .e5m2]

    private func widen(_ patterns: some Sequence<some FixedWidthInteger>, _ dtype: DType) -> [Double] {
        Widening.doubles(
            patterns.flatMap { pattern in
                (0..<dtype.byteCount).map { UInt8(truncatingIfNeeded: pattern >> (8 * $0)) }
            }, dtype)
    }

    @Test(arguments: formats) func `every finite pattern has the value of its definition`(format: BinaryFormat) {
        let signBit = 1 << (format.exponentBits + format.fractionBits)
        let magnitudes = format.magnitudes
        let positive = widen(0..<format.endOfFinite, format.dtype)
        let negative = widen(signBit..<signBit + format.endOfFinite, format.dtype)
        // Bit patterns, so that the zeros keep their signs.
        #expect(positive.map(\.bitPattern) == magnitudes.map(\.bitPattern))
        #expect(negative.map(\.bitPattern) == magnitudes.map { (-$0).bitPattern })
    }

    @Test(arguments: formats) func `the other patterns are infinities and NaNs`(format: BinaryFormat) {
        let signBit = 1 << (format.exponentBits + format.fractionBits)
        for sign in [0, signBit] {
            let others = widen(sign + format.endOfFinite..<sign + signBit, format.dtype)
            if format.dtype == .f8e4m3 {
                #expect(others.count == 1)
                #expect(others[0].isNaN)
            } else {
                #expect(others[0] == (sign == 0 ? .infinity : -.infinity))
                #expect(others.count == 1 << format.fractionBits)
                #expect(!others.dropFirst().contains { !$0.isNaN })
            }
        }
    }

    /// The examples in the OCP specification "8-bit floating point", tables 1 and 2, and IEEE 754's for binary16.
    @Test(
        arguments: [
            (.f8e4m3, 0x7E, 448), (.f8e4m3, 0x08, 0x1p-6), (.f8e4m3, 0x07, 0.875 * 0x1p-6), (.f8e4m3, 0x01, 0x1p-9),
            (.f8e4m3, 0x38, 1), (.f8e4m3, 0xC4, -3), (.f8e5m2, 0x7B, 57344), (.f8e5m2, 0x04, 0x1p-14),
            (.f8e5m2, 0x03, 0.75 * 0x1p-14), (.f8e5m2, 0x01, 0x1p-16), (.f8e5m2, 0x3C, 1), (.f8e5m2, 0xC2, -3),
            (.f16, 0x7BFF, 65504), (.f16, 0x0400, 0x1p-14), (.f16, 0x0001, 0x1p-24), (.f16, 0x3555, 0.333251953125),
            (.bf16, 0x3F80, 1), (.bf16, 0x7F7F, 0x1.FEp127), (.bf16, 0x0001, 0x1p-133), (.bf16, 0xC049, -3.140625),
        ] as [(DType, Int, Double)])
    func `the standards' examples`(dtype: DType, pattern: Int, value: Double) {
        #expect(widen([pattern], dtype) == [value])
    }

    @Test func `every binary16 pattern agrees with Swift's Float16`() {
        let all = widen(UInt16.min...UInt16.max, .f16)
        let wrong = (UInt16.min...UInt16.max).filter { pattern in
            let expected = Float16(bitPattern: pattern)
            let double = all[Int(pattern)]
            let single = Widening.float(binary16: pattern)
            return expected.isNaN
                ? !double.isNaN || !single.isNaN
                : double.bitPattern != Double(expected).bitPattern || single.bitPattern != Float(expected).bitPattern
        }
        #expect(wrong == [])
    }

    @Test func `integers keep their values`() {
        #expect(widen(UInt8.min...UInt8.max, .u8) == (0...255).map(Double.init))
        #expect(widen(UInt8.min...UInt8.max, .i8) == (0...127).map(Double.init) + (-128 ... -1).map(Double.init))
        let samples: [Int32] = [0, 1, -1, 255, 256, -256, .max, .min, 0x0102_0304, 16_777_217]
        #expect(widen(samples, .i32) == samples.map(Double.init))
    }

    @Test func `binary32 keeps its values and its zeros' signs`() {
        var generator = SeededGenerator(seed: 9)
        let samples: [Float] =
            [
                0, -0.0, 1, .leastNonzeroMagnitude, -.leastNormalMagnitude, .greatestFiniteMagnitude, .infinity,
                -.infinity,
            ]
            + (0..<10_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: generator.next())) }.filter {
                !$0.isNaN
            }
        #expect(widen(samples.map(\.bitPattern), .f32).map(\.bitPattern) == samples.map { Double($0).bitPattern })
        #expect(!widen([Float.nan.bitPattern, 0x7F80_0001 as UInt32], .f32).contains { !$0.isNaN })
    }

    @Test(arguments: DType.allCases) func `nothing is made of nothing`(dtype: DType) {
        #expect(Widening.doubles([], dtype) == [])
    }

    // MARK: Finiteness

    @Test(
        arguments: [
            (.f32, [0, 0, 0x80, 0x7F]), (.f32, [1, 0, 0xC0, 0xFF]), (.f16, [0, 0x7C]), (.f16, [1, 0xFC]),
            (.bf16, [0x80, 0xFF]),
            (.bf16, [0xC0, 0x7F]), (.f8e4m3, [0x7F]), (.f8e4m3, [0xFF]), (.f8e5m2, [0x7C]), (.f8e5m2, [0xFD]),
        ] as [(DType, [UInt8])])
    func `one element that is not finite is found anywhere`(dtype: DType, element: [UInt8]) throws {
        // More than two pieces of a mebibyte, so that the element may stand first, last or at an edge.
        let count = (2 << 20) / dtype.byteCount + 3
        let shape = try #require(Shape([count]))
        var bytes = [UInt8](repeating: 0x11, count: count * dtype.byteCount)
        #expect(try Tensor(dtype: dtype, shape: shape, bytes: bytes).isFinite())
        let edge = (1 << 20) / dtype.byteCount
        for index in [0, edge - 1, edge, 2 * edge, count - 1] {
            let range = index * dtype.byteCount..<(index + 1) * dtype.byteCount
            let before = Array(bytes[range])
            bytes.replaceSubrange(range, with: element)
            #expect(try !Tensor(dtype: dtype, shape: shape, bytes: bytes).isFinite(), "element \(index)")
            bytes.replaceSubrange(range, with: before)
        }
    }

    @Test(arguments: [.i8, .u8, .i32] as [DType]) func `integers are always finite`(dtype: DType) throws {
        let shape = try #require(Shape([4]))
        #expect(
            try Tensor(dtype: dtype, shape: shape, bytes: [UInt8](repeating: 0xFF, count: 4 * dtype.byteCount))
                .isFinite())
    }

    @Test func `a tensor without elements is finite`() throws {
        #expect(try Tensor(dtype: .f32, shape: #require(Shape([0, 3])), bytes: []).isFinite())
    }
}
