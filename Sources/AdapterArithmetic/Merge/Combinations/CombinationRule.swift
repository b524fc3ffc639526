import LinearAlgebra

/// A method whose result is a linear combination of its inputs with coefficients that depend on their inner products.
///
/// So the result is exact on factors, and ΔW is never formed. Adapters are vectors from the origin: where a definition
/// knows a base model, its weights are 0.
protocol CombinationRule: Sendable {
    /// The numbers of adapters it is defined for.
    var inputCounts: ClosedRange<Int> { get }

    /// The coefficient of each ΔW.
    ///
    /// - Parameters:
    ///   - gram: the inner products ⟨ΔWᵢ, ΔWⱼ⟩ of two adapters or more.
    ///   - weights: the adapters' weights, none 0.
    /// - Throws: ``ArithmeticError`` with code `invalidWeight` when the weights have no meaning for this method.
    func coefficients(_ gram: Gram, weights: [Double]) throws -> [Double]
}

extension CombinationRule {
    /// The weights divided by their sum.
    func normalized(_ weights: [Double], method: String) throws -> [Double] {
        let sum = weights.reduce(0, +)
        guard sum.magnitude > 1e-6 * weights.reduce(0, { $0 + $1.magnitude }), sum.isFinite else {
            throw ArithmeticError(
                .invalidWeight,
                "Unable to merge by \(method): the weights add up to \(sum), and only their shares count. "
                    + "Use weights with another sum.")
        }
        return weights.map { $0 / sum }
    }
}

/// The inner products of several ΔW.
struct Gram: Sendable {
    /// ⟨ΔWᵢ, ΔWⱼ⟩.
    let products: [[Double]]

    init(_ products: [[Double]]) {
        self.products = products
    }

    /// The number of ΔW.
    var count: Int { products.count }

    /// ‖ΔWᵢ‖.
    var norms: [Double] { products.indices.map { products[$0][$0].squareRoot() } }

    /// The cosines of the angles between them; 0 for a ΔW of zeros.
    var cosines: [[Double]] {
        let norms = norms
        return products.indices.map { row in
            products.indices.map { column in
                guard norms[row] > 0, norms[column] > 0 else { return 0 }
                // Divided one after the other, as the product of two norms may underflow.
                return min(max(products[row][column] / norms[row] / norms[column], -1), 1)
            }
        }
    }

    /// ‖Σ cᵢ·ΔWᵢ‖ for unit vectors in place of ΔWᵢ, given their cosines.
    static func norm(_ coefficients: [Double], _ cosines: [[Double]]) -> Double {
        var sum = 0.0
        for (row, first) in coefficients.enumerated() {
            for (column, second) in coefficients.enumerated() { sum += first * second * cosines[row][column] }
        }
        return max(0, sum).squareRoot()
    }
}

extension Gram {
    /// The inner products of one module's inputs, over all its slices.
    ///
    /// - Complexity: O((m + n)·R²) for each m × n slice, R the sum of the ranks.
    /// - Throws: ``ArithmeticError`` with code `limitExceeded` when R is too large; what reading throws.
    init(_ module: ModuleTerms) throws {
        try module.checkGramMemory()
        let count = module.weights.count
        var sums = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
        for slice in 0..<module.layout.count {
            let parts = try module.updates(ofSlice: slice)
            let b = try Matrix.horizontally(parts.map(\.b))
            let a = try Matrix.horizontally(parts.map(\.aTransposed))
            // ⟨B₁A₁, B₂A₂⟩ is the sum of the products of the elements of B₁ᵀB₂ and A₁A₂ᵀ.
            let inB = try b.gram()
            let inA = try a.gram()
            let ends = parts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.b.columns) }
            for (first, row) in module.terms.map(\.position).enumerated() {
                for (second, column) in module.terms.map(\.position).enumerated() {
                    for j in ends[first]..<ends[first + 1] {
                        for k in ends[second]..<ends[second + 1] { sums[row][column] += inB[j, k] * inA[j, k] }
                    }
                }
            }
        }
        try self.init(rounded: sums)
    }

    /// The inner products of a module's cores over some slices.
    ///
    /// - Parameter cores: gives those of a slice, one for each term, all of one shape.
    init(_ module: ModuleTerms, slices: Range<Int>, cores: (Int) throws -> [Matrix]) throws {
        let count = module.weights.count
        var sums = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
        for slice in slices {
            let cores = try cores(slice)
            for (first, one) in zip(module.terms, cores) {
                for (second, two) in zip(module.terms, cores) {
                    sums[first.position][second.position] += zip(one.elements, two.elements).reduce(0) {
                        $0 + $1.0 * $1.1
                    }
                }
            }
        }
        try self.init(rounded: sums)
    }

    /// Inner products that were computed with rounding.
    init(rounded sums: [[Double]]) throws(LinearAlgebraError) {
        guard sums.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
            throw LinearAlgebraError(.nonFinite, "An inner product exceeds the range of binary64.")
        }
        // Rounding may leave a trace of asymmetry and, for ΔW = 0, a sign.
        products = sums.indices.map { row in
            sums.indices.map { column in
                row == column ? max(0, sums[row][row]) : (sums[row][column] + sums[column][row]) / 2
            }
        }
    }
}
