import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

@Suite struct FuseLawTests {
    /// One adapter over a base of one weight for each of its modules, larger than a block of the computation.
    private func sample(_ samples: [Sample], seed: UInt64) throws -> (Adapter, BaseWeights) {
        var generator = SeededGenerator(seed: seed)
        let adapter = try sampleAdapter(samples, using: &generator)
        var tensors: [String: Tensor] = [:]
        for sample in samples {
            let extents =
                switch sample.kind {
                case .linear: [sample.out, sample.input]
                case .transposedLinear, .embedding: [sample.input, sample.out]
                case .convolution: [sample.out, sample.input, 3, 2]
                case .experts: [4, sample.out, sample.input]
                }
            tensors[sample.name + ".weight"] = try randomTensor(extents, .f32, using: &generator)
        }
        return (adapter, BaseWeights(tensors: tensors, label: "base"))
    }

    private let samples = [
        Sample(name: "wide", out: 70, input: 1030, rank: 5), Sample(name: "tall", out: 130, input: 33, rank: 7),
        Sample(name: "flipped", kind: .transposedLinear, out: 40, input: 600, rank: 4),
        Sample(name: "conv", kind: .convolution, out: 9, input: 4, rank: 3),
    ]

    @Test func `Several adapters add up`() throws {
        let (first, base) = try sample(samples, seed: 1)
        let (second, _) = try sample(samples, seed: 2)
        let result = try fused([(first, 0.7), (second, -1.3)], into: base)
        for sample in samples {
            let name = sample.name + ".weight"
            let weight = try required(base.tensors[name], name)
            let delta = weightedSum([(0.7, try first.dense()), (-1.3, try second.dense())])
            var expected = try weight.doubles()
            let change = try required(delta[sample.name], sample.name)
            for out in 0..<sample.out {
                let columns = change.count / sample.out
                for column in 0..<columns {
                    let place = sample.kind == .transposedLinear ? column * sample.out + out : out * columns + column
                    expected[place] += change[out * columns + column]
                }
            }
            #expect(relativeDistance(try result.doubles(name), expected) < 3e-7)
        }
    }

    @Test func `The order of inputs does not matter beyond rounding`() throws {
        let (first, base) = try sample(samples, seed: 3)
        let (second, _) = try sample(samples, seed: 4)
        let one = try fused([(first, 0.5), (second, 2)], into: base)
        let other = try fused([(second, 2), (first, 0.5)], into: base)
        for weight in one.weights {
            #expect(relativeDistance(try weight.tensor.doubles(), try other.doubles(weight.name)) < 2e-7)
        }
    }

    @Test func `What cancels leaves the base model, bit for bit at weight 0`() throws {
        let (adapter, base) = try sample(samples, seed: 5)
        let (other, _) = try sample([samples[1]], seed: 6)
        let result = try fused([(adapter, 0), (other, 1)], into: base)
        #expect(result.names == ["tall.weight"])
        let cancelled = try fused([(adapter, 1), (adapter, -1)], into: base)
        for weight in cancelled.weights {
            let source = try required(base.tensors[weight.name], weight.name)
            #expect(relativeDistance(try weight.tensor.doubles(), try source.doubles()) < 1e-6)
        }
    }

    @Test func `An update of zeros leaves every bit`() throws {
        var generator = SeededGenerator(seed: 7)
        for dtype in [DType.f32, .bf16, .f16] {
            let weight = try randomTensor([65, 513], dtype, using: &generator)
            let update = try LowRankUpdate(
                kind: .linear, a: randomTensor([2, 513], using: &generator),
                b: tensor([Double](repeating: 0, count: 130), [65, 2]), rank: 2, alpha: 4, scalingRule: .alphaOverRank)
            let adapter = try Adapter(base: BaseModel(), modules: [AdaptedModule(name: "m", update: update)])
            let result = try fused([(adapter, 1)], into: BaseWeights(tensors: ["m.weight": weight], label: "base"))
            #expect(try result.weights[0].tensor.bytes() == weight.bytes())
        }
    }

    @Test func `DoRA with a weight, beside another adapter`() throws {
        var generator = SeededGenerator(seed: 8)
        let sample = Sample(name: "m", out: 70, input: 600, rank: 3)
        let (dora, plain) = (try sample.update(using: &generator), try sample.update(using: &generator))
        let magnitude = try randomTensor([70], using: &generator)
        let weight = try randomTensor([70, 600], using: &generator)
        let adapter = try Adapter(
            base: BaseModel(),
            modules: [
                AdaptedModule(
                    name: "m", update: dora,
                    parameters: [ModuleParameter(role: .magnitude, name: "lora_magnitude_vector", tensor: magnitude)])
            ])
        let other = try Adapter(base: BaseModel(), modules: [AdaptedModule(name: "m", update: plain)])
        let result = try fused(
            [(adapter, 0.25), (other, -2)], into: BaseWeights(tensors: ["m.weight": weight], label: "base"))
        let (w, d, p) = (try weight.doubles(), try dora.dense(), try plain.dense())
        let m = try magnitude.doubles()
        var expected = w
        for row in 0..<70 {
            let range = row * 600..<(row + 1) * 600
            let gain = m[row] / norm(range.map { w[$0] + d[$0] })
            for index in range { expected[index] += 0.25 * (gain * (w[index] + d[index]) - w[index]) - 2 * p[index] }
        }
        #expect(relativeDistance(try result.doubles("m.weight"), expected) < 5e-7)
    }

    @Test func `A convolution in groups`() throws {
        let adapter = try PEFTFixture.load("cnn-conv-grouped")
        let (module, update) = try required(adapter.updates.first, "an update")
        let delta = try update.dense()
        var generator = SeededGenerator(seed: 9)
        let extents = [update.b.shape[0]] + update.a.shape.extents.dropFirst()
        let weight = try randomTensor(extents, using: &generator)
        let result = try fused(
            [(adapter, 2)], into: BaseWeights(tensors: [module + ".weight": weight], label: "base"))
        let expected = zip(try weight.doubles(), delta).map { $0 + 2 * $1 }
        #expect(relativeDistance(try result.doubles(module + ".weight"), expected) < 3e-7)
    }

    @Test func `Replaced parameters with weights are mixed`() throws {
        var generator = SeededGenerator(seed: 10)
        let (base, one, two) = (
            try randomTensor([3, 5], using: &generator), try randomTensor([3, 5], using: &generator),
            try randomTensor([3, 5], using: &generator)
        )
        func adapter(_ tensor: Tensor) throws -> Adapter {
            try Adapter(
                base: BaseModel(),
                modules: [
                    AdaptedModule(
                        name: "m", update: nil,
                        parameters: [ModuleParameter(role: .full, name: "weight", tensor: tensor)])
                ])
        }
        let weights = BaseWeights(tensors: ["m.weight": base], label: "base")
        let alone = try fused([(adapter(one), 1)], into: weights)
        #expect(try alone.weights[0].tensor.bytes() == one.bytes())
        let mixed = try fused([(adapter(one), 0.5), (adapter(two), 0.25)], into: weights)
        let expected = zip(try base.doubles(), zip(try one.doubles(), try two.doubles())).map {
            0.25 * $0 + 0.5 * $1.0 + 0.25 * $1.1
        }
        #expect(relativeDistance(try mixed.doubles("m.weight"), expected) < 2e-7)
    }
}
