public import Adapters
public import Integrity

/// One adapter of a merge.
public struct MergeInput: Sendable {
    /// The adapter.
    public var adapter: Adapter
    /// Its weight; any finite number, also negative. 0 leaves the adapter out.
    public var weight: Double
    /// What messages call it.
    public var label: String
    /// The adapter's identity, which keys random masks; needed by methods that draw some.
    public var contentRoot: Digest?
    /// What multiplies the weight in single modules, by the module's full name; 1 where there is none. 0 leaves the
    /// adapter out of that module.
    public var factors: [String: Double]

    /// Creates an input.
    public init(
        adapter: Adapter, weight: Double = 1, label: String, contentRoot: Digest? = nil, factors: [String: Double] = [:]
    ) {
        self.adapter = adapter
        self.weight = weight
        self.label = label
        self.contentRoot = contentRoot
        self.factors = factors
    }

    /// The weight in a module.
    func weight(in module: String) -> Double { weight * (factors[module] ?? 1) }
}

extension MergeInput {
    /// Throws when the weight, or its product with the factor of a module, is no finite number.
    ///
    /// - Throws: ``ArithmeticError`` with code `invalidWeight`.
    func requireFiniteWeight(verb: String) throws {
        let products = factors.values.map { weight * $0 }
        guard let weight = ([weight] + products).first(where: { !$0.isFinite }) else { return }
        throw ArithmeticError(
            .invalidWeight, "Unable to \(verb) '\(label)': its weight is \(weight), a finite number is needed.")
    }
}
