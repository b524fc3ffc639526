import CNumericKernels
import LinearAlgebra

/// The dominant directions of a matrix that only comes in tiles, by a random sketch with power iterations (Halko,
/// Martinsson and Tropp, "Finding structure with randomness", 2011, algorithms 4.4 and 5.1).
///
/// M ≈ Q·Z with orthonormal Q and Z = QᵀM. What that misses is known exactly, ‖M − Q·Z‖² = ‖M‖² − ‖Z‖², summed in
/// binary64. The sketch's numbers come from a counter, so equal matrices give equal results.
struct RangeFinder: Sendable {
    /// Up to this extent the sketch takes in everything, and nothing is missed.
    private static let completeExtent = 128
    /// Below this share of ‖M‖² the residual cannot be told from rounding.
    private static let noise = 1e-13
    /// The most doubles in the partial sums of Z.
    private static let partialSumLimit = 1 << 23
    /// How often the sketch is multiplied by M·Mᵀ.
    private static let iterationCount = 2

    /// The directions that are wanted.
    let rank: Int
    /// The stream of random words that the sketch is made of.
    var stream: [UInt32] = [0x736B_6574, 0x6368, 0, 0]

    /// An approximation with what it lost.
    struct Result {
        /// Q and Zᵀ.
        let factors: FactorPair
        /// ‖M‖.
        let norm: Double
        /// ‖M − Q·Z‖.
        let residual: Double
    }

    /// - Throws: `LinearAlgebraError` with code `nonFinite` when an element of M is; what computing M throws.
    /// - Complexity: six passes over M, O(m·n·k) in each for an m × n matrix; memory O((m + n)·k).
    func approximate(_ matrix: some TiledMatrix) throws -> Result {
        let (m, n) = (matrix.rows, matrix.columns)
        let extent = min(m, n)
        let width = extent <= RangeFinder.completeExtent ? extent : min(extent, max(2 * rank, rank + 24))
        // All of M's columns, where that is what a complete sketch is.
        let start = width == n ? RangeFinder.identity(n) : signs(rows: n, columns: width)
        var (sketch, squares) = try multiply(matrix, by: start, width)
        guard squares.isFinite else {
            throw LinearAlgebraError(.nonFinite, "An element of the matrix exceeds the range of binary32.")
        }
        // A complete sketch has nothing to gain.
        for _ in 0..<(width == extent ? 0 : RangeFinder.iterationCount) {
            let basis = try FloatBuffer(rounding: RangeFinder.orthonormal(sketch, m, width).rowMajor)
            let partials = try matrix.pass(bandCount: bandCount(width * n)) { _ in
                FloatBuffer(count: width * n)
            } _: { sum, tile, values in
                let rows = matrix.tiles[tile]
                try unsafe FloatProduct.addTransposed(
                    basis.pointer + rows.lowerBound * width, values.pointer, rows: rows.count, outer: width, columns: n,
                    to: sum.pointer)
            }
            let sum = RangeFinder.sum(partials)
            // Row-major width × n is column-major n × width.
            let directions = try Matrix(rows: n, columns: width, columnMajor: sum).qrFactorization().q
            (sketch, squares) = try multiply(matrix, by: FloatBuffer(rounding: directions.rowMajor), width)
        }
        // All of M's rows.
        let q =
            width == m
            ? try Matrix(rows: m, columns: m, columnMajor: RangeFinder.identity(m).doubles)
            : try RangeFinder.orthonormal(sketch, m, width)
        let z = try project(matrix, onto: q)
        let factors = FactorPair(b: q, aTransposed: try Matrix(rows: n, columns: q.columns, columnMajor: z))
        let kept = Matrix.norm(z[...])
        let missed = squares - kept * kept
        return Result(
            factors: factors, norm: squares.squareRoot(),
            residual: width == extent || missed <= RangeFinder.noise * squares ? 0 : missed.squareRoot())
    }

    private func bandCount(_ partialCount: Int) -> Int {
        max(1, min(RowTiling.bandCount, RangeFinder.partialSumLimit / max(1, partialCount)))
    }

    /// M · right and ‖M‖².
    private func multiply(_ matrix: some TiledMatrix, by right: FloatBuffer, _ width: Int) throws
        -> (product: [Float], squares: Double)
    {
        let bands = try matrix.pass(bandCount: RowTiling.bandCount) { rows in
            (product: FloatBuffer(count: rows.count * width), start: rows.lowerBound, squares: 0.0)
        } _: { state, tile, values in
            let rows = matrix.tiles[tile]
            try unsafe FloatProduct.multiply(
                values.pointer, right.pointer, rows: rows.count, inner: matrix.columns, columns: width,
                into: state.product.pointer + (rows.lowerBound - state.start) * width)
            unsafe state.squares += cnk_sum_squares(values.pointer, values.count)
        }
        let product = bands.flatMap { band in
            unsafe UnsafeBufferPointer(start: band.product.pointer, count: band.product.count).map { $0 }
        }
        return (product, bands.reduce(0) { $0 + $1.squares })
    }

    /// QᵀM, row by row, in binary64.
    private func project(_ matrix: some TiledMatrix, onto q: Matrix) throws -> [Double] {
        let (width, n) = (q.columns, matrix.columns)
        let basis = q.rowMajor
        let largest = matrix.tiles.map(\.count).max() ?? 0
        let partials = try matrix.pass(bandCount: bandCount(width * n)) { _ in
            (
                sum: [Double](repeating: 0, count: width * n),
                tile: [Double](repeating: 0, count: largest * n)
            )
        } _: { state, tile, values in
            let rows = matrix.tiles[tile]
            unsafe cnk_widen_f32(values.pointer, &state.tile, values.count)
            try unsafe basis.withUnsafeBufferPointer { basis in
                guard let start = basis.baseAddress else { return }
                try unsafe FloatProduct.addTransposed(
                    start + rows.lowerBound * width, state.tile, rows: rows.count, outer: width, columns: n,
                    to: &state.sum)
            }
        }
        var sum = partials.first?.sum ?? []
        for other in partials.dropFirst() {
            for index in sum.indices { sum[index] += other.sum[index] }
        }
        return sum
    }

    private static func sum(_ partials: [FloatBuffer]) -> [Double] {
        var sum = partials.first?.doubles ?? []
        for other in partials.dropFirst() {
            for index in sum.indices { unsafe sum[index] += Double(other.pointer[index]) }
        }
        return sum
    }

    /// An orthonormal basis of the columns of a row-major matrix.
    private static func orthonormal(_ values: [Float], _ rows: Int, _ columns: Int) throws -> Matrix {
        try Matrix(rows: rows, columns: columns, rowMajor: values.map(Double.init)).qrFactorization().q
    }

    private static func identity(_ extent: Int) -> FloatBuffer {
        let buffer = FloatBuffer(count: extent * extent)
        for index in 0..<extent { unsafe buffer.pointer[index * (extent + 1)] = 1 }
        return buffer
    }

    /// Random signs.
    private func signs(rows: Int, columns: Int) -> FloatBuffer {
        let buffer = FloatBuffer(count: rows * columns)
        var words = [UInt32](repeating: 0, count: buffer.count)
        unsafe cnk_random_words(stream, 0, &words, words.count)
        for (index, word) in words.enumerated() { unsafe buffer.pointer[index] = word >> 31 == 0 ? 1 : -1 }
        return buffer
    }
}
