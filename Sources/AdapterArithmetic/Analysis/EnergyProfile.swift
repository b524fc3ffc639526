import Adapters
import LinearAlgebra
import Tensors

/// How much of a merge's result the best adapter of a rank can keep: the share of ‖ΔW‖_F², for several ranks.
public struct EnergyProfile: Hashable, Sendable {
    /// The method whose result it is.
    public let method: MergeMethod
    /// The ranks, ascending.
    public let ranks: [Int]
    /// The modules, ascending by name.
    public let modules: [Module]

    /// The profile of one module.
    public struct Module: Hashable, Sendable {
        /// The module's name.
        public let name: String
        /// ‖ΔW‖_F of the method's result in full rank.
        public let norm: Double
        /// The share of ‖ΔW‖_F² that each rank keeps; 1 where ΔW = 0.
        public let kept: [Double]
    }

    /// The share that each rank keeps over all modules.
    public var kept: [Double] {
        let largest = modules.map(\.norm).max() ?? 0
        guard largest > 0 else { return ranks.map { _ in 1 } }
        let weights = modules.map { ($0.norm / largest) * ($0.norm / largest) }
        let sum = weights.reduce(0, +)
        return ranks.indices.map { rank in
            zip(weights, modules).reduce(0) { $0 + $1.0 * $1.1.kept[rank] } / sum
        }
    }
}

extension EnergyProfile {
    /// Computes the profile of a method.
    ///
    /// - Parameters:
    ///   - options: the method and its parameters; ranks and energies in it have no part in this.
    ///   - ranks: at least 1 each.
    ///   - progress: told how many bytes of factors are done.
    /// - Throws: ``ArithmeticError``: `invalidOption` for a method that has no result in full rank (on factors, or
    ///   ``MergeMethod/compressThenMerge``) or that takes another number of adapters; `differentBase`, `shapeMismatch`, `nonFinite`, `overflow` or
    ///   `limitExceeded`; what reading throws.
    /// - Complexity: that of the merge with the largest of the ranks.
    public init(
        of inputs: [MergeInput], options: MergeOptions, ranks: [Int], progress: @Sendable (Int) -> Void = { _ in }
    ) throws {
        var options = options
        (options.rank, options.energy, options.reducesRank) = (nil, nil, false)
        try options.check()
        let inputs = inputs.filter { $0.weight != 0 }
        try Merge.requireCount(inputs.count, options)
        if !options.allowDifferentBase { try AdapterComparison.requireOneBase(inputs) }
        let ranks = Set(ranks.map { max(1, $0) }).sorted()
        let (definition, chosen) = (options.method.definition(options), options.method)
        let modules = try ModuleTerms.common(inputs)
        let isParallel = !definition.usesAllProcessors
        @Sendable func profile(_ module: ModuleTerms) throws -> Module {
            let results = try module.describingErrors {
                try definition.spectra(module, rank: ranks.last ?? 1, method: chosen)
            }
            progress(module.factorByteCount)
            return Module(name: module.name, results, ranks)
        }
        method = chosen
        self.ranks = ranks
        self.modules = try isParallel ? Concurrent.map(modules, profile) : modules.map(profile)
    }
}

extension EnergyProfile.Module {
    /// A module from the leading singular values and the norm of each of its blocks.
    fileprivate init(name: String, _ blocks: [(values: [Double], norm: Double)], _ ranks: [Int]) {
        let total = Matrix.norm(blocks.map(\.norm)[...])
        self.name = name
        norm = total
        kept = ranks.map { rank in
            guard total > 0 else { return 1 }
            let part = Matrix.norm(blocks.map { Matrix.norm($0.values.prefix(rank)) }[...]) / total
            return min(1, part * part)
        }
    }
}

extension MergeDefinition {
    /// The leading singular values of the result's blocks, and the norms of the blocks.
    fileprivate func spectra(
        _ module: ModuleTerms, rank: Int, method: MergeMethod
    ) throws -> [(values: [Double], norm: Double)] {
        let slices = 0..<module.layout.count
        switch self {
        case .sum: return try sum(module, rule: nil)
        case .combination(let rule, .whole): return try sum(module, rule: module.weights.count > 1 ? rule : nil)
        case .combination(let rule, let unit):
            guard module.weights.count > 1 else { return try sum(module, rule: nil) }
            return try approximate(module, RowwiseCombination(rule: rule, isColumnwise: unit == .column), .max)
        case .elements(let rule): return try approximate(module, ElementMerge(rule: rule), rank)
        // Small, so all of it at once; and some cores depend on the rank that is asked for.
        case .core(let rule) where !(rule is CompressThenMerge):
            return try approximate(module, rule, .max)
        case .core, .factors:
            throw ArithmeticError(
                .invalidOption,
                "Unable to inspect what \(method.rawValue) keeps: it has no result in full rank. Use --method exact.",
                module: module.name)
        }

        func sum(_ module: ModuleTerms, rule: (any CombinationRule)?) throws -> [(values: [Double], norm: Double)] {
            try module.checkMemory(storesAll: false)
            let plan = SumPlan(
                module: module, rule: rule, action: .truncate, rank: module.capacity, keepsScalingOutside: false)
            let coefficients = try plan.innerCoefficients()
            return try slices.map { slice in
                let values = try plan.factors(ofSlice: slice, coefficients).spectrum()
                return (values, Matrix.norm(values[...]))
            }
        }

        func approximate(
            _ module: ModuleTerms, _ rule: any ApproximationRule, _ rank: Int
        ) throws -> [(values: [Double], norm: Double)] {
            let plan = ApproximationPlan(module: module, rule: rule, rank: min(rank, rule.largestRank(module)))
            var blocks: [(values: [Double], norm: Double)] = []
            try plan.forEachSlice { blocks.append(($0.spectrum, $0.loss.deltaNorm)) }
            return blocks
        }
    }
}
