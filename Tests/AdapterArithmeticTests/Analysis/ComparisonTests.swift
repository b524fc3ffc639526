import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Foundation
import Tensors
import Testing

@Suite struct ComparisonTests {
    @Test func `cosines, angles, overlaps and signs equal NumPy's of the dense matrices`() throws {
        for entry in try AnalysisOracle.entries("comparisons") {
            let names = try AnalysisOracle.adapters(entry)
            let comparison = try AdapterComparison(of: names.map { try AnalysisOracle.input($0) })
            let modules = try required(entry["modules"]?.map, "modules")
            #expect(Set(comparison.modules.map(\.name)) == Set(modules.keys))
            var pairCount = 0
            for module in comparison.modules {
                let expected = try required(modules[module.name], module.name)
                #expect(module.adapters.map(Double.init) == (try AnalysisOracle.numbers(expected["adapters"])))
                let pairs = try required(expected["pairs"]?.array, "pairs")
                #expect(module.pairs.count == pairs.count)
                for (pair, truth) in zip(module.pairs, pairs) {
                    pairCount += 1
                    let what: Comment = "\(names) \(module.name)"
                    #expect(pair.first == truth["first"]?.integer && pair.second == truth["second"]?.integer, what)
                    let cosine = module.cosines[pair.first][pair.second]
                    #expect((cosine - (try AnalysisOracle.number(truth, "cosine"))).magnitude < 1e-12, what)
                    for (relation, key) in [(pair.columnSpaces, "columns"), (pair.rowSpaces, "rows")] {
                        let cosines = try AnalysisOracle.numbers(truth[key]?["cosines"])
                        #expect(agree(relation.angles.map { cos($0) }, cosines, 1e-9), what)
                        #expect(agree(relation.overlap, try AnalysisOracle.number(truth[key], "overlap"), 1e-9), what)
                        #expect(relation.angles == relation.angles.sorted(), what)
                    }
                    #expect(pair.signConflict.comparedCount == truth["signs"]?["compared"]?.integer, what)
                    #expect(pair.signConflict.conflictCount == truth["signs"]?["conflict"]?.integer, what)
                    #expect(!pair.signConflict.isSample && pair.signConflict.standardError == 0, what)
                }
                #expect(module.signConflict?.comparedCount == expected["signs"]?["compared"]?.integer)
                #expect(module.signConflict?.conflictCount == expected["signs"]?["conflict"]?.integer)
            }
            #expect(pairCount > 1)
        }
    }

    private func inputs(_ seed: UInt64) throws -> [MergeInput] { try MethodLawTests.inputs(seed, [1, 1, 1]) }

    private func scaled(_ input: MergeInput, _ factor: Double) throws -> MergeInput {
        let modules = try input.adapter.modules.map { module in
            try AdaptedModule(
                name: module.name,
                update: module.update.map {
                    try LowRankUpdate(
                        kind: $0.kind, a: $0.a, b: $0.b, rank: $0.rank, alpha: factor * $0.alpha,
                        scalingRule: $0.scalingRule)
                })
        }
        return MergeInput(adapter: try Adapter(base: input.adapter.base, modules: modules), label: input.label)
    }

    @Test(arguments: MethodLawTests.seeds)
    func `an adapter is like itself, and unlike its negative in sign alone`(_ seed: UInt64) throws {
        let first = try inputs(seed)[0]
        for (factor, cosine, conflict) in [(1.0, 1.0, 0.0), (2.5, 1, 0), (-1, -1, 1), (-0.25, -1, 1)] {
            let comparison = try AdapterComparison(of: [first, scaled(first, factor)])
            for module in comparison.modules {
                #expect(agree(module.cosines[0][1], cosine, 1e-12), "seed \(seed)")
                let pair = module.pairs[0]
                #expect(pair.signConflict.rate == conflict)
                // Angles near 0 are known far below the 1e-8 that cosines could tell.
                #expect(pair.columnSpaces.angles.allSatisfy { $0 < 1e-12 })
                #expect(pair.rowSpaces.angles.allSatisfy { $0 < 1e-12 })
                #expect(agree(pair.columnSpaces.overlap, 1, 1e-12) && agree(pair.rowSpaces.overlap, 1, 1e-12))
            }
            #expect(agree(comparison.pairs[0].cosine, cosine, 1e-12))
            #expect(comparison.signConflict.rate == conflict)
        }
    }

