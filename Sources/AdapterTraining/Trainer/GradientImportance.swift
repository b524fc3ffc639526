/// How much each weight matters by its gradient: the mean of |W ∘ G| (GoRA, arXiv 2502.12171, equation 3), G over one
/// batch.
final class GradientImportance: LayerProbe {
    /// By layer and linear layer.
    private(set) var values: [UpdateSpecification.Place: Double] = [:]
    private let weights: TransformerWeights<Float>
    private let workers: Workers

    init(_ weights: TransformerWeights<Float>, _ workers: Workers) {
        self.weights = weights
        self.workers = workers
    }

    func input(_ x: MatrixView<Float>, layer: Int, group: Int) {}

    func gradient(_ dy: MatrixView<Float>, _ x: MatrixView<Float>, layer: Int, group: Int) {
        var column = 0
        for (index, linear) in weights.layers[layer].linears.enumerated() {
            let place = UpdateSpecification.Place(layer: layer, linear: index)
            guard place.group.index == group else { continue }
            let output = dy.columns(column..<column + linear.weight.rows)
            column += linear.weight.rows
            values[place] = importance(output, x, linear.weight)
        }
    }

    /// Panel by panel, so the gradient of a weight is never held whole.
    private func importance(_ dy: MatrixView<Float>, _ x: MatrixView<Float>, _ weight: FrozenMatrix<Float>) -> Double {
        let parts = Workers.parts(of: weight.rows, size: 64)
        var sums = [Double](repeating: 0, count: parts.count)
        unsafe sums.withUnsafeMutableBufferPointer { sums in
            nonisolated(unsafe) let sums = unsafe sums
            workers.forEach(parts.count) { task, _ in
                let rows = parts[task]
                var views: (gradient: MatrixView<Float>, scratch: MatrixView<Float>)?
                guard
                    let arena = try? Arena<Float>(
                        { ($0.matrix(rows.count, weight.columns), $0.matrix(1, rows.count * weight.columns)) },
                        result: &views), let views
                else {
                    unsafe sums[task] = .nan
                    return
                }
                withExtendedLifetime(arena) {
                    Float.multiply(
                        1, dy.columns(rows), transposed: true, x, transposed: false, adding: 0, to: views.gradient)
                    let panel = weight.panel(rows, 0..<weight.columns, in: views.scratch)
                    let products = zip(panel.elements, views.gradient.elements)
                    unsafe sums[task] = products.reduce(0) { $0 + Double(abs($1.0 * $1.1)) }
                }
            }
        }
        return sums.reduce(0, +) / Double(weight.rows * weight.columns)
    }
}
