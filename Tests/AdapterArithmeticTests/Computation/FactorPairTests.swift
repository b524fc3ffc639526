import AdapterTesting
import LinearAlgebra
import Testing

@testable import AdapterArithmetic

/// ‖B·A‖ from inner products.
struct FactorPairTests {
    private func factors(_ rows: Int, _ columns: Int, inner: Int, seed: UInt64) throws -> FactorPair {
        var generator = SeededGenerator(seed: seed)
        func matrix(_ rows: Int) throws -> Matrix {
            // Values that binary32 holds, so that only sums are rounded.
            let elements = (0..<rows * inner).map { _ in Double(Float.random(in: -1...1, using: &generator)) }
            return try Matrix(rows: rows, columns: inner, columnMajor: elements)
        }
        return FactorPair(b: try matrix(rows), aTransposed: try matrix(columns))
    }

    private func floatGram(_ matrix: Matrix) throws -> Matrix {
        var sum = try GramSum(count: matrix.columns)
        let floats = matrix.elements.map { Float($0) }
        unsafe floats.withUnsafeBufferPointer { unsafe sum.add(columns: $0, length: matrix.rows) }
        return sum.matrix
    }

    private func floatNorm(_ pair: FactorPair) throws -> Double? {
        FactorPair.norm(ofFloats: try floatGram(pair.b), try floatGram(pair.aTransposed))
    }

    @Test(arguments: [1, 2, 16, 48, 192])
    func `binary32 sums tell six digits of the norm`(inner: Int) throws {
        let pair = try factors(700, 900, inner: inner, seed: UInt64(inner))
        let norm = try #require(try floatNorm(pair))
        let truth = try pair.productNorm()
        #expect((norm - truth).magnitude < 1e-6 * truth)
    }

    @Test func `where columns cancel binary32 sums tell nothing`() throws {
        let pair = try factors(500, 500, inner: 4, seed: 3)
        for gap in [0, 1e-7, 1e-5, 1e-3] {
            // B·A − (1 − gap)·B·A, its factors side by side.
            let cancelling = FactorPair(
                b: try .horizontally([pair.b, pair.b.scaled(by: gap - 1)]),
                aTransposed: try .horizontally([pair.aTransposed, pair.aTransposed]))
            #expect(try floatNorm(cancelling) == nil)
        }
        let adding = FactorPair(
            b: try .horizontally([pair.b, pair.b]),
            aTransposed: try .horizontally([pair.aTransposed, pair.aTransposed]))
        let norm = try #require(try floatNorm(adding))
        #expect((norm - 2 * (try pair.productNorm())).magnitude < 1e-6 * norm)
    }

    @Test(arguments: [0x1p-80, 0x1p-75, 0x1p-60, 0x1p70])
    func `what is beyond the range of binary32 is left to binary64`(scale: Double) throws {
        let pair = try factors(300, 300, inner: 4, seed: 7)
        let scaled = FactorPair(b: pair.b.scaled(by: scale), aTransposed: pair.aTransposed)
        // Either it says nothing, or what it says is right.
        if let norm = try floatNorm(scaled) {
            #expect((norm - scale * (try pair.productNorm())).magnitude < 1e-6 * norm)
            #expect(scale == 0x1p-60)
        } else {
            #expect(scale != 0x1p-60)
        }
        let zero = FactorPair(b: try Matrix(zeros: 300, 4), aTransposed: pair.aTransposed)
        #expect(try floatNorm(zero) == nil)
    }
}
