import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

@testable import AdapterArithmetic

@Suite struct ResizeTests {
    /// Modules of four different costs, each with singular values that fall at a rate of its own.
    static func adapter(seed: UInt64, rank: Int = 6, copies: Int = 1) throws -> Adapter {
        var generator = SeededGenerator(seed: seed)
        let shapes = [(20, 20), (20, 9), (31, 20), (12, 31)]
        let samples = (0..<copies * shapes.count).map { index in
            Sample(
                name: "layer.\(index)", out: shapes[index % 4].0, input: shapes[index % 4].1, rank: rank,
                scale: Double.random(in: 0.2..<1, using: &generator))
        }
        return try Adapter(
            base: BaseModel(name: "base"),
            modules: samples.map { sample in
                let update = try sample.update(using: &generator)
                let decay = Double.random(in: 0.5..<1.2, using: &generator)
                let a = try update.a.doubles().enumerated().map { index, value in
                    (0..<index / sample.input).reduce(value) { value, _ in value * decay }
                }
                return try AdaptedModule(
                    name: sample.name,
                    update: LowRankUpdate(
                        kind: .linear, a: tensor(a, update.a.shape.extents), b: update.b, rank: rank, alpha: 6,
                        scalingRule: .alphaOverRank))
            })
    }

    static func resized(_ adapter: Adapter, _ options: ResizeOptions) throws -> ComputedAdapter {
        try Resize.resize(adapter, options, label: "team/a:v1")
    }

    private static func ranks(_ adapter: Adapter) -> [Int] { adapter.updates.map(\.update.rank) }

    /// What ranks lose, from certificates of the single module resized to each rank.
    private struct Losses {
        let costs: [Int]
        /// For each module the squared error at rank 1, 2, ….
        let squares: [[Double]]

        init(_ adapter: Adapter) throws {
            costs = adapter.updates.map { $0.update.a.shape[1] + $0.update.b.shape[0] }
            squares = try adapter.modules.map { module in
                let alone = try Adapter(base: adapter.base, modules: [module])
                return try (1...alone.ranks[0]).map { rank in
                    let error = try resized(alone, ResizeOptions(rank: rank)).certificate().truncationError
                    return error * error
                }
            }
        }

        func error(_ ranks: [Int]) -> Double { zip(squares, ranks).reduce(0) { $0 + $1.0[$1.1 - 1] } }
        func cost(_ ranks: [Int]) -> Int { zip(costs, ranks).reduce(0) { $0 + $1.0 * $1.1 } }

        /// All ranks that the modules can have.
        var choices: [[Int]] {
            squares.reduce([[]]) { all, own in all.flatMap { ranks in own.indices.map { ranks + [$0 + 1] } } }
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5])
    func `A budget's ranks have the least error of all that fit`(seed: Int) throws {
        let adapter = try Self.adapter(seed: UInt64(seed), rank: 4)
        let losses = try Losses(adapter)
        let all = losses.choices.map { (cost: losses.cost($0), error: losses.error($0)) }
        for budget in stride(from: losses.cost([1, 1, 1, 1]), through: losses.cost([4, 4, 4, 4]), by: 7) {
            let result = try Self.resized(adapter, ResizeOptions(budget: budget)).adapter
            let ranks = Self.ranks(result)
            #expect(result.parameterCount == losses.cost(ranks) && result.parameterCount <= budget)
            let least = all.filter { $0.cost <= budget }.map(\.error).min() ?? .nan
            #expect(losses.error(ranks) <= least * (1 + 1e-9) + 1e-12)
        }
    }

    @Test(arguments: [11, 12, 13])
    func `No exchange makes a budget's error smaller`(seed: Int) throws {
        let adapter = try Self.adapter(seed: UInt64(seed), rank: 8, copies: 6)
        let losses = try Losses(adapter)
        let full = losses.cost([Int](repeating: 8, count: 24))
        for share in [0.3, 0.5, 0.777] {
            let budget = Int(share * Double(full))
            let ranks = Self.ranks(try Self.resized(adapter, ResizeOptions(budget: budget)).adapter)
            let error = losses.error(ranks)
            // Drop one direction, then add what fits, greedily and one at a time, from every beginning.
            for dropped in ranks.indices where ranks[dropped] > 1 {
                var fewer = ranks
                fewer[dropped] -= 1
                for first in ranks.indices where first != dropped {
                    var other = fewer
                    while let next = ([first] + other.indices.sorted { gain(other, $0) > gain(other, $1) }).first(
                        where: {
                            other[$0] < 8 && losses.cost(other) + losses.costs[$0] <= budget
                        })
                    {
                        other[next] += 1
                    }
                    #expect(losses.cost(other) <= budget)
                    #expect(losses.error(other) >= error * (1 - 1e-9))
                }
            }
            func gain(_ ranks: [Int], _ index: Int) -> Double {
                ranks[index] == 8
                    ? 0
                    : (losses.squares[index][ranks[index] - 1] - losses.squares[index][ranks[index]])
                        / Double(losses.costs[index])
            }
        }
    }

