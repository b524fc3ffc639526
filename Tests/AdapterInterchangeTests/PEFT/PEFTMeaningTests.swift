import AdapterInterchange
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

/// What the importer makes of PEFT's layouts.
@Suite struct PEFTMeaningTests {
    private func module(_ name: String, of adapter: String) throws -> AdaptedModule {
        let modules = try PEFT.read(folder: Fixtures.peft(adapter)).modules
        return try #require(modules.first { $0.name == name })
    }

    @Test(arguments: [
        ("llama-lora-f32", "model.layers.0.self_attn.q_proj", WeightKind.linear),
        ("gpt2-conv1d", "transformer.h.0.attn.c_attn", .transposedLinear),
        ("cnn-conv", "stem", .convolution), ("cnn-conv", "pointwise", .convolution),
        ("cnn-conv-grouped", "grouped", .convolution),
        ("llama-embedding", "model.embed_tokens", .embedding), ("llama-lm-head", "lm_head", .linear),
        ("qwen3-moe-experts", "model.layers.0.mlp.experts.base_layer", .experts),
        ("qwen3-moe-down-only", "model.layers.1.mlp.experts", .experts),
        ("gpt-oss-experts", "model.layers.0.self_attn.q_proj", .linear),
        ("mha", "attention", .linear), ("mha", "attention.base_layer.out_proj", .linear),
    ])
    func `weights are told apart`(adapter: String, name: String, kind: WeightKind) throws {
        #expect(try module(name, of: adapter).update?.kind == kind)
    }

    @Test func `ranks and alphas follow the patterns`() throws {
        let adapter = try PEFT.read(folder: Fixtures.peft("llama-rank-pattern"))
        let found = Dictionary(
            uniqueKeysWithValues: adapter.updates.map { ($0.name, ($0.update.rank, $0.update.alpha)) })
        // Worked out by hand from the configuration's keys and PEFT's rule.
        let expected: [(String, Int, Double)] = [
            ("model.layers.0.mlp.down_proj", 4, 12), ("model.layers.0.self_attn.q_proj", 8, 12),
            ("model.layers.0.self_attn.v_proj", 2, 12), ("model.layers.1.mlp.down_proj", 6, 8),
            ("model.layers.1.self_attn.k_proj", 4, 3), ("model.layers.1.self_attn.o_proj", 4, 3),
            ("model.layers.1.self_attn.q_proj", 4, 12), ("model.layers.1.self_attn.v_proj", 2, 8),
        ]
        for (name, rank, alpha) in expected {
            #expect(found[name]?.0 == rank, "\(name)")
            #expect(found[name]?.1 == alpha, "\(name)")
        }
        let rooted = try PEFT.read(folder: Fixtures.peft("llama-rank-pattern-rslora"))
        #expect(rooted.updates.allSatisfy { $0.update.scalingRule == .alphaOverSquareRootOfRank })
    }

    @Test func `parameters of experts have ranks of their own`() throws {
        let inner = try #require(module("model.layers.0.mlp.experts.base_layer", of: "qwen3-moe-mixed").update)
        let outer = try #require(module("model.layers.0.mlp.experts", of: "qwen3-moe-mixed").update)
        #expect(inner.rank == 2)
        #expect(inner.a.shape.extents == [4, 2, 32])
        #expect(inner.b.shape.extents == [4, 16, 2])
        #expect(outer.rank == 3)
        #expect(outer.a.shape.extents == [4, 3, 8])
        #expect(outer.b.shape.extents == [4, 32, 3])
    }

    @Test(arguments: [
        ("llama-dora", "model.layers.0.self_attn.q_proj", TensorRole.magnitude, "lora_magnitude_vector"),
        ("llama-lora-bias", "model.layers.0.self_attn.q_proj", .updateBias, "lora_B.bias"),
        ("qwen2-bias-all", "model.layers.0.self_attn.k_proj", .bias, "bias"),
        ("qwen2-bias-all", "model.layers.0.self_attn.q_proj", .bias, "base_layer.bias"),
        ("llama-modules-to-save", "lm_head", .full, "weight"),
        ("bert-classifier", "classifier", .full, "weight"),
        ("llama-embedding-full", "model.embed_tokens", .full, "base_layer.weight"),
        ("llama-trainable-tokens", "model.embed_tokens", .tokenRows, "token_adapter.trainable_tokens_delta"),
        ("llama-kasa", "model.layers.1.self_attn.v_proj", .opaque, "lora_diag"),
        ("llama-velora", "model.layers.1.self_attn.v_proj", .opaque, "lora_velora_embed"),
        ("llama-monteclora", "model.layers.1.self_attn.v_proj", .opaque, "lora_monteclora_sampler.std_prior"),
    ])
    func `other tensors get their roles`(adapter: String, name: String, role: TensorRole, suffix: String) throws {
        let parameters = try module(name, of: adapter).parameters
        #expect(parameters.contains { $0.role == role && $0.name == suffix })
    }

