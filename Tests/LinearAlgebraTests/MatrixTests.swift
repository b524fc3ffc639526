import AdapterTesting
import LinearAlgebra
import Testing

@Suite struct MatrixTests {
    @Test func `Row-major and column-major elements are transposes of each other`() throws {
        let matrix = try Matrix(rows: 2, columns: 3, rowMajor: [1, 2, 3, 4, 5, 6])
        #expect(matrix.elements == [1, 4, 2, 5, 3, 6])
        #expect(matrix.rowMajor == [1, 2, 3, 4, 5, 6])
        #expect(matrix[1, 2] == 6)
        #expect(try matrix.transposed() == Matrix(rows: 3, columns: 2, columnMajor: [1, 2, 3, 4, 5, 6]))
        #expect(Array(matrix.column(1)) == [2, 5])
    }

    @Test(arguments: shapes)
    func `Transposing twice changes nothing`(rows: Int, columns: Int) throws {
        var generator = SeededGenerator(seed: 1)
        let matrix = try Matrix.random(rows, columns, using: &generator)
        let transposed = matrix.transposed()
        #expect(transposed.rows == columns && transposed.columns == rows)
        #expect(transposed.transposed() == matrix)
        for row in 0..<rows {
            for column in 0..<columns where transposed[column, row] != matrix[row, column] {
                Issue.record("element \(row), \(column) moved")
            }
        }
    }

    @Test func `Wrong element counts and extents beyond 32 bits are refused`() {
        #expect(code { try Matrix(rows: 2, columns: 2, columnMajor: [1]) } == .shapeMismatch)
        #expect(code { try Matrix(rows: -1, columns: 2, rowMajor: []) } == .limitExceeded)
        #expect(code { try Matrix(zeros: 1 << 31, 0) } == .limitExceeded)
        #expect(code { try Matrix(zeros: .max, 2) } == .limitExceeded)
        #expect(code { try Matrix(rows: 0, columns: .max, columnMajor: []) } == .limitExceeded)
    }

    @Test func `Matrices are put side by side, stacked and cut`() throws {
        let first = try Matrix(rows: 2, columns: 1, rowMajor: [1, 2])
        let second = try Matrix(rows: 2, columns: 2, rowMajor: [3, 4, 5, 6])
        #expect(try Matrix.horizontally([first, second]).rowMajor == [1, 3, 4, 2, 5, 6])
        #expect(try Matrix.vertically([first.transposed(), second]).rowMajor == [1, 2, 3, 4, 5, 6])
        #expect(try Matrix.horizontally([]) == Matrix(zeros: 0, 0))
        #expect(try Matrix.vertically([]) == Matrix(zeros: 0, 0))
        #expect(try Matrix.horizontally([Matrix(zeros: 2, 0), second]) == second)
        #expect(second.columns(1..<2).rowMajor == [4, 6])
        #expect(second.rows(1..<2).rowMajor == [5, 6])
        #expect(code { try Matrix.horizontally([first.transposed(), second]) } == .shapeMismatch)
        #expect(code { try Matrix.vertically([first, second]) } == .shapeMismatch)
    }

    @Test func `Columns are scaled one by one, everything by one factor`() throws {
        let matrix = try Matrix(rows: 2, columns: 2, rowMajor: [1, 2, 3, 4])
        #expect(try matrix.scalingColumns(by: [10, -1]).rowMajor == [10, -2, 30, -4])
        #expect(matrix.scaled(by: 2).rowMajor == [2, 4, 6, 8])
        #expect(code { try matrix.scalingColumns(by: [1]) } == .shapeMismatch)
    }

    @Test(arguments: [1.0, 1e-300, 1e300, 0x1p-1074, 1e154, -3.0])
    func `Norms neither overflow nor underflow`(scale: Double) throws {
        let matrix = try Matrix(rows: 2, columns: 2, rowMajor: [3 * scale, 0, 0, -4 * scale])
        #expect(abs(matrix.frobeniusNorm - 5 * scale.magnitude) <= 5 * scale.magnitude * 1e-15)
        #expect(matrix.columnNorms == [3 * scale.magnitude, 4 * scale.magnitude])
    }

    @Test func `Norms of zeros, infinities and nothing`() throws {
        #expect(try Matrix(zeros: 3, 3).frobeniusNorm == 0)
        #expect(try Matrix(zeros: 0, 3).frobeniusNorm == 0)
        #expect(try Matrix(rows: 1, columns: 2, rowMajor: [1, -.infinity]).frobeniusNorm == .infinity)
        #expect(try Matrix(rows: 1, columns: 2, rowMajor: [.nan, .infinity]).frobeniusNorm.isNaN)
    }

    @Test(arguments: [(false, false), (true, false), (false, true), (true, true)])
    func `Products equal the sums of the definition`(transposingFirst: Bool, transposingSecond: Bool) throws {
        var generator = SeededGenerator(seed: 2)
        let (m, k, n) = (5, 3, 4)
        let first = try Matrix.random(m, k, using: &generator)
        let second = try Matrix.random(k, n, using: &generator)
        let product = try (transposingFirst ? first.transposed() : first).product(
            transposingSecond ? second.transposed() : second, transposingSelf: transposingFirst,
            transposingOther: transposingSecond)
        for row in 0..<m {
            for column in 0..<n {
                let expected = (0..<k).reduce(0) { $0 + first[row, $1] * second[$1, column] }
                #expect(abs(product[row, column] - expected) < 1e-15)
            }
        }
    }

    @Test func `Products with an empty side are zero, misfits are refused`() throws {
        let product = try Matrix(zeros: 2, 0).product(Matrix(zeros: 0, 3))
        #expect(try product == Matrix(zeros: 2, 3))
        #expect(try Matrix(zeros: 0, 2).product(Matrix(zeros: 2, 3)).rows == 0)
        #expect(code { try Matrix(zeros: 2, 2).product(Matrix(zeros: 3, 2)) } == .shapeMismatch)
    }
}

/// The code of the error that the body throws.
func code<Result>(_ body: () throws -> Result) -> LinearAlgebraError.Code? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? LinearAlgebraError)?.code
    }
}
