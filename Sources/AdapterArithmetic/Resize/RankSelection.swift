import LinearAlgebra

/// The ranks of modules that share a limit: a number of parameters or a part of ‖ΔW‖².
///
/// What a module's k-th direction adds is the square of its k-th singular value, and it costs as many parameters as a
/// column of B and a row of A have. Every module keeps its first direction; which others are kept is a ``Knapsack``.
struct RankSelection: Sendable {
    /// One module.
    struct Module: Sendable {
        /// The parameters that one direction takes, in all matrices of a stack.
        let cost: Int
        /// For each direction its singular values in the matrices of a stack, descending.
        let values: [[Double]]
        /// The largest rank.
        let limit: Int
    }

    /// A direction that may be kept.
    private struct Direction {
        let module: Int
        let share: Double
    }

    private let moduleCount: Int
    /// The directions beyond the first of each module, by cost, each list descending by share.
    private let directions: [[Direction]]
    private let knapsack: Knapsack
    /// The parameters of rank 1 in all modules.
    let leastCost: Int
    /// The share of ‖ΔW‖² that no rank within the limits keeps.
    let leastMissing: Double

    init(_ modules: [Module]) {
        moduleCount = modules.count
        leastCost = modules.reduce(0) { $0 + $1.cost }
        let largest = modules.reduce(0) { max($0, $1.values.first?.max() ?? 0) }
        // Relative to the largest, so that squares neither overflow nor vanish.
        let squares = modules.map { module in
            module.values.map { $0.reduce(0) { $0 + ($1 / largest) * ($1 / largest) } }
        }
        let total = largest > 0 ? squares.joined().sorted().reduce(0, +) : 1
        var byCost: [Int: [Direction]] = [:]
        var beyondLimits: [Double] = []
        for (index, module) in modules.enumerated() where largest > 0 {
            for (rank, square) in squares[index].enumerated().dropFirst() where square > 0 {
                if rank < module.limit {
                    byCost[module.cost, default: []].append(Direction(module: index, share: square / total))
                } else {
                    beyondLimits.append(square / total)
                }
            }
        }
        leastMissing = beyondLimits.sorted().reduce(0, +)
        let costs = byCost.keys.sorted(by: >)
        directions = costs.map { cost in
            // A stable order: equal shares go to the first module.
            (byCost[cost] ?? []).enumerated().sorted { ($1.element.share, $0.offset) < ($0.element.share, $1.offset) }
                .map(\.element)
        }
        knapsack = Knapsack(
            zip(costs, directions).map { Knapsack.Class(cost: $0, values: $1.map(\.share)) })
    }

    /// The ranks with the least error for that many parameters; nil when rank 1 takes more.
    func ranks(within budget: Int) -> [Int]? {
        guard budget >= leastCost else { return nil }
        return ranks(counts: knapsack.counts(capacity: budget - leastCost))
    }

    /// The ranks with the fewest parameters that miss at most a share of ‖ΔW‖²; nil when all ranks miss more.
    func ranks(missing limit: Double) -> [Int]? {
        // The error of a capacity never grows with it, so the smallest that suffices is found by bisection.
        var (low, high) = (0, knapsack.totalCost)
        guard leastMissing <= limit else { return nil }
        var counts = directions.map(\.count)
        while low < high {
            let middle = low + (high - low) / 2
            let found = knapsack.counts(capacity: middle)
            if missing(counts: found) <= limit {
                counts = found
                high = min(middle, knapsack.cost(of: found))
            } else {
                low = middle + 1
            }
        }
        return ranks(counts: counts)
    }

    /// The share of ‖ΔW‖² that a choice leaves out, summed from the small end.
    private func missing(counts: [Int]) -> Double {
        zip(directions, counts).reduce(leastMissing) { sum, element in
            sum + element.0.dropFirst(element.1).reversed().reduce(0) { $0 + $1.share }
        }
    }

    private func ranks(counts: [Int]) -> [Int] {
        var ranks = [Int](repeating: 1, count: moduleCount)
        for (directions, count) in zip(directions, counts) {
            for direction in directions.prefix(count) { ranks[direction.module] += 1 }
        }
        return ranks
    }
}
