import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

/// Everything but A and B.
@Suite struct ParameterTests {
    static func adapter(
        _ parameters: [String: [(TensorRole, String, [Double])]], updates: [String] = ["layer"], seed: UInt64 = 50,
        behaviour: [String: MetadataValue] = [:], alpha: Double = 6
    ) throws -> Adapter {
        var generator = SeededGenerator(seed: seed)
        let names = Set(updates).union(parameters.keys)
        return try Adapter(
            base: BaseModel(name: "base"),
            modules: names.sorted().map { name in
                try AdaptedModule(
                    name: name,
                    update: updates.contains(name) ? Sample(alpha: alpha).update(using: &generator) : nil,
                    parameters: (parameters[name] ?? []).map { role, name, values in
                        ModuleParameter(role: role, name: name, tensor: try tensor(values, [values.count]))
                    })
            }, behaviour: behaviour)
    }

    static func values(_ adapter: Adapter, _ module: String, _ role: TensorRole) throws -> [Double]? {
        try adapter.modules.first { $0.name == module }?.parameter(role)?.tensor.doubles()
    }

    @Test(arguments: [MergeMethod.cat, .exact])
    func `Biases of the update add up like B·A`(method: MergeMethod) throws {
        let one = try Self.adapter(["layer": [(.updateBias, "lora_B.bias", [1, 2])]], alpha: 6)
        let two = try Self.adapter(["layer": [(.updateBias, "lora_B.bias", [10, -4])]], alpha: 1.5)
        let none = try Self.adapter([:])
        let result = try merged([(one, 0.5), (two, -2), (none, 7)], MergeOptions(method: method)).adapter
        // Scalings 2 and 0.5, rank 3: 0.5 · 2 · x − 2 · 0.5 · y.
        #expect(try Self.values(result, "layer", .updateBias) == [-9, 6])
        #expect(result.updates[0].update.scaling == 1)
    }

    @Test func `The update's bias of a single adapter follows its factors`() throws {
        let one = try Self.adapter(["layer": [(.updateBias, "lora_B.bias", [1, 2])]])
        let kept = try merged([(one, 0.5)]).adapter
        #expect(try Self.values(kept, "layer", .updateBias) == [1, 2])
        #expect(kept.updates[0].update.scaling == 1)
        let truncated = try merged([(one, 0.25)], MergeOptions(rank: 1)).adapter
        #expect(try Self.values(truncated, "layer", .updateBias) == [0.5, 1])
        let converted = try merged([(one, 0.25)], MergeOptions(dtype: .bf16)).adapter
        #expect(try Self.values(converted, "layer", .updateBias) == [1, 2])
        #expect(converted.dtypes == [.bf16])
    }

    @Test(arguments: [TensorRole.bias, .full, .tokenRows])
    func `Absolute values are refused unless a policy is chosen`(role: TensorRole) throws {
        let one = try Self.adapter(["head": [(role, "weight", [1, 2])]])
        let other = try Self.adapter(["head": [(role, "weight", [5, 4])]])
        for inputs: [(Adapter, Double)] in [[(one, 0.5)], [(one, 1), (other, 1)]] {
            let error = failure { try merged(inputs) }
            #expect(error?.code == .absoluteParameters)
            #expect(error?.message.contains("head.weight") == true)
            #expect(error?.message.contains("--absolute first, average or drop") == true)
        }
        let first = try merged([(one, 0.5), (other, 1)], MergeOptions(absolute: .first)).adapter
        #expect(try Self.values(first, "head", role) == [1, 2])
        let second = try merged([(try Self.adapter([:]), 1), (other, 1)], MergeOptions(absolute: .first)).adapter
        #expect(try Self.values(second, "head", role) == [5, 4])
        let mean = try merged([(one, 1), (other, 3)], MergeOptions(absolute: .average)).adapter
        #expect(try Self.values(mean, "head", role) == [4, 3.5])
        let alone = try merged([(one, 0.3)], MergeOptions(absolute: .average)).adapter
        #expect(try Self.values(alone, "head", role) == [1, 2])
        let dropped = try merged([(one, 1), (other, 3)], MergeOptions(absolute: .drop)).adapter
        #expect(dropped.modules.map(\.name) == ["layer"])
    }

