import LinearAlgebra
import Tensors

/// A method that makes factors of its own.
protocol ApproximationRule: Sendable {
    /// Whether one module keeps all processors busy.
    var usesAllProcessors: Bool { get }

    /// The rank of the result when none is asked for.
    func defaultRank(_ module: ModuleTerms) -> Int

    /// One slice of the result, with a given rank.
    func approximation(_ module: ModuleTerms, slice: Int, rank: Int) throws -> Approximation
}

extension ApproximationRule {
    var usesAllProcessors: Bool { false }
    func defaultRank(_ module: ModuleTerms) -> Int { module.capacity }
}

/// Factors of a given rank, and what they lost against the method's result in full.
struct Approximation {
    /// The factors, filled up with zeros to the rank.
    let factors: FactorPair
    /// The singular values of their product, descending.
    let spectrum: [Double]
    /// What was lost.
    let loss: Loss

    /// The best approximation of a product that is the method's result.
    init(_ exact: FactorPair, rank: Int) throws {
        let (factors, spectrum) = try exact.truncated(to: rank)
        let dropped = spectrum.dropFirst(rank)
        self.factors = factors
        self.spectrum = Array(spectrum.prefix(rank))
        loss = Loss(
            deltaNorm: Matrix.norm(spectrum[...]), truncationError: Matrix.norm(dropped),
            largestDropped: dropped.first ?? 0)
    }

    /// The best approximation within the range that was found.
    init(_ found: RangeFinder.Result, rank: Int) throws {
        let (factors, spectrum) = try found.factors.truncated(to: rank)
        let dropped = spectrum.dropFirst(rank)
        self.factors = factors
        self.spectrum = Array(spectrum.prefix(rank))
        loss = Loss(
            deltaNorm: found.norm, truncationError: Matrix.norm([found.residual, Matrix.norm(dropped)]),
            largestDropped: dropped.first ?? 0)
    }

    /// Factors with a loss of their own.
    init(_ factors: FactorPair, rank: Int, loss: Loss) throws {
        let (factors, spectrum) = try factors.truncated(to: rank)
        self.factors = factors
        self.spectrum = Array(spectrum.prefix(rank))
        self.loss = loss
    }
}

/// The update of one module by such a method.
struct ApproximationPlan: UpdatePlan {
    let module: ModuleTerms
    let rule: any ApproximationRule
    var rank: Int

    var usesAllProcessors: Bool { rule.usesAllProcessors }

    func computed() throws -> ComputedModule {
        try checkMemory()
        return try module.describingErrors {
            var (a, b, losses): ([UInt8], [UInt8], [Loss]) = ([], [], [])
            for slice in 0..<module.layout.count {
                let result = try rule.approximation(module, slice: slice, rank: rank)
                let stored = try module.store(result.factors, rank: rank, result.loss)
                a += stored.a
                b += stored.b
                losses.append(stored.loss)
            }
            return ComputedModule(a: a, b: b, certificate: Loss.certificate(losses, name: module.name, rank: rank))
        }
    }

    /// The rank that keeps a share of ‖M‖²: the largest that any slice needs.
    ///
    /// - Throws: ``ArithmeticError`` with code `invalidOption` when the largest rank keeps less.
    func requiredRank(energy: Double) throws -> Int {
        try checkMemory()
        return try module.describingErrors {
            var required = 1
            for slice in 0..<module.layout.count {
                let result = try rule.approximation(module, slice: slice, rank: rank)
                let total = result.loss.deltaNorm * result.loss.deltaNorm
                let missed = result.loss.truncationError * result.loss.truncationError
                guard missed <= (1 - energy) * total + 1e-12 * total else {
                    throw ArithmeticError(
                        .invalidOption,
                        "Unable to merge the module '\(module.name)': rank \(rank) keeps \(1 - missed / total) of ‖ΔW‖², "
                            + "\(energy) is asked for. Allow more with --rank, together with --energy, or ask for less.",
                        module: module.name)
                }
                required = max(required, Spectrum.rank(keeping: energy, of: result.spectrum, missing: missed))
            }
            return required
        }
    }

    func checkMemory() throws {
        try module.checkMemory()
        guard module.layout.fitsMemory(inner: 2 * rank + 128, storesAll: false) else {
            throw ArithmeticError(
                .limitExceeded,
                "Unable to merge the module '\(module.name)': rank \(rank) for a weight of \(module.layout.rows) × "
                    + "\(module.layout.columns) is too much to compute with. Use a smaller --rank.", module: module.name
            )
        }
    }
}
