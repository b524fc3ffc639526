internal import LinearAlgebra

/// The largest singular values of a matrix with their vectors, by iterating on a random subspace (Halko, Martinsson and
/// Tropp, arXiv 0909.4061, algorithm 4.4).
struct LeadingSingularValues {
    /// The left vectors, a column each.
    let u: Matrix
    /// The values, descending.
    let values: [Double]
    /// The right vectors, a row each.
    let vTransposed: Matrix

    /// Vectors more than are asked for, so that the last ones are as good as the first.
    private static let oversampling = 8
    private static let iterationCount = 8

    /// - Parameter random: chooses where the iteration begins.
    init(_ matrix: Matrix, count: Int, _ random: inout CounterBasedRandom) throws {
        let extent = min(matrix.rows, matrix.columns)
        let width = count + Self.oversampling
        guard 3 * width < extent else {
            let whole = try matrix.singularValueDecomposition()
            let kept = 0..<min(count, extent)
            (u, vTransposed) = (whole.u.columns(kept), whole.vTransposed.rows(kept))
            values = Array(whole.values[kept])
            return
        }
        let start = try Matrix(
            rows: matrix.columns, columns: width,
            columnMajor: (0..<matrix.columns * width).map { _ in random.normal() })
        var q = try matrix.product(start).qrFactorization().q
        for _ in 0..<Self.iterationCount {
            let right = try matrix.product(q, transposingSelf: true).qrFactorization().q
            q = try matrix.product(right).qrFactorization().q
        }
        let small = try q.product(matrix, transposingSelf: true).singularValueDecomposition()
        u = try q.product(small.u).columns(0..<count)
        values = Array(small.values.prefix(count))
        vTransposed = small.vTransposed.rows(0..<count)
    }
}
