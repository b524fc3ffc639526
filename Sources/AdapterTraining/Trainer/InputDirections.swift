internal import LinearAlgebra

/// The directions in which the inputs of linear layers vary most, by incremental principal component analysis, which
/// keeps some directions of what it has seen and no more.
final class InputDirections: LayerProbe {
    /// What is known of the inputs of a group.
    struct Components {
        var count = 0
        var mean: [Double] = []
        /// The directions times their standard deviations times √count, a row each.
        var scaled: Matrix?
        var values: [Double] = []
        /// The sum of squares of all deviations from the mean.
        var total = 0.0
    }

    /// By layer and group.
    private(set) var components: [[Components]]
    private let count: Int
    private let seed: UInt64
    private(set) var failure: (any Error)?

    /// - Parameter count: the directions to keep.
    init(layerCount: Int, count: Int, seed: UInt64) {
        components = Array(repeating: Array(repeating: Components(), count: 4), count: layerCount)
        self.count = count
        self.seed = seed
    }

    /// The parts of the variance of a layer's inputs that its directions explain, descending.
    func ratios(of place: UpdateSpecification.Place) -> [Double] {
        let known = components[place.layer][place.group.index]
        return known.values.map { known.total > 0 ? $0 * $0 / known.total : 0 }
    }

    /// The directions of a layer's inputs, of length 1, row by row.
    func directions(of place: UpdateSpecification.Place) -> [Double] {
        let known = components[place.layer][place.group.index]
        guard let scaled = known.scaled else { return [] }
        let elements = scaled.rowMajor
        return known.values.enumerated().flatMap { row, value in
            elements[row * scaled.columns..<(row + 1) * scaled.columns].map { value > 0 ? $0 / value : 0 }
        }
    }

    func gradient(_ dy: MatrixView<Float>, _ x: MatrixView<Float>, layer: Int, group: Int) {}

    func input(_ x: MatrixView<Float>, layer: Int, group: Int) {
        guard failure == nil else { return }
        do {
            try add(x, to: &components[layer][group], name: "\(layer).\(group)")
        } catch {
            failure = error
        }
    }

    /// Ross et al., "Incremental Learning for Robust Visual Tracking", 2008: the kept directions, the new rows less
    /// their mean, and a row for the difference of the means.
    private func add(_ x: MatrixView<Float>, to known: inout Components, name: String) throws {
        let rows = (0..<x.rows).map { row in x.rows(row..<row + 1).elements.map { Double($0) } }
        var mean = [Double](repeating: 0, count: x.columns)
        for row in rows { for (index, value) in row.enumerated() { mean[index] += value } }
        mean = mean.map { $0 / Double(rows.count) }
        var stacked: [Double] = []
        for row in rows { stacked += zip(row, mean).map { $0 - $1 } }
        var parts = [try Matrix(rows: rows.count, columns: x.columns, rowMajor: stacked)]
        known.total += stacked.reduce(0) { $0 + $1 * $1 }
        let all = known.count + rows.count
        if let scaled = known.scaled {
            let weight = (Double(known.count) * Double(rows.count) / Double(all)).squareRoot()
            let shift = zip(known.mean, mean).map { ($0 - $1) * weight }
            known.total += shift.reduce(0) { $0 + $1 * $1 }
            parts += [scaled, try Matrix(rows: 1, columns: x.columns, rowMajor: shift)]
        }
        let old = known.mean.isEmpty ? mean : known.mean
        known.mean = zip(old, mean).map { ($0 * Double(known.count) + $1 * Double(rows.count)) / Double(all) }
        known.count = all
        var random = CounterBasedRandom(seed: seed, name: name)
        let leading = try LeadingSingularValues(
            Matrix.vertically(parts), count: min(count, rows.count, x.columns), &random)
        known.values = leading.values
        known.scaled = try leading.vTransposed.transposed().scalingColumns(by: leading.values).transposed()
    }
}
