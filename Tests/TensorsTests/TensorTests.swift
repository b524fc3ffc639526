import AdapterTesting
import Tensors
import Testing

struct TensorTests {
    /// Records what it is asked for.
    private struct Counting: TensorSource {
        func bytes(in range: Range<Int>) -> [UInt8] { range.map { UInt8(truncatingIfNeeded: $0) } }
    }

    private struct Failing: TensorSource {
        struct Failure: Error {}
        func bytes(in range: Range<Int>) throws -> [UInt8] { throw Failure() }
    }

    private func shape(_ extents: [Int]) throws -> Shape { try #require(Shape(extents)) }

    @Test func `a tensor in memory gives its bytes back, whole and in ranges`() throws {
        let bytes: [UInt8] = Array(0..<24)
        let tensor = try Tensor(dtype: .f16, shape: shape([3, 4]), bytes: bytes)
        #expect(tensor.byteCount == 24)
        #expect(try tensor.bytes() == bytes)
        for start in 0...24 {
            for end in start...24 { #expect(try tensor.bytes(in: start..<end) == Array(bytes[start..<end])) }
        }
    }

    @Test(arguments: DType.allCases) func `bytes must fill the shape`(dtype: DType) throws {
        let full = dtype.byteCount(ofElements: 6)
        for count in [0, 5 * dtype.byteCount, full - 1, full + 1] {
            let error = #expect(throws: TensorError.self) {
                try Tensor(dtype: dtype, shape: shape([2, 3]), bytes: [UInt8](repeating: 0, count: count))
            }
            #expect(error?.code == .sizeMismatch)
        }
        #expect(try Tensor(dtype: dtype, shape: shape([0, 3]), bytes: []).byteCount == 0)
        #expect(
            try Tensor(
                dtype: dtype, shape: shape([]), bytes: [UInt8](repeating: 0, count: dtype.byteCount(ofElements: 1))
            )
            .doubles()
                == [0])
    }

    @Test(arguments: [-1..<3, 0..<13, 12..<13, 13..<13, Int.min..<0, Int.min..<Int.max, 0..<Int.max, Int.max..<Int.max])
    func `ranges outside of the tensor throw`(range: Range<Int>) throws {
        let memory = try Tensor(dtype: .u8, shape: shape([12]), bytes: Array(0..<12))
        let lazy = try Tensor(dtype: .u8, shape: shape([12]), source: Counting())
        for tensor in [memory, lazy] {
            let error = #expect(throws: TensorError.self) { try tensor.bytes(in: range) }
            #expect(error?.code == .sizeMismatch)
        }
    }

    @Test func `a source is read only where it is asked`() throws {
        let huge = try Tensor(dtype: .f32, shape: shape([1 << 24, 1 << 20]), source: Counting())
        #expect(huge.byteCount == 1 << 46)
        #expect(try huge.bytes(in: (1 << 45) + 5..<(1 << 45) + 8) == [5, 6, 7])
        let failing = try Tensor(dtype: .f32, shape: shape([2]), source: Failing())
        #expect(throws: Failing.Failure.self) { try failing.bytes() }
        #expect(throws: Failing.Failure.self) { try failing.doubles() }
        #expect(throws: Failing.Failure.self) { try failing.isFinite() }
    }

    @Test func `another shape of equal size shares the bytes`() throws {
        let tensor = try Tensor(dtype: .i32, shape: shape([2, 3]), bytes: Array(0..<24))
        for extents in [[6], [3, 2], [1, 6, 1], [1, 1, 1, 1, 1, 6]] {
            let reshaped = try tensor.reshaped(extents)
            #expect(reshaped.shape.extents == extents)
            #expect(reshaped.dtype == .i32)
            #expect(try reshaped.bytes() == tensor.bytes())
        }
        for extents in [
            [], [5], [7], [2, 2], [0], [-2, -3], [-6], [Int.max], [1, 1, 1, 1, 1, 1, 6], [1 << 31, 1 << 31],
        ] {
            let error = #expect(throws: TensorError.self) { try tensor.reshaped(extents) }
            #expect(error?.code == .sizeMismatch)
        }
    }

    @Test func `an error is its message`() {
        let error = TensorError(.overflow, "too large")
        #expect("\(error)" == "too large")
        #expect("\(error.code)" == "overflow")
    }
}
