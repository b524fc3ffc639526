import AdapterInterchange
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

/// Configurations made for adapters that PEFT has not written, such as merges.
@Suite struct PEFTDocumentTests {
    private func tensor(_ extents: [Int]) throws -> Tensor {
        let shape = try #require(Shape(extents))
        let values = (0..<shape.elementCount).map { Double($0 % 17) / 16 - 0.5 }
        return try Tensor(rounding: values, to: .f32, shape: shape)
    }

    private func module(
        _ name: String, rank: Int, alpha: Double, kind: WeightKind = .linear,
        rule: ScalingRule = .alphaOverRank, parameters: [ModuleParameter] = []
    ) throws -> AdaptedModule {
        let update = try LowRankUpdate(
            kind: kind, a: tensor([rank, 8]), b: tensor([6, rank]), rank: rank, alpha: alpha, scalingRule: rule)
        return try AdaptedModule(name: name, update: update, parameters: parameters)
    }

    /// Writes and reads again; gives the configuration that was made.
    private func document(of adapter: Adapter) throws -> [String: MetadataValue] {
        var document: [String: MetadataValue] = [:]
        try Scratch.with { folder in
            try PEFT.write(adapter, toFolder: "\(folder)/out")
            let again = try PEFT.read(folder: "\(folder)/out")
            #expect(again.updates.map(\.name) == adapter.updates.map(\.name))
            #expect(again.updates.map(\.update.scaling) == adapter.updates.map(\.update.scaling))
            #expect(again.behaviour == adapter.behaviour)
            document = try #require(again.notes.source?.configuration.map)
        }
        return document
    }

    @Test func `modules that deviate get patterns of their own`() throws {
        // Loaded in peft 0.21.2, such a configuration gave exactly s·B·A of each module.
        let adapter = try Adapter(
            base: BaseModel(name: "base", revision: "r1"),
            modules: [
                module("model.layers.0.q_proj", rank: 4, alpha: 4),
                module("model.layers.0.v_proj", rank: 4, alpha: 2.5),
                module("model.layers.1.q_proj", rank: 7, alpha: 4), module("model.layers.1.v_proj", rank: 4, alpha: 4),
            ])
        let document = try document(of: adapter)
        #expect(document["r"] == 4)
        #expect(document["lora_alpha"] == 4)
        #expect(document["rank_pattern"] == [#"^model\.layers\.1\.q_proj"#: 7])
        #expect(document["alpha_pattern"] == [#"^model\.layers\.0\.v_proj"#: 2.5])
        #expect(document["target_modules"]?.array?.count == 4)
        #expect(document["base_model_name_or_path"] == "base")
        #expect(document["revision"] == "r1")
        #expect(document["peft_type"] == "LORA")
        let written = try PEFT.read(folder: Fixtures.peft("llama-lora-f32")).notes.source?.configuration.map
        #expect(Set(document.keys) == written.map { Set($0.keys) })
    }

    @Test func `names with operators are escaped`() throws {
        let adapter = try Adapter(
            base: BaseModel(),
            modules: [
                module("a.b+(c)|[d]", rank: 2, alpha: 1), module("a.b", rank: 4, alpha: 4),
                module("c", rank: 4, alpha: 4),
            ])
        #expect(try document(of: adapter)["rank_pattern"] == [#"^a\.b\+\(c\)\|\[d\]"#: 2])
    }

    @Test func `of a configuration that is out of date what still holds is kept`() throws {
        var source = try PEFT.read(folder: Fixtures.peft("llama-task-c")).notes.source
        var entries = try #require(source?.configuration.map)
        entries["lora_dropout"] = 0.25
        source?.configuration = .map(entries)
        let layers = ["model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.k_proj", "x.mlp.down_proj"]
        let adapter = try Adapter(
            base: BaseModel(), modules: layers.map { try module($0, rank: 5, alpha: 5) },
            notes: AdapterNotes(source: source))
        let document = try document(of: adapter)
        #expect(document["r"] == 5)
        #expect(document["lora_alpha"] == 5)
        #expect(document["lora_dropout"] == 0.25)
        #expect(document["task_type"] == "CAUSAL_LM")
        #expect(document["target_modules"] == ["down_proj", "k_proj", "q_proj"])
        #expect(document["base_model_name_or_path"] == .null)
    }

    @Test func `targets that are idle or missing are written out`() throws {
        let source = try PEFT.read(folder: Fixtures.peft("llama-task-c")).notes.source
        let adapter = try Adapter(
            base: BaseModel(), modules: [module("a.q_proj", rank: 5, alpha: 5), module("a.o_proj", rank: 5, alpha: 5)],
            notes: AdapterNotes(source: source))
        #expect(try document(of: adapter)["target_modules"] == ["a.o_proj", "a.q_proj"])
    }

