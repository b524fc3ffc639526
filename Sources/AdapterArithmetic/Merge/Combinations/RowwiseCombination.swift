import LinearAlgebra

/// A linear combination that gives each row, or each column, of ΔW coefficients of its own.
///
/// A row of ΔWᵢ is the row of Bᵢ times Aᵢ, so coefficients by row multiply the rows of B and the result is exact on
/// factors; so do coefficients by column with the columns of A.
///
/// mergekit's `nuslerp` has rows as `nuslerp_flatten: false` and columns as `nuslerp_row_wise: true` beside it, and its
/// `model_stock` has rows as `filter_wise: true`.
struct RowwiseCombination: ApproximationRule {
    /// The rows that are worked on at a time, so that their inner products take little memory.
    private static let panel = 256

    /// What finds the coefficients of a row.
    let rule: any CombinationRule
    /// Whether columns take the place of rows.
    let isColumnwise: Bool

    var inputCounts: ClosedRange<Int> { rule.inputCounts }

    func approximation(_ module: ModuleTerms, slice: Int, rank: Int) throws -> Approximation {
        try module.checkGramMemory()
        let updates = try module.updates(ofSlice: slice)
        let combined = try byRows(isColumnwise ? updates.map(\.transposed) : updates, module)
        return try Approximation(isColumnwise ? combined.transposed : combined, rank: rank)
    }

    /// The combination, as factors side by side.
    ///
    /// - Complexity: O(m·R² + n·R²) for m rows and n columns.
    private func byRows(_ updates: [FactorPair], _ module: ModuleTerms) throws -> FactorPair {
        var b = try Matrix.horizontally(updates.map(\.b))
        let aTransposed = try Matrix.horizontally(updates.map(\.aTransposed))
        let inA = try aTransposed.gram()
        var end = 0
        let parts = updates.map { update in
            defer { end += update.b.columns }
            return end..<end + update.b.columns
        }
        for start in stride(from: 0, to: b.rows, by: RowwiseCombination.panel) {
            let rows = start..<min(start + RowwiseCombination.panel, b.rows)
            let products = try RowwiseCombination.products(b.rows(rows), inA, parts)
            for row in rows {
                let coefficients = try rule.coefficients(
                    try gram(of: row - start, products, module), weights: module.weights)
                for (term, part) in zip(module.terms, parts) {
                    for column in part { b[row, column] *= coefficients[term.position] }
                }
            }
        }
        return FactorPair(b: b, aTransposed: aTransposed)
    }

    /// The inner products of each row of two updates, (row of Bᵢ)·Aᵢ·Aⱼᵀ·(row of Bⱼ)ᵀ, for each pair with j ≥ i.
    private static func products(_ b: Matrix, _ inA: Matrix, _ parts: [Range<Int>]) throws -> [[[Double]]] {
        try parts.indices.map { first in
            let left = try b.columns(parts[first]).product(inA.rows(parts[first]))
            return parts[first...].map { part in
                var sums = [Double](repeating: 0, count: b.rows)
                for column in part {
                    for (row, (x, y)) in zip(left.column(column), b.column(column)).enumerated() { sums[row] += x * y }
                }
                return sums
            }
        }
    }

    private func gram(of row: Int, _ products: [[[Double]]], _ module: ModuleTerms) throws -> Gram {
        let count = module.weights.count
        var sums = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
        for first in products.indices {
            for (offset, values) in products[first].enumerated() {
                let (one, two) = (module.terms[first].position, module.terms[first + offset].position)
                sums[one][two] = values[row]
                sums[two][one] = values[row]
            }
        }
        return try Gram(rounded: sums)
    }
}
