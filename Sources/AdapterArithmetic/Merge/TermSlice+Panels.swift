import CNumericKernels
import LinearAlgebra
import Tensors

// Some rows at a time, so that what lies between the stored elements and the result stays in a cache.
extension TermSlice {
    /// Whether there are kernels for the type.
    static func hasPanels(_ dtype: DType) -> Bool { [.f32, .f16, .bf16].contains(dtype) }

    /// Places some rows of every B, times its coefficient, side by side in rows of `width` elements.
    ///
    /// - Parameter floats: room for these rows of the widest B.
    static func placeB(
        _ parts: [TermSlice], _ coefficients: [Double], rows: Range<Int>, _ dtype: DType,
        _ floats: UnsafeMutableBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Double>, width: Int
    ) {
        var column = 0
        for (part, coefficient) in zip(parts, coefficients) {
            unsafe part.widenB(rows, dtype, floats)
            if let values = floats.baseAddress, let start = target.baseAddress {
                unsafe cnk_place_scaled(values, rows.count, part.inner, coefficient, start + column, width)
            }
            column += part.inner
        }
    }

    private func widenA(
        _ first: Int, count: Int, _ dtype: DType, _ floats: UnsafeMutableBufferPointer<Float>
    ) {
        unsafe storedA.bytes.withUnsafeBytes { bytes in
            let source = unsafe bytes[first * dtype.byteCount..<(first + count) * dtype.byteCount]
            unsafe Widening.floats(UnsafeRawBufferPointer(rebasing: source), dtype, into: floats)
        }
    }

    private func widenB(_ rows: Range<Int>, _ dtype: DType, _ floats: UnsafeMutableBufferPointer<Float>) {
        let rowByteCount = inner * dtype.byteCount
        unsafe storedB.bytes.withUnsafeBytes { bytes in
            let source = unsafe bytes[rows.lowerBound * rowByteCount..<rows.upperBound * rowByteCount]
            unsafe Widening.floats(UnsafeRawBufferPointer(rebasing: source), dtype, into: floats)
        }
    }

    /// Places a range of the elements of every row of every A one below the other, each where its share begins.
    private static func placeA(
        _ parts: [TermSlice], columns: Int, _ range: Range<Int>, _ dtype: DType,
        _ floats: UnsafeMutableBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Double>, stride: Int
    ) {
        var row = 0
        for part in parts {
            for index in 0..<part.inner {
                unsafe part.widenA(index * columns + range.lowerBound, count: range.count, dtype, floats)
                if let wide = target.baseAddress, let narrow = floats.baseAddress {
                    unsafe cnk_widen_f32(narrow, wide + row * stride, range.count)
                }
                row += 1
            }
        }
    }

    /// A·Aᵀ of the rows of all A, of a type that has panels; of binary32 products.
    static func gramOfA(_ parts: [TermSlice], columns: Int, _ dtype: DType) throws(LinearAlgebraError) -> Matrix {
        let inner = parts.reduce(0) { $0 + $1.inner }
        var sum = try GramSum(count: inner)
        var floats = [Float](repeating: 0, count: GramSum.length * inner)
        unsafe floats.withUnsafeMutableBufferPointer { floats in
            for start in stride(from: 0, to: columns, by: GramSum.length) {
                let range = start..<min(start + GramSum.length, columns)
                var row = 0
                for part in parts {
                    for index in 0..<part.inner {
                        let place = unsafe UnsafeMutableBufferPointer(rebasing: floats[(row * GramSum.length)...])
                        unsafe part.widenA(index * columns + range.lowerBound, count: range.count, dtype, place)
                        row += 1
                    }
                }
                unsafe sum.add(columns: UnsafeBufferPointer(floats), length: range.count)
            }
        }
        return sum.matrix
    }

    /// BᵀB of this B alone, of a type that has panels; of binary32 products.
    func gramOfB(rows: Int, _ dtype: DType) throws(LinearAlgebraError) -> Matrix {
        var sum = try GramSum(count: inner)
        var floats = [Float](repeating: 0, count: GramSum.length * inner)
        unsafe floats.withUnsafeMutableBufferPointer { floats in
            for start in stride(from: 0, to: rows, by: GramSum.length) {
                let taken = start..<min(start + GramSum.length, rows)
                unsafe widenB(taken, dtype, floats)
                unsafe sum.add(rows: UnsafeBufferPointer(rebasing: floats[..<(taken.count * inner)]))
            }
        }
        return sum.matrix
    }

    /// The factors of all terms side by side, the coefficients in B; of a type that has panels.
    static func stacked(
        _ parts: [TermSlice], _ coefficients: [Double], rows: Int, columns: Int, _ dtype: DType
    ) throws(LinearAlgebraError) -> FactorPair {
        let inner = parts.reduce(0) { $0 + $1.inner }
        let floatCount = max(columns, GramSum.length * (parts.map(\.inner).max() ?? 0))
        var floats = [Float](repeating: 0, count: floatCount)
        let (a, b) = unsafe floats.withUnsafeMutableBufferPointer { floats in
            let a = unsafe [Double](unsafeUninitializedCapacity: columns * inner) { target, initialized in
                unsafe placeA(
                    parts, columns: columns, 0..<columns, dtype, floats, into: target, stride: columns)
                initialized = columns * inner
            }
            let b = unsafe [Double](unsafeUninitializedCapacity: rows * inner) { target, initialized in
                for start in stride(from: 0, to: rows, by: GramSum.length) {
                    let taken = start..<min(start + GramSum.length, rows)
                    var column = 0
                    for (part, coefficient) in zip(parts, coefficients) {
                        unsafe part.widenB(taken, dtype, floats)
                        if let values = floats.baseAddress, let first = target.baseAddress {
                            unsafe cnk_place_scaled_columns(
                                values, taken.count, part.inner, coefficient, first + column * rows + start, rows)
                        }
                        column += part.inner
                    }
                }
                initialized = rows * inner
            }
            return (a, b)
        }
        return FactorPair(
            b: try Matrix(rows: rows, columns: inner, columnMajor: b),
            aTransposed: try Matrix(rows: columns, columns: inner, columnMajor: a))
    }
}
