import AdapterTesting
import Testing

@testable import AdapterArithmetic

@Suite struct KnapsackTests {
    private static func classes(
        _ costs: [Int], counts: ClosedRange<Int>, using generator: inout SeededGenerator,
        _ value: (inout SeededGenerator) -> Double
    ) -> [Knapsack.Class] {
        costs.sorted(by: >).map { cost in
            let count = Int.random(in: counts, using: &generator)
            return Knapsack.Class(
                cost: cost, values: (0..<count).map { _ in value(&generator) }.sorted(by: >))
        }
    }

    private static func worth(_ classes: [Knapsack.Class], _ counts: [Int]) -> Double {
        zip(classes, counts).reduce(0) { $0 + $1.0.values.prefix($1.1).reduce(0, +) }
    }

    /// The most that any counts within the capacity are worth, by trying all.
    private static func best(_ classes: ArraySlice<Knapsack.Class>, _ capacity: Int) -> Double {
        guard let first = classes.first else { return 0 }
        return (0...first.values.count).filter { $0 * first.cost <= capacity }.map { count in
            first.values.prefix(count).reduce(0, +) + best(classes.dropFirst(), capacity - count * first.cost)
        }.max() ?? 0
    }

    @Test(arguments: 0..<60)
    func `No choice at all is worth more`(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let costs = Set(
            (0..<Int.random(in: 1...4, using: &generator)).map { _ in Int.random(in: 1...40, using: &generator) })
        // Values that lie close together are the hard ones.
        let spread = [0.01, 1, 100][seed % 3]
        let classes = Self.classes(Array(costs), counts: 0...8, using: &generator) {
            1 + spread * Double.random(in: 0..<1, using: &$0)
        }
        let knapsack = Knapsack(classes)
        for capacity in stride(from: 0, through: knapsack.totalCost + 3, by: 1 + knapsack.totalCost / 40) {
            let counts = knapsack.counts(capacity: capacity)
            #expect(knapsack.cost(of: counts) <= capacity)
            #expect(agree(Self.worth(classes, counts), Self.best(classes[...], capacity), 1e-12))
        }
    }

    @Test func `Equal items and worthless capacity`() {
        let knapsack = Knapsack([
            .init(cost: 7, values: [3, 3, 3]), .init(cost: 5, values: [2, 2, 2, 2]), .init(cost: 3, values: []),
        ])
        #expect(knapsack.counts(capacity: 0) == [0, 0, 0])
        // Two of 3 or three of 2.
        #expect([[2, 0, 0], [0, 3, 0]].contains(knapsack.counts(capacity: 15)))
        #expect(knapsack.counts(capacity: 17) == [1, 2, 0])
        #expect(knapsack.counts(capacity: 1 << 40) == [3, 4, 0])
        #expect(Knapsack([]).counts(capacity: 3) == [])
    }

    @Test func `Many different costs end soon and exceed nothing`() {
        var generator = SeededGenerator(seed: 7)
        for count in [30, 500] {
            let classes = Self.classes(Array(1000..<1000 + count), counts: 1...50, using: &generator) {
                Double.random(in: 0.5..<1, using: &$0)
            }
            let knapsack = Knapsack(classes)
            let capacity = knapsack.totalCost / 3
            let start = ContinuousClock.now
            let counts = knapsack.counts(capacity: capacity)
            #expect(ContinuousClock.now - start < .seconds(5))
            // The relaxed optimum is less than one item away.
            let unused = capacity - knapsack.cost(of: counts)
            #expect(unused >= 0 && unused < 1000 + count)
        }
    }
}
