import Adapters
import LinearAlgebra
import Tensors

/// The update of one module from a rule on its factors.
struct FactorPlan: UpdatePlan {
    let module: ModuleTerms
    let rule: FactorRule
    var rank: Int { module.terms[0].update.rank }

    /// - Throws: ``ArithmeticError`` with code `shapeMismatch` when ranks differ.
    init(module: ModuleTerms, rule: FactorRule) throws {
        self.module = module
        self.rule = rule
        let first = module.terms[0]
        if let other = module.terms.first(where: { $0.update.rank != first.update.rank }) {
            throw ArithmeticError(
                .shapeMismatch,
                "Unable to merge the module '\(module.name)' as PEFT does: its rank is \(first.update.rank) in "
                    + "'\(first.label)' and \(other.update.rank) in '\(other.label)'. Use a method without compat.",
                module: module.name)
        }
    }

    func computed() throws -> ComputedModule {
        try module.checkMemory()
        return try module.describingErrors {
            // PEFT takes roots in binary64 and rounds them to binary32.
            let roots = module.terms.map { Float($0.coefficient.magnitude.squareRoot()) }
            let signed = zip(module.terms, roots).map { $0.coefficient < 0 ? -$1 : $1 }
            let a = try merged(\.a, "A", weights: signed, .factorA)
            let b = try merged(\.b, "B", weights: roots, .factorB)
            let bytes = (a: try Rounding.bytes(a, module.dtype), b: try Rounding.bytes(b, module.dtype))
            let stored = (
                a: Widening.doubles(bytes.a, module.dtype), b: Widening.doubles(bytes.b, module.dtype)
            )
            let losses = try (0..<module.layout.count).map { try loss(ofSlice: $0, a, b, stored.a, stored.b) }
            return ComputedModule(
                a: bytes.a, b: bytes.b, certificate: Loss.certificate(losses, name: module.name, rank: rank))
        }
    }

    /// One factor of the result, all slices.
    private func merged(
        _ factor: KeyPath<LowRankUpdate, Tensor>, _ name: String, weights: [Float], _ domain: MaskKeys.Domain
    ) throws -> [Double] {
        let matrices = try module.terms.map { term in
            let values = try term.update[keyPath: factor].doubles()
            try ArithmeticError.requireFinite(values, label: term.label, module: module.name, tensor: name)
            return FloatBuffer(rounding: values)
        }
        let shape = module.terms[0].update[keyPath: factor].shape
        let rows = shape.rank == 3 && module.terms[0].update.kind == .experts ? shape[0] * shape[1] : shape[0]
        let source = StoredElements(rows: rows, columns: shape.elementCount / max(1, rows), matrices: matrices)
        let elements = Elements(
            grid: ElementGrid(source), weights: weights, inputCount: module.weights.count,
            masks: MaskKeys(module: module, slice: 0, domain: domain))
        return try MergedElements(rule.rule, of: elements).collected().doubles
    }

    /// How far a slice is from the exact sum, which is what adding adapters means.
    private func loss(
        ofSlice slice: Int, _ a: [Double], _ b: [Double], _ storedA: [Double], _ storedB: [Double]
    ) throws -> Loss {
        func part(_ values: [Double]) -> [Double] {
            let count = values.count / module.layout.count
            return Array(values[slice * count..<(slice + 1) * count])
        }
        let exact = try FactorPair.sum(try module.updates(ofSlice: slice), module.terms.map(\.weight))
        let result = try module.pair(a: part(a), b: part(b), inner: rank)
        let stored = try module.pair(a: part(storedA), b: part(storedB), inner: rank)
        let difference = try exact.subtracting(result).spectrum()
        let residual = FactorPair(
            b: try result.b.subtracting(stored.b), aTransposed: try result.aTransposed.subtracting(stored.aTransposed))
        return Loss(
            deltaNorm: try exact.norm(), truncationError: Matrix.norm(difference[...]),
            largestDropped: difference.first ?? 0,
            roundingError: try result.distance(toStored: stored, residual: residual))
    }
}
