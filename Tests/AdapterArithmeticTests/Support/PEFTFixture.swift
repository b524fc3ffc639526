import AdapterTesting
import Adapters
import ByteCoding
import Foundation
import Tensors

/// Adapters from PEFT folders, for tests only: knows just what the fixtures hold and takes every scale from
/// `adapter_config.json` by itself, like the oracles' generator.
enum PEFTFixture {
    /// The names of all PEFT fixtures but the one whose factors are stored narrow (block-diagonal).
    static let names: [String] = {
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: Fixtures.directory + "/peft")) ?? []
        return folders.filter { $0 != "llama-bdlora" }.sorted()
    }()

    static func load(_ name: String) throws -> Adapter { try load(folder: Fixtures.peft(name)) }

    static func load(folder: String) throws -> Adapter {
        let config = try document(folder + "/adapter_config.json")
        let file = try SafetensorsFile(folder + "/adapter_model.safetensors")
        var updates: [String: LowRankUpdate] = [:]
        var parameters: [String: [ModuleParameter]] = [:]
        let prefix = "base_model.model."
        let factorNames = file.entries.keys.compactMap { key in
            [".lora_A.weight", ".lora_embedding_A"].first(where: key.hasSuffix).map {
                String(key.dropFirst(prefix.count).dropLast($0.count))
            }
        }
        for (key, entry) in file.entries {
            let name = String(key.dropFirst(prefix.count))
            if let end = [".lora_A.weight", ".lora_embedding_A"].first(where: name.hasSuffix) {
                let module = String(name.dropLast(end.count))
                let bKey =
                    String(key.dropLast(end.count)) + (end == ".lora_A.weight" ? ".lora_B.weight" : ".lora_embedding_B")
                updates[module] = try update(
                    module, entry, try required(file.entries[bKey], bKey), isEmbedding: end == ".lora_embedding_A",
                    config, factorNames)
            } else if !name.hasSuffix(".lora_B.weight"), !name.hasSuffix(".lora_embedding_B") {
                let (module, parameter) = try self.parameter(name, entry)
                parameters[module, default: []].append(parameter)
            }
        }
        let names = Set(updates.keys).union(parameters.keys)
        return try Adapter(
            base: BaseModel(name: config["base_model_name_or_path"]?.string),
            modules: names.map {
                try AdaptedModule(name: $0, update: updates[$0], parameters: parameters[$0] ?? [])
            },
            behaviour: behaviour(config),
            notes: AdapterNotes(
                source: SourceConfiguration(layout: "peft", configuration: config, fileMetadata: [:])))
    }

    private static func behaviour(_ config: MetadataValue) -> [String: MetadataValue] {
        var result: [String: MetadataValue] = [:]
        for key in [
            "alora_invocation_tokens", "layer_replication", "trainable_token_indices", "kasa_config", "velora_config",
            "monteclora_config",
        ] {
            if let value = config[key], !value.isNull { result[key] = value }
        }
        if let names = config["target_parameters"]?.array, !names.isEmpty {
            result["target_parameters"] = .array(names.compactMap(\.string).sorted().map(MetadataValue.string))
        }
        return result
    }

    private static func update(
        _ module: String, _ a: SafetensorsFile.Entry, _ b: SafetensorsFile.Entry, isEmbedding: Bool,
        _ config: MetadataValue, _ names: [String]
    ) throws -> LowRankUpdate {
        let parameter = expertParameter(module, config, names)
        let rank = try pattern(config["rank_pattern"], parameter ?? module) ?? required(config["r"]?.number, "r")
        let alpha =
            try pattern(config["alpha_pattern"], parameter ?? module) ?? required(config["lora_alpha"]?.number, "alpha")
        let kind: WeightKind =
            parameter != nil
            ? .experts
            : isEmbedding
                ? .embedding
                : a.extents.count > 2
                    ? .convolution : config["fan_in_fan_out"]?.bool == true ? .transposedLinear : .linear
        var (aTensor, bTensor) = (try a.tensor(), try b.tensor())
        if kind == .experts {
            let (rank, out) = (Int(rank), b.extents[0])
            let experts = a.extents[0] / rank
            aTensor = try aTensor.reshaped([experts, rank, a.extents[1]])
            // B's columns are rank-major: column j · experts + e belongs to rank j of expert e.
            let size = bTensor.dtype.byteCount
            var bytes: [UInt8] = []
            for expert in 0..<experts {
                for row in 0..<out {
                    for column in 0..<rank {
                        let index = (row * experts * rank + column * experts + expert) * size
                        bytes += b.bytes[index..<index + size]
                    }
                }
            }
            bTensor = try Tensor(
                dtype: bTensor.dtype, shape: required(Shape([experts, out, rank]), "a shape"), bytes: bytes)
        }
        return try LowRankUpdate(
            kind: kind, a: aTensor, b: bTensor, rank: Int(rank), alpha: alpha,
            scalingRule: config["use_rslora"]?.bool == true ? .alphaOverSquareRootOfRank : .alphaOverRank)
    }

    private static func expertParameter(_ name: String, _ config: MetadataValue, _ names: [String]) -> String? {
        let targets = config["target_parameters"]?.array?.compactMap(\.string) ?? []
        var module = name
        var depth = 0
        while module.hasSuffix(".base_layer") {
            module.removeLast(".base_layer".count)
            depth += 1
        }
        // The order in which the base models declare them; PEFT wraps the last one outermost.
        let adapted = ["gate_up_proj", "down_proj"].map { module + "." + $0 }.filter { parameter in
            targets.contains { parameter.hasSuffix("." + $0) }
        }
        return adapted.count > depth ? adapted[adapted.count - 1 - depth] : nil
    }

    private static func pattern(_ patterns: MetadataValue?, _ name: String) throws -> Double? {
        for (key, value) in patterns?.map ?? [:] {
            if try Regex("(?:.*\\.)?(?:\(key))").wholeMatch(in: name) != nil { return value.number }
        }
        return nil
    }

    private static func parameter(_ name: String, _ entry: SafetensorsFile.Entry) throws -> (String, ModuleParameter) {
        let ends: [(String, TensorRole)] = [
            ("lora_B.bias", .updateBias), ("lora_magnitude_vector", .magnitude), ("lora_diag", .opaque),
            ("lora_velora_embed", .opaque), ("lora_monteclora_sampler.expert_weights", .opaque),
            ("lora_monteclora_sampler.expert_weights_prior", .opaque),
            ("lora_monteclora_sampler.gaussian_var_prior", .opaque), ("lora_monteclora_sampler.std_prior", .opaque),
            ("token_adapter.trainable_tokens_delta", .tokenRows), ("base_layer.weight", .full),
            ("base_layer.bias", .bias), ("weight", .full), ("bias", .bias),
        ]
        let (end, role) = try required(ends.first { name.hasSuffix("." + $0.0) }, "a role for \(name)")
        return (
            String(name.dropLast(end.count + 1)),
            ModuleParameter(role: role, name: end, tensor: try entry.tensor())
        )
    }
}
