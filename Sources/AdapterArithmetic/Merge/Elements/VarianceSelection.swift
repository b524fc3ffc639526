import CNumericKernels

/// SCE (arXiv 2408.07990), as mergekit's `sce`: keep the elements that vary most over the adapters, weigh each adapter by
/// the mean square of what is kept of it, erase the elements that disagree with the sign of the sum.
///
/// mergekit takes equal weights when the mean squares add up to less than 10⁻⁶. Those of adapters mostly do, so here that
/// is so only when they are 0.
struct VarianceSelection: ElementRule {
    /// The share kept of the elements that vary.
    let density: Double

    init(_ options: MergeOptions) { density = options.shareKept }

    func prepared(_ elements: Elements) throws -> any PreparedElementRule {
        guard elements.weights.allSatisfy({ $0 == elements.weights[0] }) else {
            throw ArithmeticError(
                .invalidWeight,
                "Unable to merge the module '\(elements.masks.module.name)' by sce: it finds the weights by itself. "
                    + "Give every adapter the same.", module: elements.masks.module.name)
        }
        let grid = elements.grid
        let inputCount = elements.inputCount
        var selection: MagnitudeCut?
        if density < 1 {
            let varying = try MagnitudeCut.nonzeroCount(in: grid) { try $0.variances(inputCount) }
            selection = try MagnitudeCut.largest(density.share(of: varying), in: grid) {
                try $0.variances(inputCount)
            }
        }
        let count = grid.source.count
        let chosen = selection
        let bands = try grid.pass { _ in
            [Double](repeating: 0, count: count)
        } _: { sums, tile in
            try tile.loadSelected(chosen, inputCount)
            for input in 0..<count { unsafe sums[input] += cnk_sum_squares(tile.elements(input).pointer, tile.count) }
        }
        let squares = (0..<count).map { input in bands.reduce(0) { $0 + $1[input] } }
        let sum = squares.reduce(0, +)
        let weights = squares.map { Float(sum > 0 ? $0 / sum : 1 / Double(count)) }
        return PreparedVarianceSelection(selection: selection, inputCount: inputCount, weights: weights)
    }
}

/// SCE with its selection and its weights.
private struct PreparedVarianceSelection: PreparedElementRule {
    let selection: MagnitudeCut?
    let inputCount: Int
    let weights: [Float]

    func merge(_ tile: ElementTile) throws {
        try tile.loadSelected(selection, inputCount)
        tile.add(weights, election: .total, divisor: .weights)
    }
}

extension ElementTile {
    /// Reads all matrices and computes the variance of each element over `inputCount` adapters.
    fileprivate func variances(_ inputCount: Int) throws -> TileElements {
        try loadAll()
        unsafe cnk_variance(elements(0).pointer, stride, sourceCount, inputCount, merged.pointer, count)
        return merged
    }

    /// Reads all matrices and makes 0 of the elements that are not selected.
    fileprivate func loadSelected(_ selection: MagnitudeCut?, _ inputCount: Int) throws {
        guard let selection else { return try loadAll() }
        let variances = try variances(inputCount)
        // What is not selected becomes 0 here and, by that, in every matrix.
        MagnitudeMask(kept: selection).apply(to: variances, of: self)
        for input in 0..<sourceCount { unsafe cnk_keep_where(elements(input).pointer, variances.pointer, count, 1) }
    }
}
