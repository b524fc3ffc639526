/// Finds out which rank and alpha the parameters of one module have.
///
/// PEFT wraps a module once for each adapted parameter, the later declared ones outside. The tensors' names tell the
/// wrappers apart but not which parameter each adapts, and A holds E·r rows without saying E. So every assignment of
/// parameters to wrappers that gives all of them the same E is tried; they must agree on what the adapter computes.
struct PEFTParameters {
    /// The most parameters of one module that are adapted.
    static let maximumWrapperCount = 5
    /// The most different settings that the parameters of one module may have.
    static let maximumSettingCount = 8

    /// What one wrapper turned out to be.
    struct Wrapper: Hashable {
        let rank: Int
        let alpha: Double
        let expertCount: Int
    }

    /// Parameters with equal settings.
    private struct Setting {
        /// The ranks that the configuration's patterns allow.
        let ranks: [Int]
        let alpha: Double
        /// How many parameters share the setting.
        var count: Int
    }

    private var settings: [Setting] = []

    /// Reads the settings of a module's parameters.
    init(module: String, parameters: [String], configuration: PEFTConfiguration, budget: inout Int) throws {
        for parameter in parameters {
            let name = "\(module).\(parameter)"
            let ranks = try configuration.ranks(for: name, budget: &budget)
            let alpha = try configuration.alpha(for: name, budget: &budget)
            if let index = settings.firstIndex(where: { $0.ranks == ranks && $0.alpha == alpha }) {
                settings[index].count += 1
            } else {
                settings.append(Setting(ranks: ranks, alpha: alpha, count: 1))
            }
            guard settings.count <= PEFTParameters.maximumSettingCount else {
                throw InterchangeError(
                    .limitExceeded, "the parameters of the module '\(module)' have too many different settings",
                    name: module)
            }
        }
    }

    /// The wrappers' ranks and alphas, given the rows of each A.
    ///
    /// - Throws: ``InterchangeError`` with code `configMismatch` when nothing fits, `ambiguousParameter` when several
    ///   assignments fit and differ, `limitExceeded`.
    func resolve(rowCounts: [Int], module: String, budget: inout Int) throws -> [Wrapper] {
        guard rowCounts.count <= PEFTParameters.maximumWrapperCount, let first = rowCounts.first else {
            throw InterchangeError(
                .limitExceeded,
                "the module '\(module)' has \(rowCounts.count) adapted parameters, "
                    + "\(PEFTParameters.maximumWrapperCount) are possible", name: module)
        }
        let expertCounts = Set(
            settings.flatMap(\.ranks).filter { $0 > 0 && first > 0 && first % $0 == 0 }.map { first / $0 })
        var solutions: Set<[Wrapper]> = []
        for expertCount in expertCounts where rowCounts.allSatisfy({ $0 > 0 && $0 % expertCount == 0 }) {
            var counts = settings.map(\.count)
            try assign(
                rowCounts.map { $0 / expertCount }, expertCount, &counts, [], &solutions, module: module,
                budget: &budget)
        }
        guard let solution = solutions.first else {
            throw InterchangeError(
                .configMismatch,
                "the expert tensors of the module '\(module)' have \(rowCounts) rows, which fit no rank that the "
                    + "configuration gives its parameters (\(settings.map(\.ranks)))", name: module)
        }
        return solution
    }

    private func assign(
        _ ranks: [Int], _ expertCount: Int, _ counts: inout [Int], _ chosen: [Wrapper],
        _ solutions: inout Set<[Wrapper]>, module: String, budget: inout Int
    ) throws {
        budget -= 1
        guard budget >= 0 else {
            throw InterchangeError(.limitExceeded, "its parameters take too long to tell apart", name: module)
        }
        guard chosen.count < ranks.count else {
            solutions.insert(chosen)
            guard solutions.count == 1 else {
                throw InterchangeError(
                    .ambiguousParameter,
                    "the parameters of the module '\(module)' have different ranks or alphas, and the tensors do not "
                        + "say which is which", name: module)
            }
            return
        }
        let rank = ranks[chosen.count]
        for index in settings.indices where counts[index] > 0 && settings[index].ranks.contains(rank) {
            counts[index] -= 1
            let wrapper = Wrapper(rank: rank, alpha: settings[index].alpha, expertCount: expertCount)
            try assign(
                ranks, expertCount, &counts, chosen + [wrapper], &solutions, module: module, budget: &budget)
            counts[index] += 1
        }
    }
}

extension PEFTConfiguration {
    /// The ranks that a module or parameter may have: those of all patterns that match, since which of them stood
    /// first when the adapter was trained is not known; the tensors decide.
    func ranks(for name: String, budget: inout Int) throws -> [Int] {
        let matching = try rankPatterns.values(for: name, budget: &budget)
        return matching.isEmpty ? [rank] : matching
    }

    /// The alpha that PEFT uses when it loads the adapter.
    func alpha(for name: String, budget: inout Int) throws -> Double {
        try alphaPatterns.values(for: name, budget: &budget).first ?? alpha
    }
}
