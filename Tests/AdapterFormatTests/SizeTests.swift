import AdapterTesting
import Foundation
import Tensors
import Testing

@testable import AdapterFormat

/// How small the default codec makes what adapters hold, against what no code can beat that takes the exponents as
/// independent draws and leaves sign and mantissa as they are.
@Suite struct SizeTests {
    enum Values: CaseIterable, Sendable {
        case normal, uniform
    }

    @Test(arguments: Values.allCases, [DType.bf16, .f16, .f32])
    func `A chunk is within 0.6 percent of the entropy of its exponents`(values: Values, dtype: DType) throws {
        var generator = SeededGenerator(seed: 31)
        let count = (1 << 20) / dtype.byteCount
        let numbers = (0..<count).map { _ in
            // The bound of the uniform values is PEFT's for 4096 inputs.
            values == .normal ? 0.02 * generator.normal() : Double.random(in: -0x1p-6...0x1p-6, using: &generator)
        }
        let shape = try #require(Shape([count]))
        let bytes = try Tensor(rounding: numbers, to: dtype, shape: shape).bytes()
        let encoded = try ChunkCoder.withCoder { try $0.encode(bytes, dtype: dtype, preference: .planes) }
        let bound = SizeTests.bound(bytes, dtype)
        #expect(encoded.codec == .planes)
        #expect(Double(encoded.bytes.count) <= 1.006 * bound, "\(encoded.bytes.count) bytes, the bound is \(bound)")
        // The bound is right only if nothing beats it by more than chance.
        #expect(Double(encoded.bytes.count) >= 0.99 * bound)
    }

    /// In bytes.
    private static func bound(_ bytes: [UInt8], _ dtype: DType) -> Double {
        let size = dtype.byteCount
        let (fractionBits, exponentBits) = dtype == .f32 ? (23, 8) : dtype == .bf16 ? (7, 8) : (10, 5)
        var counts = [Double](repeating: 0, count: 256)
        for start in stride(from: 0, to: bytes.count, by: size) {
            let bits = bytes[start..<start + size].reversed().reduce(0) { $0 << 8 | Int($1) }
            counts[bits >> fractionBits & (1 << exponentBits - 1)] += 1
        }
        let total = Double(bytes.count / size)
        let entropy = counts.filter { $0 > 0 }.reduce(0) { $0 - $1 / total * log2($1 / total) }
        return total * (entropy + Double(1 + fractionBits)) / 8
    }
}
