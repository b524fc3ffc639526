import AdapterInterchange
import AdapterTesting
import Adapters
import ByteCoding
import FileSystem
import Tensors
import Testing

/// Folders that must be refused, each with its code.
@Suite struct PEFTMalformedTests {
    /// Runs a test on a copy of a fixture whose configuration and tensors were changed.
    private func expect(
        _ code: InterchangeError.Code?, _ fixture: String, config change: [String: MetadataValue] = [:],
        rename: [String: String] = [:], drop: [String] = [], naming: String = ""
    ) throws {
        try Scratch.with { folder in
            let source = Fixtures.peft(fixture)
            let text = try Scratch.contents("\(source)/\(PEFT.configurationName)")
            var config = try #require(try JSON.parse(text).map)
            config.merge(change) { _, new in new }
            _ = try Scratch.file(folder, Array(JSON.text(.map(config)).utf8), name: PEFT.configurationName)
            let file = try SafetensorsFile(opening: "\(source)/\(PEFT.tensorsName)")
            let tensors = try file.entries.filter { !drop.contains($0.name) }.map { entry in
                (name: rename[entry.name] ?? entry.name, tensor: try file.tensor(entry))
            }
            let output = try OutputFile(in: folder)
            try SafetensorsWriter.write(tensors, metadata: file.metadata, to: output)
            try output.commit(as: "\(folder)/\(PEFT.tensorsName)")
            guard let code else {
                _ = try PEFT.read(folder: folder)
                return
            }
            let error = #expect(throws: InterchangeError.self) { try PEFT.read(folder: folder) }
            #expect(error?.code == code)
            #expect(error?.path == folder)
            #expect(error?.message.contains(naming) == true, "\(error?.message ?? "")")
        }
    }

    private static let layer = "base_model.model.model.layers.0.self_attn.q_proj"

    @Test(arguments: ["lora_A.weight", "lora_B.weight"])
    func `a missing partner is named`(suffix: String) throws {
        let name = "\(Self.layer).\(suffix)"
        try expect(.missingTensor, "llama-lora-f32", drop: [name], naming: name)
    }

    @Test func `a missing magnitude is named`() throws {
        let name = "\(Self.layer).lora_magnitude_vector"
        try expect(.missingTensor, "llama-dora", drop: [name], naming: name)
    }

    @Test func `settings that contradict the tensors are refused`() throws {
        try expect(.configMismatch, "llama-lora-f32", config: ["r": 8], naming: "layers.0.self_attn.q_proj")
        try expect(.configMismatch, "llama-lora-f32", config: ["rank_pattern": ["v_proj": 2]], naming: "v_proj")
        try expect(.configMismatch, "llama-dora", config: ["use_dora": false], naming: "use_dora")
        try expect(.configMismatch, "llama-lora-bias", config: ["lora_bias": false], naming: "lora_bias")
        try expect(.configMismatch, "qwen3-moe-experts", config: ["r": 3], naming: "mlp.experts")
        try expect(.configMismatch, "qwen3-moe-experts", config: ["target_parameters": []], naming: "mlp.experts")
    }

    @Test func `of overlapping rank patterns the tensors choose`() throws {
        try expect(nil, "llama-lora-f32", config: ["rank_pattern": ["q_proj": 4, "attn.q_proj": 9, ".*": 3, "v.*": 4]])
        try expect(.configMismatch, "llama-lora-f32", config: ["rank_pattern": ["q_proj": 5, "attn.q_proj": 9]])
    }

    @Test func `entries of another type are refused`() throws {
        let cases: [(String, MetadataValue)] = [
            ("r", "4"), ("r", 4.0), ("lora_alpha", "8"), ("use_rslora", 1), ("use_dora", "yes"),
            ("rank_pattern", [1]), ("rank_pattern", ["a": "b"]), ("alpha_pattern", ["a": nil]),
            ("target_parameters", "a"), ("target_parameters", [1]), ("target_modules", 3), ("target_modules", [1]),
            ("base_model_name_or_path", 1), ("revision", []), ("peft_type", 1), ("peft_type", nil),
            ("fan_in_fan_out", 0), ("use_bdlora", "x"),
        ]
        for (key, value) in cases {
            try expect(.invalidConfiguration, "llama-lora-f32", config: [key: value], naming: key)
        }
    }

