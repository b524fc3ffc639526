import CNumericKernels
import LinearAlgebra
import Tensors

/// Factors rounded to a type, with what that lost; made some rows at a time, so that all but the result stays in a cache.
///
/// With D_B = B − B' and D_A = A − A' the loss is B·A − B'·A' = D_B·A + B'·D_A = [D_B B']·[A; D_A]: a product of tall
/// factors, whose norm follows from their inner products.
struct RoundedFactors {
    let a: [UInt8]
    let b: [UInt8]
    /// ‖B·A − B'·A'‖.
    let error: Double

    /// - Returns: nil for types without kernels, when an element does not fit the type, and when inner products do not
    ///   tell the error.
    init?(_ factors: FactorPair, as dtype: DType) throws(LinearAlgebraError) {
        guard TermSlice.hasPanels(dtype), 2 * factors.b.columns <= min(factors.b.rows, factors.aTransposed.rows),
            let (a, inA) = try RoundedFactors.rounded(rows: factors.aTransposed, dtype),
            let (b, inB) = try RoundedFactors.rounded(columns: factors.b, dtype),
            let error = FactorPair.norm(inB, inA)
        else { return nil }
        (self.a, self.b, self.error) = (a, b, error)
    }

    /// A's bytes, and the inner products of the rows of [A; D_A]. A's rows are the columns of its transpose.
    private static func rounded(
        rows matrix: Matrix, _ dtype: DType
    ) throws(LinearAlgebraError) -> ([UInt8], Matrix)? {
        let (length, count, size) = (matrix.rows, matrix.columns, dtype.byteCount)
        var sum = try GramSum(count: 2 * count)
        var floats = [Float](repeating: 0, count: GramSum.length)
        var panel = [Double](repeating: 0, count: 2 * count * GramSum.length)
        var fits = true
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: length * count * size) { target, initialized in
            let target = UnsafeMutableRawBufferPointer(target)
            unsafe floats.withUnsafeMutableBufferPointer { floats in
                unsafe panel.withUnsafeMutableBufferPointer { panel in
                    unsafe matrix.elements.withUnsafeBufferPointer { elements in
                        for start in stride(from: 0, to: length, by: GramSum.length) {
                            let taken = min(GramSum.length, length - start)
                            for row in 0..<count {
                                let first = row * length + start
                                let exact = unsafe UnsafeBufferPointer(rebasing: elements[first..<first + taken])
                                let stored = unsafe UnsafeMutableRawBufferPointer(
                                    rebasing: target[first * size..<(first + taken) * size])
                                fits = unsafe Rounding.write(exact, dtype, to: stored) && fits
                                let kept = row * GramSum.length
                                let lost = (count + row) * GramSum.length
                                _ = unsafe UnsafeMutableBufferPointer(rebasing: panel[kept..<kept + taken])
                                    .update(fromContentsOf: exact)
                                unsafe widen(
                                    stored, dtype, floats, UnsafeMutableBufferPointer(rebasing: panel[lost...]))
                                unsafe subtract(exact, UnsafeMutableBufferPointer(rebasing: panel[lost...]))
                            }
                            unsafe sum.add(columns: UnsafeBufferPointer(panel), length: taken)
                        }
                    }
                }
            }
            initialized = length * count * size
        }
        return fits ? (bytes, sum.matrix) : nil
    }

    /// B's bytes, row by row, and the inner products of the columns of [D_B B'].
    private static func rounded(
        columns matrix: Matrix, _ dtype: DType
    ) throws(LinearAlgebraError) -> ([UInt8], Matrix)? {
        let (length, count, size) = (matrix.rows, matrix.columns, dtype.byteCount)
        var sums = try GramSum(count: 2 * count)
        var floats = [Float](repeating: 0, count: GramSum.length * count)
        var rows = [Double](repeating: 0, count: floats.count)
        var lost = rows
        var both = [Double](repeating: 0, count: 2 * floats.count)
        var fits = true
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: length * count * size) { target, initialized in
            let target = UnsafeMutableRawBufferPointer(target)
            for start in stride(from: 0, to: length, by: GramSum.length) {
                let taken = min(GramSum.length, length - start)
                let elementCount = taken * count
                unsafe matrix.elements.withUnsafeBufferPointer { elements in
                    guard let first = elements.baseAddress else { return }
                    unsafe cnk_gather_rows(first + start, length, taken, count, &rows)
                }
                let stored = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: target[start * count * size..<(start * count + elementCount) * size])
                unsafe rows.withUnsafeBufferPointer { rows in
                    fits =
                        unsafe Rounding.write(UnsafeBufferPointer(rebasing: rows[..<elementCount]), dtype, to: stored)
                        && fits
                }
                unsafe floats.withUnsafeMutableBufferPointer { floats in
                    unsafe Widening.floats(UnsafeRawBufferPointer(stored), dtype, into: floats)
                }
                unsafe both.withUnsafeMutableBufferPointer { both in
                    guard let first = both.baseAddress else { return }
                    // The stored values beside what was lost.
                    unsafe cnk_place_scaled(floats, taken, count, 1, first + count, 2 * count)
                    unsafe cnk_widen_f32(floats, &lost, elementCount)
                    unsafe cnk_subtract_from(rows, &lost, elementCount)
                    for row in 0..<taken {
                        for column in 0..<count { unsafe both[row * 2 * count + column] = lost[row * count + column] }
                    }
                    unsafe sums.add(rows: UnsafeBufferPointer(rebasing: both[..<(2 * elementCount)]))
                }
            }
            initialized = length * count * size
        }
        return fits ? (bytes, sums.matrix) : nil
    }

    /// Writes stored elements as doubles to the start of `target`.
    private static func widen(
        _ stored: UnsafeMutableRawBufferPointer, _ dtype: DType, _ floats: UnsafeMutableBufferPointer<Float>,
        _ target: UnsafeMutableBufferPointer<Double>
    ) {
        unsafe Widening.floats(UnsafeRawBufferPointer(stored), dtype, into: floats)
        guard let narrow = floats.baseAddress, let wide = target.baseAddress else { return }
        unsafe cnk_widen_f32(narrow, wide, stored.count / dtype.byteCount)
    }

    /// target = values − target.
    private static func subtract(_ values: UnsafeBufferPointer<Double>, _ target: UnsafeMutableBufferPointer<Double>) {
        guard let first = values.baseAddress, let wide = target.baseAddress else { return }
        unsafe cnk_subtract_from(first, wide, values.count)
    }
}
