import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

/// Laws of a weighted sum, on random adapters of every kind; ΔW is compared, never the factors.
@Suite struct AlgebraTests {
    /// Modules of all kinds; wide, tall, with more rank than the weight has, and with different scalings.
    static func samples(rank: Int, alpha: Double, rule: ScalingRule = .alphaOverRank) -> [Sample] {
        [
            Sample(name: "linear", rank: rank, alpha: alpha, rule: rule),
            Sample(name: "thin", out: 2, input: 30, rank: rank, alpha: alpha, rule: rule),
            Sample(name: "row", out: 1, input: 5, rank: rank, alpha: alpha, rule: rule),
            Sample(
                name: "transposed", kind: .transposedLinear, out: 5, input: 40, rank: rank, alpha: alpha, rule: rule),
            Sample(name: "convolution", kind: .convolution, out: 6, input: 4, rank: rank, alpha: alpha, rule: rule),
            Sample(name: "embedding", kind: .embedding, out: 8, input: 50, rank: rank, alpha: alpha, rule: rule),
            Sample(name: "experts", kind: .experts, out: 7, input: 6, rank: rank, alpha: alpha, rule: rule),
        ]
    }

    static func three(seed: UInt64) throws -> [Adapter] {
        var generator = SeededGenerator(seed: seed)
        return [
            try sampleAdapter(samples(rank: 3, alpha: 6), using: &generator),
            try sampleAdapter(samples(rank: 5, alpha: -2), using: &generator),
            try sampleAdapter(
                samples(rank: 2, alpha: 7, rule: .alphaOverSquareRootOfRank).dropLast(2)
                    + [Sample(name: "only here", rank: 2)], using: &generator),
        ]
    }