    static let behaviours: [(String, [String: MetadataValue])] = [
        ("llama-lora-f32", [:]),
        ("llama-alora", ["alora_invocation_tokens": [7, 11]]),
        ("llama-layer-replication", ["layer_replication": [[0, 2], [1, 2]]]),
        ("llama-kasa", ["kasa_config": ["beta": 0.0001, "gamma": 0.001]]),
        ("llama-pissa", ["init_lora_weights": "pissa"]), ("llama-pissa-converted", [:]),
        ("llama-olora", ["init_lora_weights": "olora"]), ("llama-bdlora", [:]),
        ("llama-trainable-tokens-tied", ["trainable_token_indices": ["embed_tokens": [1, 5]]]),
        ("qwen3-moe-down-only", ["target_parameters": ["mlp.experts.down_proj"]]),
        (
            "qwen3-moe-experts-swapped",
            ["target_parameters": ["mlp.experts.down_proj", "mlp.experts.gate_up_proj"]]
        ),
    ]

    @Test(arguments: behaviours)
    func `behaviour holds what the tensors do not show`(name: String, behaviour: [String: MetadataValue]) throws {
        #expect(try PEFT.read(folder: Fixtures.peft(name)).behaviour == behaviour)
    }

    @Test func `base and source are kept`() throws {
        let adapter = try PEFT.read(folder: Fixtures.peft("llama-task-a"))
        #expect(adapter.base == BaseModel(name: "adapterctl-test/tiny-llama"))
        #expect(adapter.notes.source?.layout == "peft")
        #expect(adapter.notes.source?.fileMetadata == ["format": "pt"])
        #expect(adapter.notes.source?.configuration["lora_alpha"] == 8)
        #expect(adapter.notes.source?.configuration["target_modules"] == ["v_proj", "k_proj", "q_proj"])
    }

    @Test func `named adapters are listed and read by name`() throws {
        let folder = Fixtures.peft("llama-multi")
        #expect(try PEFT.adapterNames(in: folder) == ["default", "style", "tone"])
        #expect(try PEFT.read(folder: folder).ranks == [4])
        #expect(try PEFT.read(folder: folder, adapter: "default").ranks == [4])
        #expect(try PEFT.read(folder: folder, adapter: "style").ranks == [8])
        let error = #expect(throws: InterchangeError.self) { try PEFT.read(folder: folder, adapter: "../llama-multi") }
        #expect(error?.code == .unknownAdapter)
    }

    /// ΔW of one fixture against NumPy's float64 result, for layouts whose factors are rearranged on import.
    @Test(arguments: [
        "qwen3-moe-experts", "qwen3-moe-experts-swapped", "qwen3-moe-down-only", "qwen3-moe-mixed", "gpt-oss-experts",
        "llama-bdlora", "llama-rank-pattern", "mha",
    ])
    func `the factors give the exact weight change`(name: String) throws {
        let adapter = try PEFT.read(folder: Fixtures.peft(name))
        let oracle = try SafetensorsFile(opening: "\(Fixtures.directory)/oracles/delta-\(name)/delta.safetensors")
        #expect(oracle.entries.count == adapter.updates.count)
        for (name, update) in adapter.updates {
            let entry = try #require(oracle.entry(named: name))
            let expected = try Self.doubles(oracle.bytes(of: entry))
            let actual = try Self.delta(update)
            #expect(actual.count == expected.count)
            let largest = expected.map(abs).max() ?? 0
            #expect(largest > 0)
            for (left, right) in zip(actual, expected) { #expect(abs(left - right) <= 1e-13 * largest) }
        }
    }

    private static func doubles(_ bytes: [UInt8]) -> [Double] {
        stride(from: 0, to: bytes.count, by: 8).map { start in
            Double(bitPattern: (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) })
        }
    }

    /// s·B·A, expert by expert.
    private static func delta(_ update: LowRankUpdate) throws -> [Double] {
        let (a, b) = (try update.a.doubles(), try update.b.doubles())
        let isStack = update.kind == .experts
        let count = isStack ? update.a.shape[0] : 1
        let rows = update.b.shape[isStack ? 1 : 0]
        let columns = update.a.shape[isStack ? 2 : 1]
        var delta: [Double] = []
        for expert in 0..<count {
            for row in 0..<rows {
                for column in 0..<columns {
                    var sum = 0.0
                    for inner in 0..<update.rank {
                        sum +=
                            b[(expert * rows + row) * update.rank + inner]
                            * a[(expert * update.rank + inner) * columns + column]
                    }
                    delta.append(update.scaling * sum)
                }
            }
        }
        return delta
    }
}
