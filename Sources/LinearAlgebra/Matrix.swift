/// A dense matrix of doubles.
///
/// Columns lie one after the other, as LAPACK wants them. So the elements of a row-major r × n tensor are, unmoved,
/// the n × r transpose.
package struct Matrix: Sendable, Hashable {
    /// The number of rows.
    package let rows: Int
    /// The number of columns.
    package let columns: Int
    /// The elements, column by column.
    package internal(set) var elements: [Double]

    /// A matrix from elements that lie column by column.
    package init(rows: Int, columns: Int, columnMajor elements: [Double]) throws(LinearAlgebraError) {
        guard try Matrix.elementCount(rows, columns) == elements.count else {
            throw LinearAlgebraError(
                .shapeMismatch,
                "Unable to make a \(rows) × \(columns) matrix: \(elements.count) elements are given.")
        }
        self.init(unchecked: rows, columns, elements)
    }

    /// A matrix from elements that lie row by row.
    package init(rows: Int, columns: Int, rowMajor elements: [Double]) throws(LinearAlgebraError) {
        self = try Matrix(rows: columns, columns: rows, columnMajor: elements).transposed()
    }

    /// A matrix of zeros.
    package init(zeros rows: Int, _ columns: Int) throws(LinearAlgebraError) {
        let count = try Matrix.elementCount(rows, columns)
        self.init(unchecked: rows, columns, [Double](repeating: 0, count: count))
    }

    /// An identity matrix.
    package init(identity count: Int) throws(LinearAlgebraError) {
        try self.init(zeros: count, count)
        for index in 0..<count { self[index, index] = 1 }
    }

    init(unchecked rows: Int, _ columns: Int, _ elements: [Double]) {
        self.rows = rows
        self.columns = columns
        self.elements = elements
    }

    /// One element; both indices are within the matrix.
    package subscript(_ row: Int, _ column: Int) -> Double {
        get { elements[column * rows + row] }
        set { elements[column * rows + row] = newValue }
    }

    /// The elements row by row.
    package var rowMajor: [Double] { transposed().elements }

    /// The elements of one column.
    package func column(_ index: Int) -> ArraySlice<Double> { elements[index * rows..<(index + 1) * rows] }

    /// Whether no element is infinite or not a number.
    package var isFinite: Bool { elements.allSatisfy(\.isFinite) }

    /// Whether every element is 0.
    package var isZero: Bool { elements.allSatisfy { $0 == 0 } }

    /// The transpose.
    package func transposed() -> Matrix {
        // In tiles, so that reads and writes both stay within the cache; small ones, because the lines of a tall matrix's
        // columns fall into few places of it.
        let tile = 8
        let transposed = unsafe [Double](unsafeUninitializedCapacity: elements.count) { target, count in
            unsafe elements.withUnsafeBufferPointer { source in
                for columnTile in stride(from: 0, to: columns, by: tile) {
                    for rowTile in stride(from: 0, to: rows, by: tile) {
                        for column in columnTile..<min(columnTile + tile, columns) {
                            for row in rowTile..<min(rowTile + tile, rows) {
                                unsafe target[row * columns + column] = source[column * rows + row]
                            }
                        }
                    }
                }
            }
            count = elements.count
        }
        return Matrix(unchecked: columns, rows, transposed)
    }

    /// `rows · columns`, when the Fortran interface with its 32-bit integers can address such a matrix.
    private static func elementCount(_ rows: Int, _ columns: Int) throws(LinearAlgebraError) -> Int {
        let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
        guard rows >= 0, columns >= 0, rows <= Int(Int32.max), columns <= Int(Int32.max), !overflow else {
            throw LinearAlgebraError(
                .limitExceeded, "Unable to make a \(rows) × \(columns) matrix: extents go up to \(Int32.max).")
        }
        return count
    }
}
