import AdapterArithmetic
import AdapterTesting
import Testing

@Suite struct WeightSearchTests {
    /// A bowl with its least value at a place.
    private static func bowl(_ place: [Double], coupling: Double = 0) -> ([Double]) -> Double {
        { weights in
            let offsets = zip(weights, place).map { $0 - $1 }
            let sum = offsets.reduce(0, +)
            return 2 + offsets.reduce(0) { $0 + $1 * $1 } + coupling * sum * sum
        }
    }

    @Test(arguments: [[0.3], [0.7, 0.2], [0.35, 1, 0.1], [0.1, 0.9, 0.4, 0.6, 0.55]])
    func `Finds the least loss`(place: [Double]) throws {
        for coupling in [0, 0.5] {
            var search = try WeightSearch(from: place.map { _ in 1 }, budget: 400)
            let best = try #require(try search.run(loss: Self.bowl(place, coupling: coupling)))
            #expect(zip(best.weights, place).allSatisfy { ($0 - $1).magnitude < 0.02 }, "\(best.weights)")
            #expect(best.loss == search.evaluations.map(\.loss).min())
            #expect(search.evaluations.count <= 400)
            #expect(Set(search.evaluations.map(\.weights)).count == search.evaluations.count)
        }
    }

    @Test(arguments: [1, 2, 7, 20, 50]) func `Keeps to its budget and to its range`(budget: Int) throws {
        var search = try WeightSearch(from: [2, -0.5, 0.5], range: -1...1, budget: budget)
        var asked = 0
        let best = try #require(
            try search.run { weights in
                asked += 1
                #expect(weights.contains { $0 != 0 })
                #expect(weights.allSatisfy { (-1...2).contains($0) })
                return Self.bowl([0.9, -0.9, 0])(weights)
            })
        #expect(asked <= budget && search.evaluations.count == asked)
        #expect(search.evaluations.first?.weights == [2, -0.5, 0.5])
        #expect(best.loss <= search.evaluations[0].loss)
        // The more is tried, the better.
        var longer = try WeightSearch(from: [2, -0.5, 0.5], range: -1...1, budget: 2 * budget)
        let better = try longer.run(loss: Self.bowl([0.9, -0.9, 0]))
        #expect(better?.loss ?? .infinity <= best.loss || budget < 16)
    }

    @Test func `What is no number is worse than anything`() throws {
        var search = try WeightSearch(from: [1, 1], budget: 30)
        let best = try search.run { $0[0] > 0.6 ? .nan : Self.bowl([0.5, 0.5])($0) }
        #expect(best?.weights == [0.5, 0.5])
        var hopeless = try WeightSearch(from: [1], budget: 5)
        #expect(try hopeless.run { _ in .infinity }?.loss == .infinity)
        #expect(code { try WeightSearch(from: [], budget: 5) } == .invalidOption)
        #expect(code { try WeightSearch(from: [1], budget: 0) } == .invalidOption)
        #expect(code { try WeightSearch(from: [.nan], budget: 3) } == .invalidOption)
    }
}
