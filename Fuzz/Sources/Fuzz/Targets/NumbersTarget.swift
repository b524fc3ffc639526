import Tensors

@testable import Tensors

/// Elements of tensors: widened to doubles, and doubles rounded to elements.
///
/// An input is the index of a dtype, or 255 for doubles, and the elements.
enum NumbersTarget: FuzzTarget {
    static let name = "numbers"
    private static let dtypes = DType.allCases
    private static let stored: [DType] = [.f32, .f16, .bf16, .f8e4m3, .q8]

    static func seeds(fixtures: String) throws -> [[UInt8]] {
        var generator = SeededGenerator(seed: 1)
        let doubles = [
            0, -0.0, 1, 448, 464, 465, 65_504, 65_520, 3.4e38, 1e300, 0x1p-1074, 1e-45, .infinity, .nan, 0x1p-9,
            0x1.FEp127,
        ].flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt64($0))) } }
        return [[255] + doubles] + dtypes.indices.map { [UInt8($0)] + generator.bytes(68) }
    }

    static func isExpected(_ error: any Error) -> Bool { error is TensorError }

    static func run(_ input: [UInt8]) throws {
        guard let choice = input.first else { return }
        let content = Array(input[1...])
        var values: [Double]
        if choice == 255 {
            values = stride(from: 0, to: content.count / 8 * 8, by: 8).map {
                Double(bitPattern: content.integer(UInt64.self, at: $0))
            }
        } else {
            let dtype = dtypes[Int(choice) % dtypes.count]
            let block = dtype.block
            let count = content.count / block.byteCount * block.elementCount
            guard let shape = Shape([count]) else { return }
            let tensor = try Tensor(
                dtype: dtype, shape: shape, bytes: Array(content.prefix(dtype.byteCount(ofElements: count))))
            values = try tensor.doubles()
            expect(values.count == count, "there are as many values as elements")
            if dtype.isFloatingPoint, dtype != .q8 {
                try expect(tensor.isFinite() == values.allSatisfy(\.isFinite), "both readings agree on what is finite")
            }
            let parts = try tensor.doubles(in: 0..<count / 3) + tensor.doubles(in: count / 3..<count)
            expect(isSame(parts, values), "the values of parts are those of the whole")
            if stored.contains(dtype), dtype != .q8 {
                let again = Widening.doubles(try Rounding.bytes(values, dtype), dtype)
                expect(isSame(again, values), "rounding leaves alone what needs none")
            }
        }
        for dtype in stored { try checkRounding(values, dtype) }
    }

    private static func checkRounding(_ values: [Double], _ dtype: DType) throws {
        do {
            let bytes = try Rounding.bytes(values, dtype)
            expect(bytes.count == dtype.byteCount(ofElements: values.count), "rounded values fill their bytes")
            let rounded = Widening.doubles(bytes, dtype)
            for (value, result) in zip(values, rounded) where value.isFinite && dtype != .q8 {
                expect(result.isFinite, "a value that is finite stays finite or is refused")
                expect(value == 0 || result == 0 || (value < 0) == (result < 0), "rounding keeps the sign")
                expect((result - value).magnitude <= value.magnitude / 2 + 0x1p-10, "rounding is to the nearest")
            }
            if dtype != .q8 {
                try expect(
                    isSame(Widening.doubles(Rounding.bytes(rounded, dtype), dtype), rounded), "rounding once is enough")
            }
        } catch let error as TensorError {
            expect(error.code == .overflow, "values are refused for their size alone: \(error)")
        }
    }

    /// Equal bit for bit; one NaN is like another.
    private static func isSame(_ left: [Double], _ right: [Double]) -> Bool {
        left.elementsEqual(right) { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }
    }
}
