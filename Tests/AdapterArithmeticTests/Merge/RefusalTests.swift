import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

/// What has no sum, and what is not an adapter's sum.
@Suite struct RefusalTests {
    static func sample(_ sample: Sample = Sample(), seed: UInt64 = 61) throws -> Adapter {
        var generator = SeededGenerator(seed: seed)
        return try sampleAdapter([sample], using: &generator)
    }

    @Test func `No input, no weight, no number`() throws {
        let adapter = try Self.sample()
        #expect(code { try merged([]) } == .noInput)
        #expect(code { try merged([(adapter, 0), (adapter, -0.0)]) } == .noInput)
        #expect(code { try merged([(adapter, .nan)]) } == .invalidWeight)
        #expect(code { try merged([(adapter, 1), (adapter, .infinity)]) } == .invalidWeight)
        #expect(code { try Interpolate.interpolate(adapter, adapter, at: .nan) } == .invalidWeight)
        #expect(
            failure { try merged([(adapter, .nan)]) }?.message
                == "Unable to merge 'input 0': its weight is nan, a finite number is needed.")
    }

    @Test func `A weight that makes alpha overflow`() throws {
        let adapter = try Self.sample(Sample(alpha: 1e300))
        #expect(code { try merged([(adapter, 1e10)]) } == .invalidWeight)
    }

    @Test(arguments: [
        MergeOptions(method: .cat, rank: 4), MergeOptions(method: .cat, energy: 0.5), MergeOptions(rank: 0),
        MergeOptions(rank: -1), MergeOptions(energy: 0), MergeOptions(energy: 1.01), MergeOptions(energy: .nan),
        MergeOptions(dtype: .f8e4m3), MergeOptions(dtype: .i32),
    ])
    func `Options outside their range`(options: MergeOptions) throws {
        #expect(code { try merged([(try Self.sample(), 1)], options) } == .invalidOption)
    }

    @Test func `Different base models, unless allowed`() throws {
        var (one, two) = (try Self.sample(), try Self.sample(seed: 62))
        one.base = BaseModel(name: "a", revision: "1")
        two.base = BaseModel(name: "b")
        let error = failure { try merged([(one, 1), (two, 1)]) }
        #expect(error?.code == .differentBase)
        #expect(error?.message.contains("a@1") == true && error?.message.contains("on b.") == true)
        let allowed = try merged([(one, 1), (two, 1)], MergeOptions(allowDifferentBase: true))
        #expect(allowed.adapter.base == one.base)
        // The second knows no name, so the third meets the first's.
        two.base = BaseModel()
        var three = two
        three.base = BaseModel(name: "c")
        #expect(code { try merged([(two, 1), (one, 1), (three, 1)]) } == .differentBase)
    }

    @Test(arguments: [
        Sample(out: 13), Sample(input: 10), Sample(kind: .transposedLinear), Sample(kind: .embedding),
        Sample(kind: .convolution), Sample(kind: .experts),
    ])
    func `Modules of another kind or shape`(other: Sample) throws {
        let error = failure { try merged([(try Self.sample(), 1), (try Self.sample(other), 1)]) }
        #expect(error?.code == .shapeMismatch && error?.module == "layer")
        #expect(error?.message.contains("[12, 9]") == true)
        #expect(error?.message.contains("\(other.kind)") == true)
    }

    @Test(arguments: ["llama-dora", "gpt2-conv1d-dora", "llama-kasa", "llama-velora", "llama-monteclora"])
    func `What is not linear is only passed through`(name: String) throws {
        let adapter = try PEFTFixture.load(name)
        let plain = try PEFTFixture.load("llama-lora-f32")
        #expect(code { try merged([(adapter, 0.5)]) } == .notLinear)
        #expect(code { try merged([(adapter, 1), (adapter, 1)]) } == .notLinear)
        #expect(code { try merged([(plain, 1), (adapter, 1)], MergeOptions(allowDifferentBase: true)) } == .notLinear)
        #expect(code { try merged([(adapter, 1)], MergeOptions(rank: 1)) } == .notLinear)
        #expect(code { try merged([(adapter, 1)], MergeOptions(energy: 0.01)) } == .notLinear)
        #expect(code { try merged([(adapter, 1)], MergeOptions(dtype: .bf16)) } == .notLinear)
        #expect(throws: Never.self) { try merged([(adapter, 1)], MergeOptions(rank: 64, dtype: .f32)) }
        if name.hasSuffix("dora") {
            #expect(failure { try merged([(adapter, 0.5)]) }?.message.contains("DoRA") == true)
        }
    }

    @Test func `Unknown settings are only passed through`() throws {
        var adapter = try Self.sample()
        adapter.behaviour = ["use_bdlora": true]
        #expect(throws: Never.self) { try merged([(adapter, 1)]) }
        let error = failure { try merged([(adapter, 2)]) }
        #expect(error?.code == .notLinear && error?.message.contains("use_bdlora") == true)
    }

    @Test func `Grouped convolutions keep their factors or are refused by name`() throws {
        let adapter = try PEFTFixture.load("cnn-conv-grouped")
        for options in [
            MergeOptions(rank: 2), MergeOptions(energy: 0.5), MergeOptions(dtype: .f16),
            MergeOptions(method: .cat, dtype: .bf16),
        ] {
            let error = failure { try merged([(adapter, 1)], options) }
            #expect(error?.code == .notLinear && error?.module == "grouped")
        }
        for method in [MergeMethod.cat, .exact] {
            let error = failure { try merged([(adapter, 1), (adapter, 1)], MergeOptions(method: method)) }
            #expect(error?.message.contains("the module 'grouped' is a convolution in 2 groups") == true)
        }
    }

    @Test(arguments: [MergeMethod.cat, .exact], [Double.nan, .infinity, -.infinity])
    func `Tensors that are not finite are named`(method: MergeMethod, value: Double) throws {
        let good = try Self.sample()
        let update = good.updates[0].update
        var values = try update.b.doubles()
        values[7] = value
        let bad = try Adapter(
            base: good.base,
            modules: [
                AdaptedModule(
                    name: "layer",
                    update: LowRankUpdate(
                        kind: .linear, a: update.a, b: tensor(values, update.b.shape.extents), rank: 3, alpha: 3,
                        scalingRule: .alphaOverRank),
                    parameters: [ModuleParameter(role: .updateBias, name: "bias", tensor: tensor([value], [1]))])
            ])
        let error = failure {
            try merged([(good, 1), (bad, 1)], MergeOptions(method: method)).adapter.readAll()
        }
        #expect(error?.code == .nonFinite && error?.module == "layer")
        #expect(error?.message.contains("'input 1': B of the module 'layer' holds \(value)") == true)
        #expect(code { try merged([(bad, 1)], MergeOptions(method: method)).certificate() } == .nonFinite)
        // Planning does not see the bias; reading it does.
        let bias = try merged([(good, 1), (bad, 1)], MergeOptions(method: .cat)).adapter.modules[0].parameters[0]
        #expect(code { try bias.tensor.bytes() } == .nonFinite)
    }

    @Test func `Ranks that add up beyond the largest`() throws {
        let shape = try required(Shape([40_000, 1]), "a shape")
        let factor = Tensor(dtype: .f32, shape: shape, source: Zeros())
        let adapter = try Adapter(
            base: BaseModel(),
            modules: [
                AdaptedModule(
                    name: "wide",
                    update: LowRankUpdate(
                        kind: .linear, a: factor, b: try factor.reshaped([1, 40_000]), rank: 40_000, alpha: 1,
                        scalingRule: .alphaOverRank))
            ])
        #expect(code { try merged([(adapter, 1), (adapter, 1)], MergeOptions(method: .cat)) } == .limitExceeded)
        #expect(code { try merged([(adapter, 1), (adapter, 1)]) } == .limitExceeded)
        #expect(throws: Never.self) { try merged([(adapter, 1)]).certificate() }
    }

    @Test func `Claims of huge tensors do not exhaust memory`() throws {
        // A compressed file can claim such a tensor in a few bytes.
        func claim(_ kind: WeightKind, _ a: [Int], _ b: [Int], rank: Int) throws -> Adapter {
            try Adapter(
                base: BaseModel(),
                modules: [
                    AdaptedModule(
                        name: "huge",
                        update: LowRankUpdate(
                            kind: kind, a: Tensor(dtype: .f32, shape: required(Shape(a), "a shape"), source: Zeros()),
                            b: Tensor(dtype: .f32, shape: required(Shape(b), "a shape"), source: Zeros()), rank: rank,
                            alpha: 1, scalingRule: .alphaOverRank))
                ])
        }
        for adapter in [
            try claim(.linear, [60_000, 1 << 31], [1 << 31, 60_000], rank: 60_000),
            try claim(.linear, [1, 1 << 31], [4, 1], rank: 1),
            try claim(.experts, [1 << 31, 2, 8], [1 << 31, 8, 2], rank: 2),
            try claim(.convolution, [1, 1 << 20, 1 << 20], [4, 1, 1], rank: 1),
        ] {
            for options in [MergeOptions(), MergeOptions(method: .cat), MergeOptions(rank: 1), MergeOptions(energy: 1)]
            {
                #expect(
                    code { try merged([(adapter, 1), (adapter, 1)], options).adapter.readAll() } == .limitExceeded)
            }
        }
    }
}

/// Zeros of any amount that are asked for.
private struct Zeros: TensorSource {
    func bytes(in range: Range<Int>) -> [UInt8] { [UInt8](repeating: 0, count: range.count) }
}
