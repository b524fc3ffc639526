import AdapterTesting
import Tensors
import Testing

/// The vector kernels against the scalar conversions.
struct RoundingFloatsTests {
    private func narrow(_ values: [Float], _ dtype: DType) -> (bytes: [UInt8], isFinite: Bool) {
        var bytes = [UInt8](repeating: 0, count: values.count * dtype.byteCount)
        let isFinite = values.withUnsafeBufferPointer { source in
            bytes.withUnsafeMutableBytes { Rounding.narrow(source, dtype, into: $0) }
        }
        return (bytes, isFinite)
    }

    /// Every binary16 and bfloat16 pattern with its neighbours in binary32, and the points half way between.
    private static let values: [Float] = {
        var values: [Float] = []
        for pattern in UInt32(0)...0xFFFF {
            for dtype in [DType.bf16, .f16] {
                let bytes = [UInt8(truncatingIfNeeded: pattern), UInt8(pattern >> 8)]
                let bits = Widening.floats(bytes, dtype)[0].bitPattern
                let half: UInt32 = dtype == .bf16 ? 0x8000 : 0x1000
                for offset in [0, 1, half - 1, half, half + 1] as [UInt32] {
                    values.append(Float(bitPattern: bits &+ offset))
                }
            }
        }
        return values
    }()

    @Test(arguments: [DType.bf16, .f16]) func `rounds as the scalar twin`(dtype: DType) throws {
        let finite = RoundingFloatsTests.values.filter { value in
            value.isFinite && value.magnitude < (dtype == .f16 ? 65_520 : 0x1.FFp127)
        }
        let (bytes, isFinite) = narrow(finite, dtype)
        #expect(isFinite)
        #expect(try bytes == Rounding.bytes(finite.map(Double.init), dtype))
    }

    @Test func `subnormals of binary16`() throws {
        var generator = SeededGenerator(seed: 1)
        let values = (0..<20_001).map { _ in
            Float(generator.nextSigned())
                * Float(sign: .plus, exponent: -Int.random(in: 10...30, using: &generator), significand: 1)
        }
        #expect(try narrow(values, .f16).bytes == Rounding.bytes(values.map(Double.init), .f16))
    }

    @Test(arguments: [DType.bf16, .f16, .f32]) func `says when a result is not finite`(dtype: DType) {
        for value in [Float.infinity, -.infinity, .nan, -.nan] {
            for place in [0, 7, 40] {
                var values = [Float](repeating: 1, count: 41)
                #expect(narrow(values, dtype).isFinite)
                values[place] = value
                let (bytes, isFinite) = narrow(values, dtype)
                #expect(!isFinite)
                let result = Widening.floats(bytes, dtype)[place]
                #expect(value.isNaN ? result.isNaN : result == value)
            }
        }
        if dtype != .f32 { #expect(!narrow([dtype == .f16 ? 65_520 : Float.greatestFiniteMagnitude], dtype).isFinite) }
    }
}
