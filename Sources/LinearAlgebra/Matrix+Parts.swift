internal import CNumericKernels

extension Matrix {
    /// The matrices side by side; they have equally many rows. No matrix at all makes a 0 × 0 one.
    package static func horizontally(_ matrices: [Matrix]) throws(LinearAlgebraError) -> Matrix {
        guard let first = matrices.first else { return try Matrix(zeros: 0, 0) }
        for other in matrices where other.rows != first.rows {
            throw LinearAlgebraError(
                .shapeMismatch, "Unable to put matrices of \(first.rows) and \(other.rows) rows side by side.")
        }
        return try Matrix(
            rows: first.rows, columns: matrices.reduce(0) { $0 + $1.columns }, columnMajor: matrices.flatMap(\.elements)
        )
    }

    /// The matrices one below the other; they have equally many columns. No matrix at all makes a 0 × 0 one.
    package static func vertically(_ matrices: [Matrix]) throws(LinearAlgebraError) -> Matrix {
        guard let first = matrices.first else { return try Matrix(zeros: 0, 0) }
        for other in matrices where other.columns != first.columns {
            throw LinearAlgebraError(
                .shapeMismatch, "Unable to stack matrices of \(first.columns) and \(other.columns) columns.")
        }
        var elements: [Double] = []
        elements.reserveCapacity(matrices.reduce(0) { $0 + $1.elements.count })
        for column in 0..<first.columns {
            for matrix in matrices { elements += matrix.column(column) }
        }
        return try Matrix(
            rows: matrices.reduce(0) { $0 + $1.rows }, columns: first.columns, columnMajor: elements)
    }

    /// Some neighbouring columns; the range is within the matrix.
    package func columns(_ range: Range<Int>) -> Matrix {
        Matrix(unchecked: rows, range.count, Array(elements[range.lowerBound * rows..<range.upperBound * rows]))
    }

    /// Some neighbouring rows; the range is within the matrix.
    package func rows(_ range: Range<Int>) -> Matrix {
        var part: [Double] = []
        part.reserveCapacity(range.count * columns)
        for index in 0..<columns {
            part += elements[index * rows + range.lowerBound..<index * rows + range.upperBound]
        }
        return Matrix(unchecked: range.count, columns, part)
    }

    /// The matrix with every element multiplied.
    package func scaled(by factor: Double) -> Matrix { Matrix(unchecked: rows, columns, elements.map { $0 * factor }) }

    /// The matrix with column j multiplied by the j-th factor; there are as many factors as columns.
    package func scalingColumns(by factors: [Double]) throws(LinearAlgebraError) -> Matrix {
        var result = self
        try result.scaleColumns(by: factors)
        return result
    }

    /// Multiplies column j by the j-th factor; there are as many factors as columns.
    package mutating func scaleColumns(by factors: [Double]) throws(LinearAlgebraError) {
        guard factors.count == columns else {
            throw LinearAlgebraError(
                .shapeMismatch, "Unable to scale \(columns) columns by \(factors.count) factors.")
        }
        for (index, factor) in factors.enumerated() where factor != 1 {
            for position in index * rows..<(index + 1) * rows { elements[position] *= factor }
        }
    }

    /// The difference, element by element.
    package func subtracting(_ other: Matrix) throws(LinearAlgebraError) -> Matrix {
        guard rows == other.rows, columns == other.columns else {
            throw LinearAlgebraError(
                .shapeMismatch,
                "Unable to subtract a \(other.rows) × \(other.columns) matrix from a \(rows) × \(columns) one.")
        }
        return Matrix(unchecked: rows, columns, zip(elements, other.elements).map { $0 - $1 })
    }

    /// The square root of the sum of all squares; neither overflows nor underflows on the way.
    package var frobeniusNorm: Double { Matrix.norm(elements[...]) }

    /// The Euclidean norm of each column.
    package var columnNorms: [Double] { (0..<columns).map { Matrix.norm(column($0)) } }

    /// The Euclidean norm of some values; neither overflows nor underflows on the way.
    package static func norm(_ values: ArraySlice<Double>) -> Double {
        let square = sumOfSquares(values)
        if square > 0x1p-900, square < 0x1p900 { return square.squareRoot() }
        var largest = 0.0
        for value in values {
            if value.isNaN { return .nan }
            largest = max(largest, value.magnitude)
        }
        guard largest > 0, largest.isFinite else { return largest }
        // A power of two scales without rounding; ±1022 keeps the factor itself normal.
        let exponent = min(max(Int(largest.exponent), -1022), 1022)
        let factor = Double(sign: .plus, exponent: -exponent, significand: 1)
        var sum = 0.0
        for value in values {
            let scaled = value * factor
            sum += scaled * scaled
        }
        return sum.squareRoot() * Double(sign: .plus, exponent: exponent, significand: 1)
    }

    private static func sumOfSquares(_ values: ArraySlice<Double>) -> Double {
        var sum = 0.0
        unsafe values.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            unsafe cnk_add_gram_of_columns(start, buffer.count, buffer.count, 1, &sum)
        }
        return sum
    }
}

extension Matrix {
    /// The Euclidean norm of values that come in pieces; neither overflows nor underflows on the way.
    package struct RunningNorm: Sendable {
        /// The norm of what has come so far.
        package private(set) var value = 0.0

        /// The norm of nothing.
        package init() {}

        /// Takes in more values.
        package mutating func add(_ values: [Double]) { value = Matrix.norm([value, Matrix.norm(values[...])]) }
    }
}
