import LinearAlgebra

/// A method that merges the cores Uᵀ·ΔWᵢ·V of a module in common bases U and V with orthonormal columns.
protocol SubspaceRule: ApproximationRule {
    /// What merges the cores.
    var inner: CoreMerge { get set }

    /// The bases of one slice's updates.
    func bases(_ updates: [FactorPair], rank: Int) throws -> (u: Matrix, v: Matrix)
}

extension SubspaceRule {
    var inputCounts: ClosedRange<Int> {
        switch inner {
        case .combination(let rule): rule.inputCounts
        case .sum, .elements, .factors: 1...Int.max
        }
    }

    /// A combination has the same coefficients in all slices, so all of them are looked at first.
    func prepared(_ module: ModuleTerms, rank: Int) throws -> any ApproximationRule {
        guard case .combination(let combination) = inner, module.layout.count > 1 else { return self }
        var rule = self
        rule.inner = .sum(
            try combination.coefficients(module, slices: 0..<module.layout.count) { slice in
                let updates = try module.updates(ofSlice: slice)
                let (u, v) = try bases(updates, rank: rank)
                return try updates.map { try $0.core(u, v) }
            })
        return rule
    }

    /// U times the merged core, and V.
    func merged(_ updates: [FactorPair], _ module: ModuleTerms, slice: Int, rank: Int) throws -> FactorPair {
        let (u, v) = try bases(updates, rank: rank)
        let core = try inner.merged(try updates.map { try $0.core(u, v) }, module, slice: slice, rank: rank)
        return FactorPair(b: try u.product(core), aTransposed: v)
    }
}

extension FactorPair {
    /// Uᵀ·B·A·V for bases with orthonormal columns.
    func core(_ u: Matrix, _ v: Matrix) throws -> Matrix {
        try u.product(b, transposingSelf: true).product(
            v.product(aTransposed, transposingSelf: true), transposingOther: true)
    }
}
