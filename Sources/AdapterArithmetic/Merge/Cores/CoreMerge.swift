import LinearAlgebra

/// What merges the cores of a module: any method, since bases with orthonormal columns keep angles and singular values.
enum CoreMerge: Sendable {
    /// Adds them, with the adapters' weights or with coefficients by position.
    case sum([Double]? = nil)
    /// A linear combination, with the coefficients of one slice by itself.
    case combination(any CombinationRule)
    /// On their elements.
    case elements(any ElementRule)
    /// On their singular vectors.
    case factors(any CoreRule)

    /// The merged core of one slice.
    ///
    /// - Parameter cores: one for each term, all of one shape.
    func merged(_ cores: [Matrix], _ module: ModuleTerms, slice: Int, rank: Int) throws -> Matrix {
        let (rows, columns) = (cores[0].rows, cores[0].columns)
        guard rows > 0, columns > 0 else { return cores[0] }
        switch self {
        case .sum(let coefficients):
            return try zip(module.terms, cores).reduce(try Matrix(zeros: rows, columns)) { sum, element in
                let coefficient = coefficients?[element.0.position] ?? element.0.weight
                return try sum.subtracting(element.1.scaled(by: -coefficient))
            }
        case .combination(let rule):
            let coefficients = try rule.coefficients(module, slices: slice..<slice + 1) { _ in cores }
            return try CoreMerge.sum(coefficients).merged(cores, module, slice: slice, rank: rank)
        case .elements(let rule):
            return try CoreElements(module: module, slice: slice).merged(cores, by: rule)
        case .factors(let rule):
            let identity = try Matrix(identity: columns)
            let result = try rule.merged(
                cores.map { FactorPair(b: $0, aTransposed: identity) }, module, slice: slice, rank: rank)
            return try result.b.product(result.aTransposed, transposingOther: true)
        }
    }
}

extension CombinationRule {
    /// The coefficients by position, from the cores of some slices together.
    func coefficients(_ module: ModuleTerms, slices: Range<Int>, cores: (Int) throws -> [Matrix]) throws -> [Double] {
        // Only shares count, and one adapter has all of it.
        guard module.weights.count > 1 else { return [1] }
        return try coefficients(try Gram(module, slices: slices, cores: cores), weights: module.weights)
    }
}