    @Test(arguments: [21, 22, 23])
    func `An error is met with the fewest parameters`(seed: Int) throws {
        let adapter = try Self.adapter(seed: UInt64(seed), rank: 4)
        let losses = try Losses(adapter)
        let total = try adapter.dense().values.reduce(0) { $0 + norm($1) * norm($1) }
        let all = losses.choices.map { (cost: losses.cost($0), error: losses.error($0)) }
        for error in [0.01, 0.1, 0.3, 0.6, 0.9] {
            let result = try Self.resized(adapter, ResizeOptions(error: error))
            #expect(try result.certificate().relativeTruncationError <= error * (1 + 1e-9))
            let least = all.filter { $0.error <= error * error * total }.map(\.cost).min()
            #expect(result.adapter.parameterCount == least)
        }
        let whole = try Self.resized(adapter, ResizeOptions(error: 0)).adapter
        #expect(try whole.updates[0].update.a.bytes() == adapter.updates[0].update.a.bytes())
    }

    @Test func `The certificate is true and names every module`() throws {
        let adapter = try Self.adapter(seed: 31)
        for options in [
            ResizeOptions(rank: 2), ResizeOptions(energy: 0.8), ResizeOptions(error: 0.4), ResizeOptions(budget: 700),
            ResizeOptions(rank: 3, budget: 500),
        ] {
            let result = try Self.resized(adapter, options)
            let certificate = try result.certificate()
            let (before, after) = (try adapter.dense(), try result.adapter.dense())
            #expect(certificate.modules.map(\.name) == adapter.modules.map(\.name))
            for module in certificate.modules {
                let distance = norm(difference(after[module.name] ?? [], before[module.name] ?? []))
                #expect(agree(distance, module.truncationError, 1e-5) || distance < 1e-6)
                #expect(agree(module.deltaNorm, norm(before[module.name] ?? []), 1e-6))
            }
            #expect(result.adapter.updates.allSatisfy { $0.update.rank <= options.rank ?? 6 })
        }
    }

    @Test func `Ranks never grow, and what keeps its rank keeps its bytes`() throws {
        let adapter = try Self.adapter(seed: 32)
        for options in [ResizeOptions(rank: 6), ResizeOptions(rank: 400), ResizeOptions(budget: 1 << 40)] {
            let result = try Self.resized(adapter, options).adapter
            for (one, other) in zip(adapter.updates, result.updates) {
                #expect(try one.update.a.bytes() == other.update.a.bytes() && one.update.alpha == other.update.alpha)
                #expect(try one.update.b.bytes() == other.update.b.bytes())
            }
        }
    }

    @Test(arguments: [WeightKind.linear, .transposedLinear, .convolution, .embedding, .experts])
    func `Every kind of weight`(kind: WeightKind) throws {
        var generator = SeededGenerator(seed: 33)
        let adapter = try sampleAdapter(
            [
                Sample(kind: kind, rank: 5, rule: .alphaOverSquareRootOfRank),
                Sample(name: "other", kind: kind, rank: 4),
            ],
            using: &generator)
        let dense = try adapter.dense()
        let cost = adapter.updates[0].update.parameterCount / 5
        let result = try Self.resized(adapter, ResizeOptions(budget: 6 * cost))
        #expect(result.adapter.updates.map(\.update.rank).reduce(0, +) == 6)
        #expect(result.adapter.parameterCount == 6 * cost)
        let distance = zip(dense.keys, dense.values).reduce(0) { sum, element in
            let other = (try? result.adapter.dense(element.0)) ?? []
            return sum + norm(difference(other, element.1)) * norm(difference(other, element.1))
        }.squareRoot()
        #expect(agree(try result.certificate().truncationError, distance, 1e-5))
    }