    @Test func `values beyond the limits are refused`() throws {
        var deep: MetadataValue = 1
        for _ in 0..<20 { deep = [deep] }
        try expect(.limitExceeded, "llama-lora-f32", config: ["custom": deep])
        let names = (0..<2000).map { MetadataValue.string("p\($0)") }
        try expect(.limitExceeded, "llama-lora-f32", config: ["target_parameters": .array(names)])
        try expect(.limitExceeded, "llama-bdlora", config: ["use_bdlora": ["nblocks": 1_000_000_000]])
        try expect(.limitExceeded, "llama-lora-f32", config: ["rank_pattern": ["a{9999}": 1]])
        try expect(
            .limitExceeded, "llama-lora-f32",
            rename: ["\(Self.layer).lora_A.weight": String(repeating: "a.", count: 5000)])
    }

    @Test func `patterns that need backtracking are named`() throws {
        try expect(
            .unsupportedPattern, "llama-lora-f32", config: ["alpha_pattern": ["(?=x)q_proj": 1]], naming: "(?=x)q_proj")
        // Which modules are targeted need not be known.
        try expect(nil, "llama-lora-f32", config: ["target_modules": "(?=x)q_proj"])
    }

    @Test func `blocks that do not divide are refused`() throws {
        let blocks: MetadataValue = ["nblocks": 3, "target_modules_bd_a": ["q_proj"]]
        try expect(.invalidTensors, "llama-lora-f32", config: ["use_bdlora": blocks])
    }

    @Test func `parameters that could have either alpha are refused`() throws {
        let pattern: MetadataValue = ["experts.down_proj": 9]
        try expect(.ambiguousParameter, "qwen3-moe-experts", config: ["alpha_pattern": pattern], naming: "mlp.experts")
        // With a rank of its own the parameter is known, and its alpha with it.
        try expect(nil, "qwen3-moe-mixed", config: ["alpha_pattern": pattern])
    }

    @Test func `a folder whose names no one knows is not an adapter that does nothing`() throws {
        let file = try SafetensorsFile(opening: Fixtures.peft("llama-lora-f32") + "/" + PEFT.tensorsName)
        let rename = Dictionary(
            uniqueKeysWithValues: file.entries.map { ($0.name, String($0.name.dropFirst("base_model.model.".count))) })
        try expect(.missingTensor, "llama-lora-f32", rename: rename)
    }

    @Test func `names that differ only in their encoding are refused`() throws {
        try expect(
            .invalidTensors, "llama-lora-f32",
            rename: [
                "\(Self.layer).lora_A.weight": "base_model.model.caf\u{E9}.lora_A.weight",
                "\(Self.layer).lora_B.weight": "base_model.model.cafe\u{301}.lora_B.weight",
            ])
    }

    @Test(arguments: ["ia3", "loha", "lokr", "prompt-tuning"])
    func `other methods are refused by name`(name: String) throws {
        let folder = "\(Fixtures.directory)/peft-unsupported/\(name)"
        let error = #expect(throws: InterchangeError.self) { try PEFT.read(folder: folder) }
        #expect(error?.code == .unsupportedMethod)
        let method = ["prompt-tuning": "PROMPT_TUNING"][name] ?? name.uppercased()
        #expect(error?.reason.contains("'\(method)'") == true)
    }

    @Test func `a pickle is refused and the way out named`() {
        let folder = "\(Fixtures.directory)/peft-unsupported/lora-pickle"
        let error = #expect(throws: InterchangeError.self) { try PEFT.read(folder: folder) }
        #expect(error?.code == .pickle)
        #expect(error?.message.contains("save_pretrained(folder, safe_serialization=True)") == true)
    }

    @Test func `folders without an adapter are refused`() throws {
        try Scratch.with { folder in
            let empty = #expect(throws: InterchangeError.self) { try PEFT.read(folder: folder) }
            #expect(empty?.code == .unknownLayout)
            #expect(!PEFT.isAdapterFolder(folder))
            for name in ["tone", "style"] {
                try Scratch.copy(Fixtures.peft("llama-multi/\(name)"), to: "\(folder)/\(name)")
            }
            let several = #expect(throws: InterchangeError.self) { try PEFT.read(folder: folder) }
            #expect(several?.code == .unknownAdapter)
            #expect(several?.remedy == "Name one of: style, tone.")
            #expect(try PEFT.read(folder: folder, adapter: "tone").ranks == [2])
            #expect(try ForeignLayout.detect(folder) == .peft)
            try Directory.remove("\(folder)/tone/\(PEFT.tensorsName)")
            let incomplete = #expect(throws: InterchangeError.self) { try PEFT.read(folder: folder, adapter: "tone") }
            #expect(incomplete?.code == .missingTensor)
        }
    }

