import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Integrity
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

    /// The bytes of the changed tensors.
    private func bytes(_ inputs: [MergeInput], into base: BaseWeights) throws -> [String: [UInt8]] {
        try Dictionary(
            uniqueKeysWithValues: Fuse.fuse(inputs, into: base).weights.map { ($0.name, try $0.tensor.bytes()) })
    }

    /// Adapters of every kind of change to one base model: updates, DoRA, parameters in full, token rows.
    private func everything(count: Int, seed: UInt64) throws -> ([Adapter], BaseWeights) {
        var generator = SeededGenerator(seed: seed)
        let (_, base) = try sample(samples, seed: seed)
        var tensors = base.tensors
        for (name, extents) in [("dora", [70, 600]), ("head", [3, 5]), ("embed", [6, 5])] {
            tensors[name + ".weight"] = try randomTensor(extents, using: &generator)
        }
        let adapters = try (0..<count).map { index in
            func parameter(_ role: TensorRole, _ name: String, _ extents: [Int]) throws -> [ModuleParameter] {
                [ModuleParameter(role: role, name: name, tensor: try randomTensor(extents, using: &generator))]
            }
            let plain = try sampleAdapter(samples, using: &generator).modules
            let dora = try Sample(out: 70, input: 600, rank: 2).update(using: &generator)
            return try Adapter(
                base: BaseModel(),
                modules: plain + [
                    AdaptedModule(name: "dora", update: dora, parameters: parameter(.magnitude, "m", [70])),
                    AdaptedModule(name: "head", update: nil, parameters: parameter(.full, "weight", [3, 5])),
                    AdaptedModule(name: "embed", update: nil, parameters: parameter(.tokenRows, "rows", [2, 5])),
                ], behaviour: ["trainable_token_indices": [1, MetadataValue(3 + index)]])
        }
        return (adapters, BaseWeights(tensors: tensors, label: "base"))
    }

    @Test func `Inputs of known identity give the same bits in any order`() throws {
        let (adapters, base) = try everything(count: 3, seed: 11)
        let weights = [0.7, -1.3, 0.4]
        let inputs = adapters.enumerated().map { index, adapter in
            MergeInput(
                adapter: adapter, weight: weights[index], label: "\(index)", contentRoot: SHA256.hash([UInt8(index)]),
                factors: index == 1 ? ["wide": 0.3] : [:])
        }
        let reference = try bytes(inputs, into: base)
        #expect(reference.count == samples.count + 3)
        for order in [[2, 0, 1], [1, 0, 2], [2, 1, 0]] {
            #expect(try bytes(order.map { inputs[$0] }, into: base) == reference, "\(order)")
        }
        // The same adapter twice, told apart by its weights alone.
        var twice = [inputs[0], inputs[0], inputs[0]]
        (twice[1].weight, twice[2].factors) = (0.1, ["tall": 3])
        #expect(try bytes(twice, into: base) == bytes(twice.reversed(), into: base))
    }

    @Test func `Weights by module are those of an adapter with that module alone`() throws {
        let (adapters, base) = try everything(count: 1, seed: 12)
        let factors = ["wide": 0.3, "tall": 0, "flipped": -2, "dora": 0.7, "head": 0.2, "embed": -0.5]
        let whole = MergeInput(adapter: adapters[0], weight: 0.9, label: "whole", factors: factors)
        let parts = try adapters[0].modules.map { module in
            MergeInput(
                adapter: try Adapter(base: BaseModel(), modules: [module], behaviour: adapters[0].behaviour),
                weight: 0.9 * (factors[module.name] ?? 1), label: module.name)
        }
        let result = try bytes([whole], into: base)
        #expect(result["tall.weight"] == nil && result.count == samples.count + 2)
        #expect(try result == bytes(parts, into: base))
        // Against the definition, not only against itself.
        let values = try Fuse.fuse([whole], into: base).doubles("wide.weight")
        let expected = weightedSum([
            (1, ["wide": try required(base.tensors["wide.weight"], "wide").doubles()]),
            (0.9 * 0.3, ["wide": try adapters[0].dense("wide")]),
        ])
        #expect(relativeDistance(values, try required(expected["wide"], "wide")) < 3e-7)
        #expect(
            code {
                try Fuse.fuse([MergeInput(adapter: adapters[0], label: "x", factors: ["wide": .infinity])], into: base)
            } == .invalidWeight)
    }

    @Test func `Rows that several adapters train add up`() throws {
        let (adapters, base) = try everything(count: 2, seed: 13)
        let result = try fused([(adapters[0], 0.5), (adapters[1], -2)], into: base).doubles("embed.weight")
        let source = try required(base.tensors["embed.weight"], "embed").doubles()
        let rows = try adapters.map { adapter in
            try required(adapter.modules.first { $0.name == "embed" }?.parameter(.tokenRows), "rows").tensor.doubles()
        }
        var expected = source
        // Token 1 belongs to both, 3 and 4 to one each.
        for column in 0..<5 {
            for (adapter, weight) in [(0, 0.5), (1, -2.0)] {
                for (row, token) in [(0, 1), (1, 3 + adapter)] {
                    let place = token * 5 + column
                    expected[place] += weight * (rows[adapter][row * 5 + column] - source[place])
                }
            }
        }
        #expect(relativeDistance(result, expected) < 3e-7)
        let alone = try fused([(adapters[1], 1)], into: base).doubles("embed.weight")
        #expect(Array(alone[5..<10]) == Array(rows[1][0..<5]))
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
