public import Adapters
import Tensors

/// An adapter with other ranks.
public enum Resize {
    /// The adapter with smaller ranks, each module the best approximation of that rank.
    ///
    /// Ranks never grow, see ``Pad``, and none is smaller than 1. Modules that keep their rank and type keep their factors
    /// bit for bit. A new module has a scaling of 1 and √S in A and in B. The matrices of a stack share one rank.
    ///
    /// Tensors are computed when they are read. Ranks that depend on singular values are chosen at once, which reads all
    /// factors.
    ///
    /// - Parameter label: what messages call the adapter.
    /// - Throws: ``ArithmeticError`` with code `invalidOption`, `noInput` when no module has an update, `notLinear` for what
    ///   only its base model gives a meaning, such as DoRA, `nonFinite`, `overflow` or `limitExceeded`; what reading the
    ///   adapter throws.
    /// - Complexity: O((m + n)·r²) for each m × n weight.
    public static func resize(_ adapter: Adapter, _ options: ResizeOptions, label: String = "the adapter") throws
        -> ComputedAdapter
    {
        try options.check()
        let input = MergeInput(adapter: adapter, label: label)
        guard !adapter.updates.isEmpty else {
            throw ArithmeticError(.noInput, "Unable to resize '\(label)': it has no low-rank update.")
        }
        var mergeOptions = options.mergeOptions
        if options.error != nil || options.budget != nil {
            mergeOptions.ranks = try ranks(of: input, options)
        }
        let resized = try Merge.merge([input], options: mergeOptions)
        var result = resized.adapter
        result.notes = adapter.notes
        return ComputedAdapter(adapter: result, engine: resized.engine)
    }

    /// The ranks that an error or a budget gives the modules.
    private static func ranks(of input: MergeInput, _ options: ResizeOptions) throws -> [String: Int] {
        let planner = MergePlanner(inputs: [input], options: options.mergeOptions)
        let names = input.adapter.updates.map(\.name)
        let modules = try Concurrent.map(names) { try spectrum(of: $0, planner, options) }
        let selection = RankSelection(modules)
        let ranks: [Int]
        if let budget = options.budget {
            guard let found = selection.ranks(within: budget) else {
                throw ArithmeticError(
                    .invalidOption,
                    "Unable to resize '\(input.label)': rank 1 of its \(names.count) modules takes \(selection.leastCost) "
                        + "parameters, the budget is \(budget). Allow more with --budget.")
            }
            ranks = found
        } else {
            let error = options.error ?? 0
            guard let found = selection.ranks(missing: error * error) else {
                throw ArithmeticError(
                    .invalidOption,
                    "Unable to resize '\(input.label)': with ranks up to \(options.rank ?? 0) the relative error is "
                        + "\(selection.leastMissing.squareRoot()), \(error) is asked for. Use a larger --rank or none.")
            }
            ranks = found
        }
        return Dictionary(zip(names, ranks), uniquingKeysWith: { first, _ in first })
    }

    private static func spectrum(of name: String, _ planner: MergePlanner, _ options: ResizeOptions) throws
        -> RankSelection.Module
    {
        guard let terms = try planner.terms(name) else { return RankSelection.Module(cost: 0, values: [], limit: 1) }
        let plan = SumPlan(module: terms, rule: nil, action: .truncate, rank: 1, keepsScalingOutside: false)
        let spectra = try plan.spectra()
        let values = (0..<(spectra.map(\.count).max() ?? 0)).map { index in
            spectra.compactMap { index < $0.count ? $0[index] : nil }
        }
        // Within the memory that spectra() has checked.
        let cost = terms.layout.count * (terms.layout.rows + terms.layout.columns)
        return RankSelection.Module(cost: cost, values: values, limit: options.rank ?? .max)
    }
}
