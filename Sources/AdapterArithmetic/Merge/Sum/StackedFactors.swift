import CNumericKernels
import LinearAlgebra
import Tensors

/// The factors of several terms side by side as they are stored, with the inner products that tell what that lost.
///
/// Made some rows at a time, so that everything between what is read and what is stored stays in a cache.
struct StackedFactors {
    /// The rows of all A, bit for bit.
    let a: [UInt8]
    /// The columns of all B, each times its term's coefficient, rounded once.
    let b: [UInt8]
    /// A·Aᵀ, of binary32 products.
    let inA: Matrix
    /// BᵀB of the products before they were rounded, of binary32 products.
    let inB: Matrix
    /// DᵀD of what rounding took from B, of binary32 products.
    let inResidual: Matrix

    /// - Parameters:
    ///   - parts: the terms' factors, of the type `dtype`.
    ///   - coefficients: what multiplies each term's B.
    /// - Returns: nil for types without kernels, and when a product does not fit the type.
    init?(
        _ parts: [TermSlice], _ coefficients: [Double], rows: Int, columns: Int, dtype: DType
    ) throws(LinearAlgebraError) {
        let inner = parts.reduce(0) { $0 + $1.inner }
        guard TermSlice.hasPanels(dtype),
            let (b, inB, inResidual) = try StackedFactors.products(parts, coefficients, rows, inner, dtype)
        else { return nil }
        a = parts.flatMap(\.storedA.bytes)
        self.b = b
        inA = try TermSlice.gramOfA(parts, columns: columns, dtype)
        self.inB = inB
        self.inResidual = inResidual
    }

    /// B times the coefficients, row by row, with its inner products and those of what rounding took.
    private static func products(
        _ parts: [TermSlice], _ coefficients: [Double], _ rows: Int, _ inner: Int, _ dtype: DType
    ) throws(LinearAlgebraError) -> ([UInt8], Matrix, Matrix)? {
        var (inB, inResidual) = (try GramSum(count: inner), try GramSum(count: inner))
        var floats = [Float](repeating: 0, count: GramSum.length * inner)
        var products = [Double](repeating: 0, count: floats.count)
        var panel = floats
        var fits = true
        let rowByteCount = inner * dtype.byteCount
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: rows * rowByteCount) { target, initialized in
            let target = UnsafeMutableRawBufferPointer(target)
            unsafe floats.withUnsafeMutableBufferPointer { floats in
                unsafe products.withUnsafeMutableBufferPointer { products in
                    unsafe panel.withUnsafeMutableBufferPointer { panel in
                        for start in stride(from: 0, to: rows, by: GramSum.length) {
                            let taken = start..<min(start + GramSum.length, rows)
                            unsafe TermSlice.placeB(
                                parts, coefficients, rows: taken, dtype, floats, into: products, width: inner)
                            let count = taken.count * inner
                            let exact = unsafe UnsafeBufferPointer(rebasing: products[..<count])
                            let stored = unsafe UnsafeMutableRawBufferPointer(
                                rebasing: target[taken.lowerBound * rowByteCount..<taken.upperBound * rowByteCount])
                            fits = unsafe Rounding.write(exact, dtype, to: stored) && fits
                            unsafe Widening.floats(UnsafeRawBufferPointer(stored), dtype, into: floats)
                            if let first = exact.baseAddress, let rounded = floats.baseAddress,
                                let target = panel.baseAddress
                            {
                                let summed = unsafe UnsafeBufferPointer(start: UnsafePointer(target), count: count)
                                _ = unsafe cnk_narrow_f64_to_f32(first, target, count)
                                unsafe inB.add(rows: summed)
                                unsafe cnk_subtract_rounded(first, rounded, target, count)
                                unsafe inResidual.add(rows: summed)
                            }
                        }
                    }
                }
            }
            initialized = rows * rowByteCount
        }
        return fits ? (bytes, inB.matrix, inResidual.matrix) : nil
    }
}
