import Adapters
import LinearAlgebra

/// Several matrices of one shape whose elements are merged.
protocol ElementSource: Sendable {
    /// The number of matrices.
    var count: Int { get }
    /// The number of rows of each.
    var rows: Int { get }
    /// The number of columns of each.
    var columns: Int { get }

    /// Writes some rows of one matrix, row by row; the same bits at every call with the same rows.
    @unsafe
    func read(_ input: Int, rows: Range<Int>, into target: UnsafeMutablePointer<Float>) throws
}

/// The ΔW of a module's terms in one slice, as products computed row by row.
struct UpdateElements: ElementSource {
    let rows: Int
    let columns: Int
    private let factors: [(a: FloatBuffer, b: FloatBuffer, inner: Int)]

    var count: Int { factors.count }

    /// - Throws: ``ArithmeticError`` with code `overflow` when a factor exceeds binary32; what reading throws.
    init(_ module: ModuleTerms, slice: Int) throws {
        (rows, columns) = (module.layout.rows, module.layout.columns)
        factors = try zip(module.terms, try module.parts(ofSlice: slice)).map { term, part in
            let scaling = term.update.scaling
            let factors = (
                a: FloatBuffer(rounding: part.a), b: FloatBuffer(rounding: part.b.map { $0 * scaling }),
                inner: part.inner
            )
            guard factors.a.isFinite, factors.b.isFinite else {
                throw ArithmeticError(
                    .overflow,
                    "Unable to merge '\(term.label)': a factor of the module '\(module.name)' exceeds the range of f32. "
                        + "Use --method exact.", module: module.name)
            }
            return factors
        }
    }

    @unsafe
    func read(_ input: Int, rows: Range<Int>, into target: UnsafeMutablePointer<Float>) throws {
        let (a, b, inner) = factors[input]
        try unsafe FloatProduct.multiply(
            b.pointer + rows.lowerBound * inner, a.pointer, rows: rows.count, inner: inner, columns: columns,
            into: target)
    }
}

/// Matrices in memory, row by row.
struct StoredElements: ElementSource {
    let rows: Int
    let columns: Int
    let matrices: [FloatBuffer]

    var count: Int { matrices.count }

    @unsafe
    func read(_ input: Int, rows: Range<Int>, into target: UnsafeMutablePointer<Float>) {
        unsafe target.update(from: matrices[input].pointer + rows.lowerBound * columns, count: rows.count * columns)
    }
}