    @Test func `configurations that are not documents are refused`() throws {
        try Scratch.with { folder in
            try Scratch.copy(Fixtures.peft("llama-lora-f32"), to: "\(folder)/a")
            let cases: [(String, InterchangeError.Code)] = [
                ("", .invalidConfiguration), ("[]", .invalidConfiguration),
                ("{\"r\":4,\"r\":8}", .invalidConfiguration),
                ("{\"peft_type\":\"LORA\",\"lora_alpha\":NaN}", .invalidConfiguration),
                ("{\"peft_type\":\"LORA\",\"r\":99999999999999999999}", .invalidConfiguration),
                ("{\"x\":\"" + String(repeating: "y", count: 5 << 20) + "\"}", .limitExceeded),
            ]
            for (text, code) in cases {
                _ = try Scratch.file("\(folder)/a", Array(text.utf8), name: PEFT.configurationName)
                let error = #expect(throws: InterchangeError.self) { try PEFT.read(folder: "\(folder)/a") }
                #expect(error?.code == code)
            }
        }
    }

    @Test func `not-a-numbers keep their bits`() throws {
        try Scratch.with { folder in
            try Scratch.copy(Fixtures.peft("llama-lora-f32"), to: "\(folder)/a")
            var bytes = try Scratch.contents("\(folder)/a/\(PEFT.tensorsName)")
            bytes.replaceSubrange(bytes.count - 8..<bytes.count, with: [1, 0, 0xA0, 0x7F, 0, 0, 0x80, 0xFF])
            _ = try Scratch.file("\(folder)/a", bytes, name: PEFT.tensorsName)
            try PEFT.write(PEFT.read(folder: "\(folder)/a"), toFolder: "\(folder)/b")
            #expect(try Scratch.contents("\(folder)/b/\(PEFT.tensorsName)") == bytes)
        }
    }

    @Test func `unknown keys and entries come back`() throws {
        try Scratch.with { folder in
            let source = Fixtures.peft("llama-lora-f32")
            var config = try #require(try JSON.parse(Scratch.contents("\(source)/\(PEFT.configurationName)")).map)
            config["from_the_future"] = ["a": [1, 1.0, nil, "x"]]
            config["lora_alpha"] = 8.0
            try Directory.create("\(folder)/a")
            _ = try Scratch.file(
                "\(folder)/a", Array(JSON.text(.map(config), indented: true).utf8), name: PEFT.configurationName)
            let file = try SafetensorsFile(opening: "\(source)/\(PEFT.tensorsName)")
            let stray = try Tensor(dtype: .i8, shape: #require(Shape([3])), bytes: [1, 2, 3])
            let names = [
                "stray", "base_model.model.top", "base_model.model..x", "base_model.model.",
                "base_model.other.lora_A.weight",
                "base_model.model.lora_A.weight", "base_model.model.a.base_layer.base_layer.weight",
                "base_model.model.a.lora_A.other.weight", "base_model.model.token_adapter.trainable_tokens_delta",
            ]
            let output = try OutputFile(in: "\(folder)/a")
            try SafetensorsWriter.write(
                file.entries.map { ($0.name, try file.tensor($0)) } + names.map { ($0, stray) },
                metadata: ["b": "1", "a": "2"], to: output)
            try output.commit(as: "\(folder)/a/\(PEFT.tensorsName)")
            let adapter = try PEFT.read(folder: "\(folder)/a")
            #expect(adapter.notes.source?.configuration == .map(config))
            try PEFT.write(adapter, toFolder: "\(folder)/b")
            for name in [PEFT.configurationName, PEFT.tensorsName] {
                #expect(try Scratch.contents("\(folder)/a/\(name)") == Scratch.contents("\(folder)/b/\(name)"))
            }
        }
    }

    @Test func `other paths are told what is accepted`() throws {
        try Scratch.with { folder in
            let error = #expect(throws: InterchangeError.self) { try ForeignLayout.detect(folder) }
            #expect(error?.code == .unknownLayout)
            #expect(error?.description.contains("PEFT") == true)
            let missing = #expect(throws: FileSystemError.self) { try ForeignLayout.detect("\(folder)/none") }
            #expect(missing?.code == .notFound)
        }
    }

    @Test func `messages show no control characters`() {
        let error = InterchangeError(.missingTensor, "the tensor '\u{1B}[31m\n' is missing", path: "x")
        #expect(error.message.unicodeScalars.allSatisfy { $0.value >= 0x20 })
    }
}
