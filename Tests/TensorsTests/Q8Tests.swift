import AdapterTesting
import Tensors
import Testing

/// Blocks of 32 codes with a binary16 scale, by the words of the specification, clause 7.6.
struct Q8Tests {
    /// A block's bytes from its scale's pattern and its first codes.
    private func block(_ scale: UInt16, _ codes: [Int8]) -> [UInt8] {
        [UInt8(scale & 0xFF), UInt8(scale >> 8)] + codes.map { UInt8(bitPattern: $0) }
            + [UInt8](repeating: 0, count: 32 - codes.count)
    }

    private func shape(_ extents: Int...) throws -> Shape { try #require(Shape(extents)) }

    @Test func `elements are scale times code`() throws {
        // 0x3800 is 0.5, 0xC000 −2, 0x0001 2⁻²⁴.
        let bytes = block(0x3800, Array(-16...15)) + block(0xC000, [127, -128]) + block(0x0001, [1, -1])
        let tensor = try Tensor(dtype: .q8, shape: shape(3, 22), bytes: bytes)
        let expected =
            (-16...15).map { Double($0) / 2 } + [-254, 256] + [Double](repeating: 0, count: 30) + [0x1p-24, -0x1p-24]
        #expect(tensor.byteCount == 102)
        #expect(try tensor.doubles() == expected)
        for start in 0...66 {
            for end in start...66 { #expect(try tensor.doubles(in: start..<end) == Array(expected[start..<end])) }
        }
        for range in [-1..<3, 0..<67, 66..<68, 67..<67] {
            #expect(throws: TensorError.self) { try tensor.doubles(in: range) }
        }
    }

    @Test func `codes beyond the last element are ignored and kept`() throws {
        let bytes = block(0x3C00, [3, 5, 7])
        let tensor = try Tensor(dtype: .q8, shape: shape(2), bytes: bytes)
        #expect(try tensor.doubles() == [3, 5])
        #expect(try tensor.bytes() == bytes)
    }

    @Test func `infinite and NaN scales are not finite`() throws {
        for scale: UInt16 in [0x7C00, 0xFC00, 0x7E01] {
            let bytes = block(0x3C00, [1]) + block(scale, [1])
            #expect(try !Tensor(dtype: .q8, shape: shape(33), bytes: bytes).isFinite())
            #expect(try !Tensor(dtype: .q8, shape: shape(33), bytes: bytes).rounded(to: .f32).isFinite())
        }
        #expect(try Tensor(dtype: .q8, shape: shape(2), bytes: block(0x7BFF, [127, -128])).isFinite())
    }

    @Test func `one scale that is not finite is found beyond a mebibyte`() throws {
        let count = 3 << 20
        var bytes = [UInt8](repeating: 0x11, count: DType.q8.byteCount(ofElements: count))
        #expect(try Tensor(dtype: .q8, shape: shape(count), bytes: bytes).isFinite())
        for block in [0, 32_767, 32_768, 65_536, count / 32 - 1] {
            bytes[34 * block + 1] = 0x7C
            #expect(try !Tensor(dtype: .q8, shape: shape(count), bytes: bytes).isFinite(), "block \(block)")
            bytes[34 * block + 1] = 0x11
        }
    }

    /// The scale and each code by search among all there are.
    @Test(arguments: [1, 31, 32, 33, 100, 321]) func `scales and codes are the nearest`(count: Int) throws {
        var generator = SeededGenerator(seed: UInt64(count))
        let values = (0..<count).map { _ in generator.normal() * 10 }
        let bytes = try Rounding.bytes(values, .q8)
        #expect(bytes.count == (count + 31) / 32 * 34)
        let scales = (0..<0x7C00 as Range<UInt16>).map { Double(Float16(bitPattern: $0)) }
        for (index, start) in stride(from: 0, to: count, by: 32).enumerated() {
            let elements = values[start..<min(start + 32, count)]
            let exact = elements.map(\.magnitude).reduce(0, max) / 127
            let pattern = Int(bytes[34 * index]) | Int(bytes[34 * index + 1]) << 8
            let distance = abs(scales[pattern] - exact)
            #expect(abs(scales[pattern - 1] - exact) >= distance && abs(scales[pattern + 1] - exact) >= distance)
            for (offset, value) in elements.enumerated() {
                let code = Int(Int8(bitPattern: bytes[34 * index + 2 + offset]))
                let nearest = (-127...127).min {
                    abs(Double($0) * scales[pattern] - value) < abs(Double($1) * scales[pattern] - value)
                }
                #expect(code == nearest)
            }
            #expect(bytes[(34 * index + 2 + elements.count)..<34 * (index + 1)].allSatisfy { $0 == 0 })
        }
    }

    @Test func `ties go to even, the largest codes are ±127, zeros have scale 0`() throws {
        #expect(try Rounding.bytes([127, 0.5, 1.5, -2.5, -127], .q8) == block(0x3C00, [127, 0, 2, -2, -127]))
        #expect(try Rounding.bytes([0, -0.0, 0], .q8) == block(0, []))
        // The scale rounds down to the smallest subnormal; 190 times that would need the code 190.
        #expect(try Rounding.bytes([190 * 0x1p-24, -190 * 0x1p-24], .q8) == block(1, [127, -127]))
        #expect(try Rounding.bytes([1e-9], .q8) == block(0, []))
    }

    @Test func `what is too large is refused, what is not finite makes its block NaN`() throws {
        #expect(try Rounding.bytes([127 * 65504], .q8) == block(0x7BFF, [127]))
        let error = #expect(throws: TensorError.self) { try Rounding.bytes([0, 127 * 65520], .q8) }
        #expect(error?.code == .overflow)
        for value in [Double.nan, .infinity, -.infinity] {
            let values = Widening.doubles(
                try Rounding.bytes([Double](repeating: 1, count: 40) + [value], .q8), .q8)
            let one = Widening.doubles(block(0x2008, [127]), .q8)[0]
            #expect(values[..<32].allSatisfy { $0 == one })
            #expect(values[32...].allSatisfy { $0.isNaN })
        }
    }

    @Test func `every product is exact in binary32`() throws {
        for pattern in 0..<0x7C00 as Range<UInt16> {
            let scale = Double(Float16(bitPattern: pattern))
            #expect(!(-128...127).contains { Double(Float(scale * Double($0))) != scale * Double($0) })
        }
    }

    @Test func `a rounded tensor gives any range of its bytes`() throws {
        var generator = SeededGenerator(seed: 5)
        let tensor = try SampleAdapters.tensor([7, 11], .q8, using: &generator)
        let values = try tensor.doubles()
        for (dtype, exponent) in [(.f32, 0), (.bf16, 3), (.f16, -2)] as [(DType, Int)] {
            let power = exponent == 3 ? 8.0 : exponent == -2 ? 0.25 : 1
            let rounded = tensor.rounded(to: dtype, scaledBy: exponent)
            let expected = try Rounding.bytes(values.map { $0 * power }, dtype)
            #expect(try rounded.bytes() == expected)
            for start in 0...expected.count {
                for end in [start, start + 1, start + 3, start + 64] where end <= expected.count {
                    #expect(try rounded.bytes(in: start..<end) == Array(expected[start..<end]))
                }
            }
        }
    }
}
