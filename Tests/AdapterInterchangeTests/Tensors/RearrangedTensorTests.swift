import Tensors
import Testing

@testable import AdapterInterchange

@Suite struct RearrangedTensorTests {
    private func tensor(_ dtype: DType, _ extents: [Int]) throws -> Tensor {
        let shape = try #require(Shape(extents))
        let bytes = (0..<shape.elementCount * dtype.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) }
        return try Tensor(dtype: dtype, shape: shape, bytes: bytes)
    }

    @Test(arguments: [DType.f32, .bf16, .i8], [0, 1 << 20])
    func `any range of a transpose is right, kept or not`(dtype: DType, kept: Int) throws {
        let (rows, columns) = (13, 7)
        let input = try tensor(dtype, [rows, columns])
        let bytes = try input.bytes()
        let size = dtype.byteCount
        var expected: [UInt8] = []
        for column in 0..<columns {
            for row in 0..<rows {
                expected += bytes[(row * columns + column) * size..<(row * columns + column + 1) * size]
            }
        }
        let slot = TransposedSource.Slot(maximumByteCount: kept)
        let source = TransposedSource(input, rows: rows, columns: columns, slot: slot)
        let other = TransposedSource(input, rows: columns, columns: rows, slot: slot)
        for start in 0...expected.count {
            for end in stride(from: start, through: expected.count, by: 5) {
                #expect(try source.bytes(in: start..<end) == Array(expected[start..<end]))
            }
            // Another tensor of the slot comes in between.
            _ = try other.bytes(in: 0..<size)
        }
    }

    @Test func `a transpose of several pieces is right`() throws {
        let input = try tensor(.f16, [3000, 500])
        let source = TransposedSource(input, rows: 3000, columns: 500, slot: TransposedSource.Slot())
        let shape = try #require(Shape([500, 3000]))
        let transposed = Tensor(dtype: .f16, shape: shape, source: source)
        let back = TransposedSource(
            transposed, rows: 500, columns: 3000, slot: TransposedSource.Slot(maximumByteCount: 0))
        #expect(try back.bytes(in: 0..<input.byteCount) == input.bytes())
        #expect(try transposed.bytes() != input.bytes())
    }

    @Test func `any range of a widened matrix is right`() throws {
        let narrow = try tensor(.f16, [6, 2])
        let values = try narrow.bytes()
        let wide = try #require(BlockDiagonalMatrix.widening(narrow, blockCount: 3))
        #expect(wide.shape.extents == [6, 6])
        var expected: [UInt8] = []
        for row in 0..<6 {
            for block in 0..<3 {
                expected += block == row / 2 ? Array(values[row * 4..<row * 4 + 4]) : [0, 0, 0, 0]
            }
        }
        for start in 0...expected.count {
            for end in start...expected.count {
                #expect(try wide.bytes(in: start..<end) == Array(expected[start..<end]))
            }
        }
        let again = try #require(BlockDiagonalMatrix.narrowing(wide, blockCount: 3))
        for start in 0...values.count {
            for end in start...values.count {
                #expect(try again.bytes(in: start..<end) == Array(values[start..<end]))
            }
        }
        #expect(try BlockDiagonalMatrix.isBlockDiagonal(wide, blockCount: 3))
        #expect(try !BlockDiagonalMatrix.isBlockDiagonal(wide, blockCount: 6))
        #expect(try !BlockDiagonalMatrix.isBlockDiagonal(tensor(.f16, [6, 6]), blockCount: 3))
    }

    @Test func `shapes that do not divide have no other form`() throws {
        #expect(BlockDiagonalMatrix.widening(try tensor(.f16, [5, 2]), blockCount: 2) == nil)
        #expect(BlockDiagonalMatrix.widening(try tensor(.f16, [4, 0]), blockCount: 2) == nil)
        #expect(BlockDiagonalMatrix.widening(try tensor(.f16, [4]), blockCount: 2) == nil)
        #expect(BlockDiagonalMatrix.narrowing(try tensor(.f16, [4, 3]), blockCount: 2) == nil)
        #expect(BlockDiagonalMatrix.widening(try tensor(.f16, [128, 1]), blockCount: 128) == nil)
    }
}
