/// A matrix in memory that an ``Arena`` owns: rows that lie one behind the other, `stride` elements apart.
///
/// A view does not keep the memory; it is used while the arena exists. Its bounds are checked, its elements are read
/// and written by the operations of ``ComputeElement``.
@safe package struct MatrixView<Element: Sendable> {
    package let base: UnsafeMutablePointer<Element>
    /// The number of rows.
    package let rows: Int
    /// The number of columns.
    package let columns: Int
    /// The elements from the start of one row to the start of the next.
    package let stride: Int

    package init(base: UnsafeMutablePointer<Element>, rows: Int, columns: Int, stride: Int? = nil) {
        unsafe self.base = unsafe base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    /// Some neighbouring rows.
    package func rows(_ range: Range<Int>) -> MatrixView {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "the rows are outside the matrix")
        return unsafe MatrixView(
            base: base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
    }

    /// Some neighbouring columns.
    package func columns(_ range: Range<Int>) -> MatrixView {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns, "the columns are outside the matrix")
        return unsafe MatrixView(base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }

    /// The first element of a row.
    package func row(_ index: Int) -> UnsafeMutablePointer<Element> {
        precondition(index >= 0 && index < rows, "the row is outside the matrix")
        return unsafe base + index * stride
    }

    /// One element.
    package subscript(_ row: Int, _ column: Int) -> Element {
        get {
            precondition(column >= 0 && column < columns, "the column is outside the matrix")
            return unsafe self.row(row)[column]
        }
        nonmutating set {
            precondition(column >= 0 && column < columns, "the column is outside the matrix")
            unsafe self.row(row)[column] = newValue
        }
    }

    /// Copies a matrix of the same extents.
    package func copy(_ other: MatrixView) {
        precondition(rows == other.rows && columns == other.columns, "the matrices have different extents")
        for row in 0..<rows { unsafe self.row(row).update(from: other.row(row), count: columns) }
    }

    /// Sets every element.
    package func fill(_ value: Element) {
        for row in 0..<rows { unsafe self.row(row).update(repeating: value, count: columns) }
    }

    /// Takes elements that lie row by row.
    package func assign(_ elements: some Collection<Element>) {
        precondition(elements.count == rows * columns, "the elements do not fill the matrix")
        var position = elements.startIndex
        for row in 0..<rows {
            for column in 0..<columns {
                self[row, column] = elements[position]
                elements.formIndex(after: &position)
            }
        }
    }

    /// A copy of the elements, row by row.
    package var elements: [Element] {
        (0..<rows).flatMap { row in unsafe Array(UnsafeBufferPointer(start: self.row(row), count: columns)) }
    }
}

// Which elements a thread may touch is decided by whoever cuts the work up; see ``Workers``.
extension MatrixView: @unchecked Sendable {}
