import AdapterTesting
import LinearAlgebra

extension Matrix {
    /// Random elements from −1 to 1.
    static func random(_ rows: Int, _ columns: Int, using generator: inout SeededGenerator) throws -> Matrix {
        try Matrix(
            rows: rows, columns: columns,
            columnMajor: (0..<rows * columns).map { _ in generator.nextSigned() })
    }

    static func identity(_ size: Int) throws -> Matrix {
        var result = try Matrix(zeros: size, size)
        for index in 0..<size { result[index, index] = 1 }
        return result
    }

    /// 1 / (i + j + 1): condition numbers beyond what doubles resolve.
    static func hilbert(_ rows: Int, _ columns: Int) throws -> Matrix {
        var result = try Matrix(zeros: rows, columns)
        for row in 0..<rows {
            for column in 0..<columns { result[row, column] = 1 / Double(row + column + 1) }
        }
        return result
    }

    func distance(to other: Matrix) throws -> Double { try subtracting(other).frobeniusNorm }

    /// ‖selfᵀ · self − 1‖.
    func orthogonalityError() throws -> Double {
        try product(self, transposingSelf: true).distance(to: .identity(columns))
    }
}

/// Shapes with every relation of rows and columns, with single rows and columns, and with none.
let shapes: [(Int, Int)] = [
    (0, 0), (0, 3), (4, 0), (1, 1), (1, 7), (7, 1), (5, 5), (40, 6), (6, 40), (130, 64), (64, 130),
]