    @Test(arguments: [MergeMethod.cat, .exact], [UInt64.random(in: 0 ... .max), 21])
    func `The sum is the sum, in any order of the inputs`(method: MergeMethod, seed: UInt64) throws {
        let adapters = try Self.three(seed: seed)
        let weights = [0.7, -1.9, 0.4]
        let truth = weightedSum(zip(weights, try adapters.map { try $0.dense() }).map { ($0, $1) })
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let result = try merged(order.map { (adapters[$0], weights[$0]) }, MergeOptions(method: method))
            #expect(largestDistance(try result.adapter.dense(), truth) < 2e-7, "seed \(seed)")
            #expect(result.adapter.updates.allSatisfy { $0.update.scaling == 1 })
            for module in try result.certificate().modules {
                let precision = method == .cat ? 1e-6 : 1e-13
                #expect(agree(module.deltaNorm, norm(truth[module.name] ?? []), precision), "seed \(seed)")
                #expect(module.truncationError == 0)
            }
        }
    }

    @Test(arguments: [MergeMethod.cat, .exact])
    func `Merging merged adapters is merging them all`(method: MergeMethod) throws {
        let adapters = try Self.three(seed: 22)
        let options = MergeOptions(method: method)
        let inner = try merged([(adapters[0], 0.5), (adapters[1], 2)], options).adapter
        let nested = try merged([(inner, -3), (adapters[2], 1)], options).adapter
        let flat = try merged([(adapters[0], -1.5), (adapters[1], -6), (adapters[2], 1)], options).adapter
        #expect(largestDistance(try nested.dense(), try flat.dense()) < 5e-7)
    }

    @Test(arguments: [UInt64.random(in: 0 ... .max), 23])
    func `An adapter minus itself is nothing`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let adapter = try sampleAdapter(
            Self.samples(rank: 3, alpha: 1) + [Sample(name: "large", out: 700, input: 900, rank: 16)],
            using: &generator)
        let exact = try merged([(adapter, 0.3), (adapter, -0.3)], MergeOptions(method: .exact))
        for (name, update) in exact.adapter.updates {
            #expect(update.rank == 1, "\(name), seed \(seed)")
            #expect(try update.dense().allSatisfy { $0 == 0 })
        }
        let stacked = try merged([(adapter, 0.3), (adapter, -0.3)], MergeOptions(method: .cat))
        for (name, values) in try stacked.adapter.dense() {
            #expect(norm(values) < 1e-13 * norm(try adapter.dense(name)))
        }
        for certificate in [try exact.certificate(), try stacked.certificate()] {
            #expect(certificate.deltaNorm == 0 && certificate.truncationError == 0)
        }
        #expect(try exact.certificate().relativeRoundingError == 0)
    }

    @Test func `Twice the same adapter keeps its rank`() throws {
        var generator = SeededGenerator(seed: 24)
        let adapter = try sampleAdapter(Self.samples(rank: 2, alpha: 3), using: &generator)
        let result = try merged([(adapter, 0.25), (adapter, 1)]).adapter
        for (name, update) in result.updates { #expect(update.rank == (name == "row" ? 1 : 2), "\(name)") }
        #expect(largestDistance(try result.dense(), weightedSum([(1.25, try adapter.dense())])) < 3e-7)
    }

    @Test func `The small difference of two large adapters is accurate`() throws {
        var generator = SeededGenerator(seed: 25)
        let one = try sampleAdapter([Sample(out: 300, input: 200, rank: 8)], using: &generator)
        // The second differs by about 1e-5 in each element of B.
        let update = try required(one.updates.first, "an update").update
        let moved = try Adapter(
            base: one.base,
            modules: [
                AdaptedModule(
                    name: "layer",
                    update: LowRankUpdate(
                        kind: .linear, a: update.a,
                        b: tensor(
                            try update.b.doubles().map { $0 + 1e-5 * generator.nextSigned() }, update.b.shape.extents),
                        rank: 8, alpha: update.alpha, scalingRule: update.scalingRule))
            ])
        let truth = weightedSum([(1, try one.dense()), (-1, try moved.dense())])
        let gap = norm(truth["layer"] ?? []) / norm(try one.dense("layer"))
        #expect(gap > 1e-6 && gap < 1e-5)
        let result = try merged([(one, 1), (moved, -1)], MergeOptions(method: .exact))
        #expect(result.adapter.ranks == [8])
        #expect(largestDistance(try result.adapter.dense(), truth) < 2e-7)
        #expect(agree(try result.certificate().deltaNorm, norm(truth["layer"] ?? []), 1e-9))
        let half = try merged([(one, 1), (moved, -1)], MergeOptions(method: .exact, rank: 4))
        let lost = difference(try half.adapter.dense("layer"), truth["layer"] ?? [])
        #expect(agree(try half.certificate().truncationError, norm(lost), 1e-6))
    }

    @Test func `Equal inputs give equal bytes`() throws {
        let adapters = try Self.three(seed: 26)
        let options = MergeOptions(method: .exact, rank: 3)
        let first = try merged(adapters.map { ($0, 0.5) }, options).adapter
        let second = try merged(adapters.map { ($0, 0.5) }, options).adapter
        for (one, two) in zip(first.updates, second.updates) {
            #expect(try one.update.a.bytes() == two.update.a.bytes())
            #expect(try one.update.b.bytes() == two.update.b.bytes())
        }
    }

    @Test func `The base and the configuration come from the inputs`() throws {
        var generator = SeededGenerator(seed: 27)
        var first = try sampleAdapter([Sample()], using: &generator)
        var second = first
        first.base = BaseModel(name: "m")
        second.base = BaseModel(name: "m", revision: "r1")
        let source = SourceConfiguration(layout: "peft", configuration: ["r": 4], fileMetadata: ["format": "pt"])
        first.notes = AdapterNotes(message: "hello", source: source)
        second.notes = AdapterNotes(source: SourceConfiguration(layout: "peft", configuration: [:], fileMetadata: [:]))
        let result = try merged([(first, 1), (second, 1)]).adapter
        #expect(result.base == BaseModel(name: "m", revision: "r1"))
        #expect(result.notes == AdapterNotes(source: source))
        second.notes.source?.layout = "mlx"
        #expect(try merged([(first, 1), (second, 1)]).adapter.notes.source == nil)
    }
}
