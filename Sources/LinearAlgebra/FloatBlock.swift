internal import CNumericKernels

/// A block of a row-major matrix of floats in memory that the caller owns and keeps.
@safe
package struct FloatBlock {
    /// The first element.
    let start: UnsafeMutablePointer<Float>
    /// The number of rows.
    package let rows: Int
    /// The number of columns.
    package let columns: Int
    /// The distance of two rows in elements.
    package let stride: Int

    /// A block at the start of `buffer`.
    ///
    /// - Parameter stride: at least `columns`.
    package init(_ buffer: UnsafeMutableBufferPointer<Float>, rows: Int, columns: Int, stride: Int) {
        guard let start = buffer.baseAddress, rows > 0, columns > 0 else {
            preconditionFailure("an empty block")
        }
        precondition(columns <= stride && buffer.count >= (rows - 1) * stride + columns, "the buffer is too short")
        unsafe self.start = start
        self.rows = rows
        self.columns = columns
        self.stride = stride
    }

    /// One row.
    package func row(_ index: Int) -> UnsafeMutableBufferPointer<Float> {
        precondition(index >= 0 && index < rows, "no such row")
        return unsafe UnsafeMutableBufferPointer(start: start + index * stride, count: columns)
    }

    /// Adds the product of some rows of `b` and some columns of `a` in binary32: the sum over the inner dimension, in its
    /// order, is added to each element. The same bits on every processor.
    ///
    /// - Parameters:
    ///   - b: row-major, with `inner` columns.
    ///   - firstRow: the row of `b` that belongs to the block's first.
    ///   - a: row-major, `inner` rows of `aColumns`.
    ///   - firstColumn: the column of `a` that belongs to the block's first.
    package func addProduct(
        _ b: ArraySlice<Float>, firstRow: Int, _ a: ArraySlice<Float>, aColumns: Int, firstColumn: Int, inner: Int
    ) {
        guard inner > 0 else { return }
        precondition(
            firstRow >= 0 && (firstRow + rows) * inner <= b.count && firstColumn >= 0
                && firstColumn + columns <= aColumns && aColumns * inner <= a.count, "the factors do not fit the block")
        unsafe b.withUnsafeBufferPointer { b in
            unsafe a.withUnsafeBufferPointer { a in
                guard let b = b.baseAddress, let a = a.baseAddress else { return }
                unsafe cnk_add_low_rank(
                    start, stride, b + firstRow * inner, inner, a + firstColumn, aColumns, rows, columns, inner)
            }
        }
    }
}