    @Test func `a source of another layout is not mistaken for a configuration`() throws {
        let source = SourceConfiguration(layout: "mlx", configuration: ["r": "x"], fileMetadata: ["format": "mlx"])
        let adapter = try Adapter(
            base: BaseModel(), modules: [module("a", rank: 2, alpha: 2)], notes: AdapterNotes(source: source))
        #expect(try document(of: adapter)["r"] == 2)
    }

    @Test func `invocation tokens make a causal language model`() throws {
        let adapter = try Adapter(
            base: BaseModel(), modules: [module("a", rank: 2, alpha: 2)], behaviour: ["alora_invocation_tokens": [3]])
        let document = try document(of: adapter)
        #expect(document["alora_invocation_tokens"] == [3])
        #expect(document["task_type"] == "CAUSAL_LM")
    }

    @Test func `a factor that is no longer block-diagonal is written whole`() throws {
        let original = try PEFT.read(folder: Fixtures.peft("llama-bdlora"))
        let modules = try original.modules.map { module in
            let update = try #require(module.update)
            return try AdaptedModule(
                name: module.name,
                update: LowRankUpdate(
                    kind: .linear, a: tensor(update.a.shape.extents), b: tensor(update.b.shape.extents),
                    rank: update.rank, alpha: update.alpha, scalingRule: update.scalingRule))
        }
        let adapter = try Adapter(base: original.base, modules: modules, notes: original.notes)
        #expect(try document(of: adapter)["use_bdlora"] == .null)
    }

    @Test func `what PEFT cannot say is refused`() throws {
        let magnitude = ModuleParameter(role: .magnitude, name: "", tensor: try tensor([6]))
        let experts = try LowRankUpdate(
            kind: .experts, a: tensor([3, 2, 8]), b: tensor([3, 6, 2]), rank: 2, alpha: 2, scalingRule: .alphaOverRank)
        let plain = try module("a", rank: 2, alpha: 2)
        let cases: [(modules: [AdaptedModule], behaviour: [String: MetadataValue])] = [
            ([plain, try module("b", rank: 2, alpha: 2, rule: .alphaOverSquareRootOfRank)], [:]),
            ([plain, try module("b", rank: 2, alpha: 2, kind: .transposedLinear)], [:]),
            ([plain, try module("b", rank: 2, alpha: 2, parameters: [magnitude])], [:]),
            ([plain], ["unheard_of": 1]),
            ([plain, try AdaptedModule(name: "b", update: experts)], [:]),
        ]
        for (modules, behaviour) in cases {
            let adapter = try Adapter(base: BaseModel(), modules: modules, behaviour: behaviour)
            try Scratch.with { folder in
                let error = #expect(throws: InterchangeError.self) {
                    try PEFT.write(adapter, toFolder: "\(folder)/out")
                }
                #expect(error?.code == .notExpressible)
                #expect(error?.message.hasPrefix("Unable to write '\(folder)/out': PEFT has no configuration") == true)
            }
        }
    }

    @Test func `parameters without names get PEFT's`() throws {
        let magnitude = ModuleParameter(role: .magnitude, name: "", tensor: try tensor([6]))
        let adapter = try Adapter(
            base: BaseModel(), modules: [module("a", rank: 2, alpha: 2, parameters: [magnitude])])
        try Scratch.with { folder in
            try PEFT.write(adapter, toFolder: "\(folder)/out")
            let file = try SafetensorsFile(opening: "\(folder)/out/\(PEFT.tensorsName)")
            #expect(file.entry(named: "base_model.model.a.lora_magnitude_vector") != nil)
            #expect(try PEFT.read(folder: "\(folder)/out").modules[0].parameter(.magnitude) != nil)
        }
    }

    @Test func `a file whose patterns would take for ever is refused soon`() throws {
        try Scratch.with { folder in
            let modules = try (0..<3000).map { index in
                try module("model.layers.\(index)." + String(repeating: "a.", count: 400) + "q", rank: 2, alpha: 2)
            }
            try PEFT.write(Adapter(base: BaseModel(), modules: modules), toFolder: "\(folder)/out")
            let patterns = (0..<1000).map { ("(a.|.a|[\($0)abc])*(.*x){9}", MetadataValue(2)) }
            let config: MetadataValue = [
                "peft_type": "LORA", "r": 2, "lora_alpha": 2,
                "rank_pattern": .map(Dictionary(patterns, uniquingKeysWith: { first, _ in first })),
            ]
            _ = try Scratch.file("\(folder)/out", Array(JSON.text(config).utf8), name: PEFT.configurationName)
            let clock = ContinuousClock()
            let time = clock.measure {
                let error = #expect(throws: InterchangeError.self) { try PEFT.read(folder: "\(folder)/out") }
                #expect(error?.code == .limitExceeded)
            }
            #expect(time < .seconds(60), "\(time)")
        }
    }
}