    @Test(arguments: MethodLawTests.seeds)
    func `the order of the adapters changes places and nothing else`(_ seed: UInt64) throws {
        let inputs = try inputs(seed)
        let (one, other) = (
            try AdapterComparison(of: inputs), try AdapterComparison(of: [inputs[2], inputs[0], inputs[1]])
        )
        let places = [1, 2, 0]
        for row in 0..<3 {
            for column in 0..<3 {
                let difference = one.cosines[row][column] - other.cosines[places[row]][places[column]]
                #expect(difference.magnitude < 1e-12, "seed \(seed)")
            }
        }
        #expect(one.signConflict.rate == other.signConflict.rate)
        for pair in one.pairs {
            let places = [places[pair.first], places[pair.second]].sorted()
            let same = try required(
                other.pairs.first { $0.first == places[0] && $0.second == places[1] }, "the pair")
            #expect(agree(pair.columnOverlap, same.columnOverlap, 1e-10))
            #expect(agree(pair.rowOverlap, same.rowOverlap, 1e-10))
            #expect(pair.signConflictRate == same.signConflictRate)
        }
    }

    @Test func `orthogonal adapters have right angles`() throws {
        func input(_ row: Int) throws -> MergeInput {
            let a = (0..<6).map { $0 == row ? 1.0 : 0 }
            let update = try LowRankUpdate(
                kind: .linear, a: tensor(a, [1, 6]), b: tensor(a, [6, 1]), rank: 1, alpha: 1,
                scalingRule: .alphaOverRank)
            return MergeInput(
                adapter: try Adapter(base: BaseModel(), modules: [AdaptedModule(name: "q", update: update)]),
                label: "\(row)")
        }
        let comparison = try AdapterComparison(of: [input(1), input(4)])
        let pair = comparison.modules[0].pairs[0]
        #expect(pair.columnSpaces.angles == [.pi / 2] && pair.rowSpaces.angles == [.pi / 2])
        #expect(pair.signConflict.comparedCount == 0 && pair.signConflict.rate == 0)
        #expect(comparison.pairs[0].columnOverlap < 1e-30)
        #expect(comparison.pairs[0].columnOverlapByChance == 1.0 / 6)
    }

    @Test func `a sample of signs is near the truth and the same every time`() throws {
        var generator = SeededGenerator(seed: 9)
        let samples = [Sample(name: "layers.0.q", out: 1100, input: 1000, rank: 3)]
        let inputs = try (0..<3).map {
            MergeInput(adapter: try sampleAdapter(samples, using: &generator), label: "\($0)")
        }
        let exact = try AdapterComparison(of: inputs, countsEverySign: true).modules[0]
        let sampled = try AdapterComparison(of: inputs, seed: 1).modules[0]
        #expect(exact.pairs.allSatisfy { !$0.signConflict.isSample && $0.signConflict.elementCount == 1_100_000 })
        for (one, other) in zip(exact.pairs, sampled.pairs) {
            #expect(other.signConflict.isSample && other.signConflict.examinedCount == 1 << 16)
            let distance = (one.signConflict.rate - other.signConflict.rate).magnitude
            #expect(distance < 4 * other.signConflict.standardError && other.signConflict.standardError < 0.002)
        }
        #expect(try AdapterComparison(of: inputs, seed: 1).modules[0] == sampled)
        #expect(try AdapterComparison(of: inputs, seed: 2).modules[0] != sampled)
    }

    @Test func `what cannot be compared is refused`() throws {
        var generator = SeededGenerator(seed: 1)
        func input(_ out: Int, _ base: String?) throws -> MergeInput {
            var adapter = try sampleAdapter([Sample(out: out)], using: &generator)
            adapter.base = BaseModel(name: base)
            return MergeInput(adapter: adapter, label: "\(out)")
        }
        let (one, two) = (try input(4, "x"), try input(5, "x"))
        #expect(code { try AdapterComparison(of: [one]) } == .noInput)
        #expect(code { try AdapterComparison(of: [one, two]) } == .shapeMismatch)
        let other = try input(4, "y")
        #expect(code { try AdapterComparison(of: [one, other]) } == .differentBase)
        #expect(try AdapterComparison(of: [one, other], allowsDifferentBase: true).modules.count == 1)
    }
}
