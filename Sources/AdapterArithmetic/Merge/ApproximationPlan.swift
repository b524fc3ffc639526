import LinearAlgebra
import Tensors

/// What the result with a smaller rank has to do with that of a larger one.
enum RankDependence {
    /// It is the best part of it.
    case bestPart
    /// It is nearly that, since a random sketch finds it.
    case sketch
    /// It is another result.
    case other
}

/// A method that makes factors of its own.
protocol ApproximationRule: Sendable {
    /// The numbers of adapters it is defined for.
    var inputCounts: ClosedRange<Int> { get }

    /// Whether one module keeps all processors busy.
    var usesAllProcessors: Bool { get }

    /// What the result with a smaller rank has to do with that of a larger one.
    var rankDependence: RankDependence { get }

    /// The largest rank that the result can have; more would be columns of zeros.
    func largestRank(_ module: ModuleTerms) -> Int

    /// The rank of the result when none is asked for, at most the largest.
    func defaultRank(_ module: ModuleTerms) -> Int

    /// The same method after a look at all slices of a module, where it needs one.
    func prepared(_ module: ModuleTerms, rank: Int) throws -> any ApproximationRule

    /// One slice of the result, with a given rank.
    func approximation(_ module: ModuleTerms, slice: Int, rank: Int) throws -> Approximation
}

extension ApproximationRule {
    var inputCounts: ClosedRange<Int> { 1...Int.max }
    var usesAllProcessors: Bool { false }
    var rankDependence: RankDependence { .bestPart }
    func largestRank(_ module: ModuleTerms) -> Int { module.capacity }
    func defaultRank(_ module: ModuleTerms) -> Int { largestRank(module) }
    func prepared(_ module: ModuleTerms, rank: Int) throws -> any ApproximationRule { self }
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
        var slices: [StoredSlice] = []
        try forEachSlice { slices.append(try module.store($0.factors, rank: rank, $0.loss)) }
        return ComputedModule(slices, name: module.name, rank: rank)
    }

    /// The smallest rank, at most `limit`, that keeps a share of ‖M‖² in every slice; the limit, where that keeps less.
    ///
    /// Ranks are tried from this plan's on, each twice the one before.
    ///
    /// - Throws: ``ArithmeticError`` with code `invalidOption` when the largest rank that there is keeps less.
    func requiredRank(energy: Double, limit: Int?) throws -> Int {
        let largest = rule.largestRank(module)
        let limit = min(limit ?? largest, largest)
        var (plan, tooSmall) = (self, 0)
        plan.rank = min(rank, limit)
        while true {
            let trial = try plan.trial(energy)
            if let enough = trial.rank {
                switch rule.rankDependence {
                case .bestPart: return enough
                case .sketch: return try plan.sufficient(energy, from: enough)
                case .other: return try smallest(energy, tooSmall, plan.rank)
                }
            }
            tooSmall = plan.rank
            guard tooSmall < limit else {
                guard limit == largest else { return limit }
                throw ArithmeticError(
                    .invalidOption,
                    "Unable to \(module.verb) the module '\(module.name)': rank \(limit), the largest there is, keeps "
                        + "\(trial.kept) of ‖ΔW‖², \(energy) is asked for. Use --rank, or ask for less.",
                    module: module.name)
            }
            plan.rank = min(2 * plan.rank, limit)
        }
    }

    /// The first rank from one that should suffice on that does; this plan's does.
    private func sufficient(_ energy: Double, from first: Int) throws -> Int {
        var plan = self
        plan.rank = first
        while plan.rank < rank, try plan.trial(energy).rank == nil { plan.rank += 1 }
        return plan.rank
    }

    /// The smallest rank that suffices, by bisection between one that does not and one that does.
    private func smallest(_ energy: Double, _ tooSmall: Int, _ enough: Int) throws -> Int {
        var (low, high, plan) = (tooSmall, enough, self)
        while high - low > 1 {
            plan.rank = low + (high - low) / 2
            if try plan.trial(energy).rank == nil { low = plan.rank } else { high = plan.rank }
        }
        return high
    }

    /// The share of ‖M‖² that this rank keeps, the least of all slices; and of the ranks up to this the smallest that
    /// keeps enough, nil when none does.
    private func trial(_ energy: Double) throws -> (rank: Int?, kept: Double) {
        var (required, kept): (Int?, Double) = (1, 1)
        try forEachSlice { result in
            let total = result.loss.deltaNorm * result.loss.deltaNorm
            let missed = result.loss.truncationError * result.loss.truncationError
            kept = min(kept, total > 0 ? 1 - missed / total : 1)
            // What is summed in another order may differ by rounding.
            guard missed <= (1 - energy + 1e-12) * total else { return required = nil }
            required = required.map { max($0, Spectrum.rank(keeping: energy, of: result.spectrum, missing: missed)) }
        }
        return (required, kept)
    }

    /// Computes one slice after the other.
    func forEachSlice(_ body: (Approximation) throws -> Void) throws {
        try checkMemory()
        try module.describingErrors {
            let rule = try rule.prepared(module, rank: rank)
            for slice in 0..<module.layout.count {
                try body(try rule.approximation(module, slice: slice, rank: rank))
            }
        }
    }

    private func checkMemory() throws {
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