    @Test func `An update of zeros keeps rank 1 and leaves the budget to others`() throws {
        var generator = SeededGenerator(seed: 34)
        let whole = try sampleAdapter([Sample(name: "a", rank: 4), Sample(name: "b", rank: 4)], using: &generator)
        let zero = try LowRankUpdate(
            kind: .linear, a: whole.updates[0].update.a, b: tensor([Double](repeating: 0, count: 48), [12, 4]), rank: 4,
            alpha: 8, scalingRule: .alphaOverRank)
        let adapter = try Adapter(
            base: whole.base, modules: [AdaptedModule(name: "a", update: zero), whole.modules[1]])
        let result = try Self.resized(adapter, ResizeOptions(budget: 5 * 21))
        #expect(Self.ranks(result.adapter) == [1, 4])
        #expect(try result.adapter.dense("a").allSatisfy { $0 == 0 })
        #expect(try result.certificate().truncationError == 0)
        let nothing = try Adapter(base: whole.base, modules: [adapter.modules[0]])
        for options in [ResizeOptions(error: 0.1), ResizeOptions(energy: 0.5), ResizeOptions(budget: 30)] {
            #expect(Self.ranks(try Self.resized(nothing, options).adapter) == [1])
        }
    }

    @Test(arguments: [
        ResizeOptions(), ResizeOptions(rank: 0), ResizeOptions(energy: 0), ResizeOptions(energy: .nan),
        ResizeOptions(error: 1), ResizeOptions(error: -0.1), ResizeOptions(error: .nan), ResizeOptions(budget: 0),
        ResizeOptions(budget: 10), ResizeOptions(energy: 0.5, error: 0.5), ResizeOptions(error: 0.5, budget: 9999),
        ResizeOptions(rank: 1, error: 0.01), ResizeOptions(rank: 2, dtype: .f8e4m3),
    ])
    func `Options without a meaning are refused`(options: ResizeOptions) throws {
        let adapter = try Self.adapter(seed: 35)
        let error = failure { try Self.resized(adapter, options) }
        #expect(error?.code == .invalidOption)
        #expect(error?.message.hasPrefix("Unable to resize") == true)
    }

    @Test func `What has no smaller rank is refused by name`() throws {
        for name in ["llama-dora", "gpt2-conv1d-dora", "llama-kasa", "cnn-conv-grouped"] {
            let adapter = try PEFTFixture.load(name)
            let error = failure { try Self.resized(adapter, ResizeOptions(rank: 1)) }
            #expect(error?.code == .notLinear)
            #expect(error?.message.hasPrefix("Unable to resize 'team/a:v1': ") == true)
        }
        #expect(code { try Self.resized(Adapter(base: BaseModel(), modules: []), ResizeOptions(rank: 1)) } == .noInput)
    }

    @Test(arguments: [Double.nan, .infinity])
    func `A value that is no number is named`(value: Double) throws {
        var generator = SeededGenerator(seed: 36)
        let sample = try Sample().update(using: &generator)
        let a = try sample.a.doubles().enumerated().map { $0 == 7 ? value : $1 }
        let adapter = try Adapter(
            base: BaseModel(),
            modules: [
                AdaptedModule(
                    name: "layer",
                    update: LowRankUpdate(
                        kind: .linear, a: tensor(a, [3, 9]), b: sample.b, rank: 3, alpha: 1, scalingRule: .alphaOverRank
                    ))
            ])
        for options in [ResizeOptions(rank: 2), ResizeOptions(budget: 30), ResizeOptions(error: 0.5)] {
            let error = failure { try Self.resized(adapter, options).adapter.readAll() }
            #expect(error?.code == .nonFinite)
            #expect(error?.message.hasPrefix("Unable to resize 'team/a:v1': A of the module 'layer' holds") == true)
        }
    }

    @Test func `Parameters beside the updates and notes stay`() throws {
        let adapter = try PEFTFixture.load("llama-modules-to-save")
        var noted = adapter
        noted.notes.message = "tickets"
        let result = try Self.resized(noted, ResizeOptions(rank: 1)).adapter
        #expect(result.notes == noted.notes)
        func parameters(_ adapter: Adapter) throws -> [[UInt8]] {
            try adapter.modules.flatMap { try $0.parameters.map { try $0.tensor.bytes() } }
        }
        #expect(try parameters(result) == parameters(adapter) && !parameters(adapter).isEmpty)
    }
}
