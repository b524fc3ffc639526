import AdapterTesting
import LinearAlgebra
import Testing

@Suite struct FactorisationTests {
    @Test(arguments: shapes, [UInt64.random(in: 0 ... .max), 11])
    func `QR is orthogonal, triangular and gives the matrix back`(shape: (Int, Int), seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let matrix = try Matrix.random(shape.0, shape.1, using: &generator)
        let (q, r) = try matrix.qrFactorization()
        let inner = min(shape.0, shape.1)
        #expect(q.rows == shape.0 && q.columns == inner && r.rows == inner && r.columns == shape.1)
        #expect(try q.orthogonalityError() < 1e-13, "seed \(seed)")
        #expect(try q.product(r).distance(to: matrix) < 1e-13 * (1 + matrix.frobeniusNorm), "seed \(seed)")
        for column in 0..<r.columns {
            for row in 0..<r.rows where row > column { #expect(r[row, column] == 0, "seed \(seed)") }
        }
        #expect(try matrix.qrTriangle() == r, "seed \(seed)")
    }

    @Test(arguments: [(12, 12), (30, 10), (10, 30)])
    func `QR stays orthogonal on nearly dependent columns`(rows: Int, columns: Int) throws {
        let matrix = try Matrix.hilbert(rows, columns)
        let (q, r) = try matrix.qrFactorization()
        #expect(try q.orthogonalityError() < 1e-14)
        #expect(try q.product(r).distance(to: matrix) < 1e-14)
    }

    @Test(arguments: shapes, SingularValueDecomposition.Driver.allCases)
    func `The singular value decomposition is orthogonal and gives the matrix back`(
        shape: (Int, Int), driver: SingularValueDecomposition.Driver
    ) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let matrix = try Matrix.random(shape.0, shape.1, using: &generator)
        let result = try matrix.singularValueDecomposition(by: driver)
        let inner = min(shape.0, shape.1)
        #expect(result.u.rows == shape.0 && result.u.columns == inner && result.values.count == inner)
        #expect(result.vTransposed.rows == inner && result.vTransposed.columns == shape.1)
        #expect(try result.u.orthogonalityError() < 1e-12, "seed \(seed)")
        #expect(try result.vTransposed.transposed().orthogonalityError() < 1e-12, "seed \(seed)")
        let product = try result.u.scalingColumns(by: result.values).product(result.vTransposed)
        #expect(try product.distance(to: matrix) < 1e-12 * (1 + matrix.frobeniusNorm), "seed \(seed)")
        #expect(zip(result.values, result.values.dropFirst()).allSatisfy { $0 >= $1 }, "seed \(seed)")
        #expect(result.values.allSatisfy { $0 >= 0 }, "seed \(seed)")
        for (value, other) in zip(try matrix.singularValues(), result.values) {
            #expect(abs(value - other) < 1e-12 * (1 + matrix.frobeniusNorm), "seed \(seed)")
        }
    }

    @Test func `Known singular values are found`() throws {
        // [[3, 0], [4, 5]]: 3√5 and √5.
        let values = try Matrix(rows: 2, columns: 2, rowMajor: [3, 0, 4, 5]).singularValues()
        #expect(abs(values[0] - 3 * 5.0.squareRoot()) < 1e-14)
        #expect(abs(values[1] - 5.0.squareRoot()) < 1e-14)
        let row = try Matrix(rows: 1, columns: 3, rowMajor: [2, -3, 6]).singularValueDecomposition()
        #expect(row.values.count == 1 && abs(row.values[0] - 7) < 1e-14)
        #expect(try Matrix(zeros: 4, 3).singularValues() == [0, 0, 0])
    }

    @Test func `Singular values of a Hilbert matrix`() throws {
        // Extreme singular values and Frobenius norm of the 10 × 10 Hilbert matrix, from 60-digit arithmetic.
        let matrix = try Matrix.hilbert(10, 10)
        let values = try matrix.singularValues()
        #expect(abs(values[0] - 1.7519196702651775) < 1e-14)
        #expect(abs(values[9] - 1.0931538193796658e-13) < 1e-16)
        #expect(abs(matrix.frobeniusNorm - 1.7855271226510334) < 1e-14)
    }

    @Test(arguments: [1e-200, 1e200])
    func `Very small and very large matrices decompose`(scale: Double) throws {
        var generator = SeededGenerator(seed: 5)
        let matrix = try Matrix.random(9, 7, using: &generator)
        let expected = try matrix.singularValues()
        for (value, other) in zip(try matrix.scaled(by: scale).singularValues(), expected) {
            #expect(abs(value - other * scale) < 1e-13 * scale)
        }
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func `Infinities and NaN are refused before LAPACK sees them`(value: Double) throws {
        var matrix = try Matrix(zeros: 5, 4)
        matrix[3, 2] = value
        #expect(code { try matrix.qrFactorization() } == .nonFinite)
        #expect(code { try matrix.qrTriangle() } == .nonFinite)
        #expect(code { try matrix.singularValueDecomposition() } == .nonFinite)
        #expect(code { try matrix.singularValues() } == .nonFinite)
    }

    @Test func `The same matrix gives the same bits`() throws {
        var generator = SeededGenerator(seed: 6)
        let matrix = try Matrix.random(300, 48, using: &generator)
        let first = try matrix.qrFactorization()
        let second = try matrix.qrFactorization()
        #expect(first == second)
        #expect(try matrix.singularValues() == matrix.singularValues())
    }
}
