/// The choice of items worth most within a capacity, for many items of few different costs.
///
/// Items of one cost differ in value alone, so the question is how many of each cost are taken. When items may be cut,
/// those worth most for their cost are taken, down to a price λ of capacity (Dantzig, "Discrete-variable extremum
/// problems", 1957). Every choice of whole items falls short of that by the sum of what its counts lose at that price and
/// of λ for all capacity left unused. So branch and bound needs to look at counts close by alone (the "core" of Balas and
/// Zemel, 1980).
struct Knapsack: Sendable {
    /// The items of one cost.
    struct Class: Sendable {
        /// What each of them costs, above 0.
        let cost: Int
        /// What they are worth, above 0, descending.
        let values: [Double]
    }

    /// Beyond that many different costs the greedy choice is taken.
    private static let classLimit = 64
    /// How many counts are looked at; then the best choice so far is taken.
    private static let stepLimit = 1 << 20

    private let classes: [Class]
    /// The class of each item, descending by value for cost.
    private let order: [Int]
    /// The cost of everything.
    let totalCost: Int

    /// - Parameter classes: with different costs, descending: what is left over fits the cheapest items best.
    init(_ classes: [Class]) {
        self.classes = classes
        totalCost = classes.reduce(0) { $0 + $1.cost * $1.values.count }
        let items = classes.enumerated().flatMap { index, items in
            items.values.enumerated().map { (kind: index, rank: $0, density: $1 / Double(items.cost)) }
        }
        // Items of equal density in the order of their classes, so that the result is always the same.
        order = items.sorted { ($1.density, $0.kind, $0.rank) < ($0.density, $1.kind, $1.rank) }.map(\.kind)
    }

    /// The cost of that many items of each class.
    func cost(of counts: [Int]) -> Int { zip(classes, counts).reduce(0) { $0 + $1.0.cost * $1.1 } }

    /// How many items of each class to take, the best ones.
    func counts(capacity: Int) -> [Int] {
        guard capacity < totalCost else { return classes.map(\.values.count) }
        var counts = [Int](repeating: 0, count: classes.count)
        var left = capacity
        var price: Double?
        var next = 0
        // All that fit before one does not.
        while next < order.count, classes[order[next]].cost <= left {
            left -= classes[order[next]].cost
            counts[order[next]] += 1
            next += 1
        }
        let relaxed = counts
        // Then whatever still fits; of a class whose next item does not, no other does.
        for kind in order[min(next, order.count)...] {
            if price == nil { price = classes[kind].values[counts[kind]] / Double(classes[kind].cost) }
            guard classes[kind].cost <= left else { continue }
            left -= classes[kind].cost
            counts[kind] += 1
        }
        guard classes.count <= Knapsack.classLimit, let price else { return counts }
        var search = Search(classes: classes, relaxed: relaxed, price: price, best: counts, unused: left)
        search.descend(0, capacity: capacity, loss: 0)
        return search.best
    }

    /// The branch and bound.
    private struct Search {
        let classes: [Class]
        /// The counts of the relaxed problem, whole items alone.
        let relaxed: [Int]
        /// What a unit of capacity is worth.
        let price: Double
        /// What each count of each class loses at the price; grows with the distance from the relaxed count.
        let penalties: [[Double]]
        /// The best counts so far.
        private(set) var best: [Int]
        /// By how much they fall short of the relaxed problem.
        private var leastLoss: Double
        private var counts: [Int]
        private var steps = 0

        init(classes: [Class], relaxed: [Int], price: Double, best: [Int], unused: Int) {
            self.classes = classes
            self.relaxed = relaxed
            self.price = price
            self.best = best
            counts = best
            penalties = zip(classes, relaxed).map { items, relaxed in
                let cost = price * Double(items.cost)
                var penalties = [Double](repeating: 0, count: items.values.count + 1)
                for count in stride(from: relaxed - 1, through: 0, by: -1) {
                    penalties[count] = penalties[count + 1] + max(0, items.values[count] - cost)
                }
                for count in relaxed..<items.values.count {
                    penalties[count + 1] = penalties[count] + max(0, cost - items.values[count])
                }
                return penalties
            }
            leastLoss = zip(penalties, best).reduce(price * Double(unused)) { $0 + $1.0[$1.1] }
        }

        /// Goes through the counts of a class and of those after it.
        mutating func descend(_ index: Int, capacity: Int, loss: Double) {
            let cost = classes[index].cost
            let most = min(classes[index].values.count, capacity / cost)
            if index == classes.count - 1 {
                // Nothing comes after it, so as many as fit.
                let total = loss + penalties[index][most] + price * Double(capacity - most * cost)
                guard total < leastLoss else { return }
                counts[index] = most
                (best, leastLoss) = (counts, total)
                return
            }
            for count in stride(from: relaxed[index], through: 0, by: -1) {
                guard visit(index, count, capacity, loss) else { break }
            }
            guard relaxed[index] < most else { return }
            for count in relaxed[index] + 1...most {
                guard visit(index, count, capacity, loss) else { break }
            }
        }

        /// Goes on with a count; false when those farther away need no look.
        private mutating func visit(_ index: Int, _ count: Int, _ capacity: Int, _ loss: Double) -> Bool {
            steps += 1
            let loss = loss + penalties[index][count]
            guard loss < leastLoss, steps < Knapsack.stepLimit else { return false }
            let left = capacity - count * classes[index].cost
            guard left >= 0 else { return true }
            counts[index] = count
            descend(index + 1, capacity: left, loss: loss)
            return true
        }
    }
}
