/// Weights with the least loss, by a grid and then one weight at a time.
///
/// First the weights that one starts from, then a grid over the range where it takes at most half of the evaluations, then
/// steps of single weights from the best so far, halved when none of them helps. The same losses give the same search.
public struct WeightSearch: Sendable {
    /// The most values of a weight in the grid.
    private static let gridLimit = 5
    /// The smallest step, as a part of the range.
    private static let smallestStep = 1.0 / 128

    /// Weights that were tried, and what they gave.
    public struct Evaluation: Sendable, Hashable {
        /// The weights, in the order of the adapters.
        public let weights: [Double]
        /// The loss; infinite where it was not a number.
        public let loss: Double
    }

    /// Where the search starts.
    public let start: [Double]
    /// Between which numbers weights are sought; the start may lie outside.
    public let range: ClosedRange<Double>
    /// The most evaluations.
    public let budget: Int
    /// What was tried, in order.
    public private(set) var evaluations: [Evaluation] = []

    /// - Throws: ``ArithmeticError`` with code `invalidOption`.
    public init(from start: [Double], range: ClosedRange<Double> = 0...1, budget: Int) throws {
        guard budget >= 1, range.lowerBound.isFinite, range.upperBound.isFinite, range.lowerBound < range.upperBound,
            start.allSatisfy(\.isFinite), !start.isEmpty
        else {
            throw ArithmeticError(
                .invalidOption,
                "Unable to search weights: a range of finite numbers and at least one evaluation are needed.")
        }
        self.start = start
        self.range = range
        self.budget = budget
    }

    /// The best weights so far; of equal ones the first.
    public var best: Evaluation? { evaluations.min { $0.loss < $1.loss } }

    /// Searches.
    ///
    /// - Parameter loss: what weights are judged by; never asked twice about the same ones nor about none but zeros.
    /// - Returns: the best weights.
    public mutating func run(loss: ([Double]) throws -> Double) throws -> Evaluation? {
        try evaluate(start, loss)
        let size = (2...WeightSearch.gridLimit).last { size in
            var count = 1
            for _ in start where count <= budget { count *= size }
            return count <= max(1, budget / 2)
        }
        let width = range.upperBound - range.lowerBound
        if let size { try evaluateGrid(size, loss) }
        var step = width / Double(2 * ((size ?? 2) - 1))
        while evaluations.count < budget, step >= width * WeightSearch.smallestStep {
            if try !descend(step, loss) { step /= 2 }
        }
        return best
    }

    private mutating func evaluateGrid(_ size: Int, _ loss: ([Double]) throws -> Double) throws {
        let width = range.upperBound - range.lowerBound
        let values = (0..<size).map { range.lowerBound + width * Double($0) / Double(size - 1) }
        var places = [Int](repeating: 0, count: start.count)
        while true {
            try evaluate(places.map { values[$0] }, loss)
            // Counts up, the last place first.
            guard let place = places.lastIndex(where: { $0 < size - 1 }) else { return }
            places[place] += 1
            for later in place + 1..<max(place + 1, places.count) { places[later] = 0 }
        }
    }

    /// Moves each weight by a step while that helps; says whether any did.
    private mutating func descend(_ step: Double, _ loss: ([Double]) throws -> Double) throws -> Bool {
        var hasImproved = false
        for index in start.indices {
            for direction in [step, -step] {
                while let current = best {
                    var weights = current.weights
                    let moved = weights[index] + direction
                    weights[index] = min(
                        max(moved, min(range.lowerBound, weights[index])), max(range.upperBound, weights[index]))
                    guard let found = try evaluate(weights, loss), found.loss < current.loss else { break }
                    hasImproved = true
                }
            }
        }
        return hasImproved
    }

    /// The loss of weights that were not tried before; nil for others, and when the budget is spent.
    @discardableResult
    private mutating func evaluate(_ weights: [Double], _ loss: ([Double]) throws -> Double) throws -> Evaluation? {
        guard evaluations.count < budget, weights.contains(where: { $0 != 0 }),
            !evaluations.contains(where: { $0.weights == weights })
        else { return nil }
        let value = try loss(weights)
        let evaluation = Evaluation(weights: weights, loss: value.isNaN ? .infinity : value)
        evaluations.append(evaluation)
        return evaluation
    }
}