    @Test func `Weights by module count for averages, and 0 leaves an adapter out`() throws {
        func head(_ values: [Double], bias: [Double]? = nil) throws -> Adapter {
            try Self.adapter([
                "head": [(.full, "weight", values)],
                "layer": bias.map { [(.updateBias, "lora_B.bias", $0)] } ?? [],
            ])
        }
        let (one, two) = (try head([1, 2], bias: [1, 2]), try head([5, 4], bias: [10, -4]))
        let without = try Self.adapter([:])
        func values(
            _ inputs: [(Adapter, Double, [String: Double])], _ role: TensorRole = .full,
            _ policy: AbsolutePolicy = .average
        ) throws -> [Double]? {
            let result = try Merge.merge(
                inputs.enumerated().map { MergeInput(adapter: $1.0, weight: $1.1, label: "\($0)", factors: $1.2) },
                options: MergeOptions(absolute: policy))
            return try Self.values(result.adapter, role == .full ? "head" : "layer", role)
        }
        // 0.5 · 2 and 3 are 1 and 3.
        #expect(try values([(one, 0.5, ["head": 2]), (two, 3, [:])]) == [4, 3.5])
        #expect(try values([(one, 0.5, ["head": 0]), (two, 3, [:])]) == [5, 4])
        #expect(try values([(one, 1, ["head": 0]), (two, 1, [:])], .full, .first) == [5, 4])
        // Who is left out need not have any.
        #expect(try values([(without, 1, ["head": 0]), (two, 1, [:])]) == [5, 4])
        #expect(try values([(one, 1, ["head": 0]), (two, 1, ["head": 0])], .full, .refuse) == nil)
        // Scaling 2: 2 · (0.5 · 4 · x − 0.25 · y).
        #expect(
            try values([(one, 0.5, ["layer": 4]), (two, 0.25, ["layer": -1])], .updateBias) == [-1, 10])
    }

    @Test func `An average needs everyone's value, equal shapes and weights with a sum`() throws {
        let one = try Self.adapter(["head": [(.full, "weight", [1, 2])]])
        let without = try Self.adapter([:])
        let longer = try Self.adapter(["head": [(.full, "weight", [1, 2, 3])]])
        let average = MergeOptions(absolute: .average)
        #expect(
            failure { try merged([(one, 1), (without, 1)], average) }?.message.contains("'input 1' has none") == true)
        #expect(code { try merged([(one, 1), (without, 1)], average) } == .absoluteParameters)
        #expect(code { try merged([(one, 1), (longer, 1)], average) } == .shapeMismatch)
        #expect(code { try merged([(one, 1), (one, -1)], average) } == .absoluteParameters)
        #expect(code { try merged([(one, 1), (one, -1 + 1e-9)], average) } == .absoluteParameters)
    }

    @Test func `Averages keep the type the inputs share and may be read in pieces`() throws {
        func half(_ values: [Double], _ dtype: DType) throws -> Adapter {
            try Adapter(
                base: BaseModel(),
                modules: [
                    AdaptedModule(
                        name: "head", update: nil,
                        parameters: [ModuleParameter(role: .full, name: "weight", tensor: tensor(values, [3], dtype))])
                ])
        }
        let options = MergeOptions(absolute: .average)
        let same = try merged([(half([1, 2, 3], .f16), 1), (half([3, 6, 9], .f16), 1)], options).adapter
        let mixed = try merged([(half([1, 2, 3], .f16), 1), (half([3, 6, 9], .bf16), 1)], options).adapter
        #expect(same.dtypes == [.f16] && mixed.dtypes == [.f32])
        for adapter in [same, mixed] {
            let tensor = adapter.modules[0].parameters[0].tensor
            #expect(try tensor.doubles() == [2, 4, 6])
            let all = try tensor.bytes()
            for start in 0...all.count {
                for end in start...all.count { #expect(try tensor.bytes(in: start..<end) == Array(all[start..<end])) }
            }
        }
    }

    @Test func `A module that one adapter replaces and another adapts is refused`() throws {
        let replacing = try Self.adapter(["layer": [(.full, "weight", [1])]], updates: [])
        let adapting = try Self.adapter([:])
        #expect(
            code { try merged([(replacing, 1), (adapting, 1)], MergeOptions(absolute: .first)) } == .absoluteParameters)
        let dropped = try merged([(replacing, 1), (adapting, 1)], MergeOptions(absolute: .drop)).adapter
        #expect(dropped.modules[0].parameters.isEmpty && dropped.modules[0].update != nil)
        // Both in one adapter belong together, as with a targeted embedding that is also stored.
        let both = try Self.adapter(["layer": [(.full, "base_layer.weight", [1])]])
        let result = try merged([(both, 1), (adapting, 1)], MergeOptions(absolute: .first)).adapter
        #expect(try Self.values(result, "layer", .full) == [1])
    }

    @Test func `Trained tokens go with their indices`() throws {
        let rows: [String: [(TensorRole, String, [Double])]] = ["embed": [(.tokenRows, "delta", [1, 2])]]
        let one = try Self.adapter(rows, behaviour: ["trainable_token_indices": [1, 5]])
        let two = try Self.adapter(
            ["embed": [(.tokenRows, "delta", [3, 6])], "other": [(.tokenRows, "delta", [9, 9])]],
            behaviour: ["trainable_token_indices": [1, 6]])
        let none = try Self.adapter([:])
        let first = try merged([(none, 1), (one, 1), (two, 1)], MergeOptions(absolute: .first)).adapter
        #expect(first.behaviour == ["trainable_token_indices": [1, 5]])
        #expect(try Self.values(first, "embed", .tokenRows) == [1, 2])
        #expect(try Self.values(first, "other", .tokenRows) == nil)
        let dropped = try merged([(one, 1), (two, 1)], MergeOptions(absolute: .drop)).adapter
        #expect(dropped.behaviour.isEmpty && dropped.modules.map(\.name) == ["layer"])
        #expect(code { try merged([(one, 1), (two, 1)], MergeOptions(absolute: .average)) } == .absoluteParameters)
        #expect(code { try merged([(one, 1), (none, 1)], MergeOptions(absolute: .average)) } == .absoluteParameters)
        let mean = try merged([(one, 1), (one, 3)], MergeOptions(absolute: .average)).adapter
        #expect(mean.behaviour == ["trainable_token_indices": [1, 5]])
        #expect(try Self.values(mean, "embed", .tokenRows) == [1, 2])
    }

    @Test func `Settings about where an adapter applies must agree and are carried over`() throws {
        for key in ["alora_invocation_tokens", "layer_replication"] {
            let one = try Self.adapter([:], seed: 51, behaviour: [key: [1, 2]])
            let two = try Self.adapter([:], seed: 52, behaviour: [key: [1, 2]])
            let other = try Self.adapter([:], seed: 53, behaviour: [key: [3]])
            #expect(try merged([(one, 0.5), (two, 2)]).adapter.behaviour == [key: [1, 2]])
            #expect(try merged([(one, 0.5)]).adapter.behaviour == [key: [1, 2]])
            let error = failure { try merged([(one, 1), (other, 1)]) }
            #expect(error?.code == .notLinear)
            #expect(error?.message.contains("[1,2] and [3]") == true)
            #expect(code { try merged([(try Self.adapter([:]), 1), (one, 1)]) } == .notLinear)
        }
    }

    @Test func `Stacked updates must change the same parameters`() throws {
        let both = try PEFTFixture.load("qwen3-moe-experts")
        let down = try PEFTFixture.load("qwen3-moe-down-only")
        // Both have a module `mlp.experts` of the same shape; a sum of the modules would still be legal.
        let error = failure { try merged([(both, 1), (down, 1)]) }
        #expect(error?.code == .notLinear && error?.message.contains("target_parameters") == true)
        let plain = try Self.adapter([:])
        let options = MergeOptions(allowDifferentBase: true)
        #expect(try merged([(plain, 1), (down, 2)], options).adapter.behaviour == down.behaviour)
        #expect(try merged([(down, 0.5)]).adapter.behaviour == down.behaviour)
        #expect(down.behaviour["target_parameters"] == ["mlp.experts.down_proj"])
    }
}
