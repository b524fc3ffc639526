import Adapters
import ByteCoding

/// A configuration made for an adapter that has none, or none that is still right.
struct PEFTDocument {
    /// The entries of `adapter_config.json`.
    private(set) var entries: [String: MetadataValue]

    /// The defaults of peft 0.21.2, which `inference_mode` apart are what it writes.
    private static let defaults: [String: MetadataValue] = [
        "alora_invocation_tokens": nil, "alpha_pattern": [:], "arrow_config": nil, "auto_mapping": nil,
        "base_model_name_or_path": nil, "bias": "none", "corda_config": nil, "ensure_weight_tying": false,
        "eva_config": nil, "exclude_modules": nil, "fan_in_fan_out": false, "inference_mode": true,
        "init_lora_weights": true, "kasa_config": nil, "layer_replication": nil, "layers_pattern": nil,
        "layers_to_transform": nil, "loftq_config": [:], "lora_alpha": 8, "lora_bias": false, "lora_dropout": 0.0,
        "lora_ga_config": nil, "megatron_config": nil, "megatron_core": "megatron.core", "modules_to_save": nil,
        "monteclora_config": nil, "peft_type": "LORA", "peft_version": "0.21.2", "qalora_group_size": 16, "r": 8,
        "rank_pattern": [:], "revision": nil, "target_modules": nil, "target_parameters": nil, "task_type": nil,
        "trainable_token_indices": nil, "use_bdlora": nil, "use_dora": false, "use_qalora": false,
        "use_rslora": false, "velora_config": nil,
    ]
    /// The behaviours that PEFT has an entry for.
    private static let behaviours = Set(
        PEFTConfiguration.plainBehaviours
            + ["init_lora_weights", "loftq_config", "qalora_group_size", "target_parameters", "use_qalora"])

    /// Makes the entries; what does not follow from the adapter (the task, dropout) is taken from `source`.
    ///
    /// - Throws: ``InterchangeError`` with code `notExpressible`.
    init(_ adapter: Adapter, source: [String: MetadataValue]?) throws {
        entries = source ?? PEFTDocument.defaults
        entries["peft_type"] = "LORA"
        entries["inference_mode"] = true
        entries["use_bdlora"] = nil as MetadataValue
        try setBehaviour(of: adapter)
        try setFlags(of: adapter)
        let targets = PEFTDocument.targets(of: adapter, parameters: entries["target_parameters"]?.array ?? [])
        try setScaling(of: adapter, targets: targets)
        try setTargets(targets)
        setSavedModules(of: adapter, isNew: source == nil)
    }

    private static func notExpressible(_ reason: String, name: String = "") -> InterchangeError {
        InterchangeError(.notExpressible, "PEFT has no configuration for this adapter: \(reason)", name: name)
    }

    private mutating func setBehaviour(of adapter: Adapter) throws {
        let keys = adapter.behaviour.keys.sorted { $0.precedesInUTF8($1) }
        if let unknown = keys.first(where: { !PEFTDocument.behaviours.contains($0) }) {
            throw PEFTDocument.notExpressible("its behaviour '\(unknown)' is not one of PEFT's", name: unknown)
        }
        let start = entries["init_lora_weights"]?.string
        for key in PEFTDocument.behaviours {
            // A start that leaves the base model alone is no behaviour and may stay.
            if key == "init_lora_weights", !(start.map(PEFTConfiguration.changesBase) ?? false),
                adapter.behaviour[key] == nil
            {
                continue
            }
            entries[key] = adapter.behaviour[key] ?? PEFTDocument.defaults[key] ?? .null
        }
        // PEFT looks for the invocation tokens in causal language models only.
        if adapter.behaviour["alora_invocation_tokens"] != nil, entries["task_type"] ?? .null == .null {
            entries["task_type"] = "CAUSAL_LM"
        }
    }

    private mutating func setFlags(of adapter: Adapter) throws {
        let updates = adapter.updates.map(\.update)
        let rules = Set(updates.map(\.scalingRule))
        guard rules.count <= 1 else {
            throw PEFTDocument.notExpressible("some modules scale by rank and some by its square root")
        }
        entries["use_rslora"] = MetadataValue(rules.contains(.alphaOverSquareRootOfRank))
        entries["fan_in_fan_out"] = MetadataValue(updates.contains { $0.kind == .transposedLinear })
        let parameters = adapter.modules.flatMap(\.parameters)
        entries["use_dora"] = MetadataValue(parameters.contains { $0.role == .magnitude })
        entries["lora_bias"] = MetadataValue(parameters.contains { $0.role == .updateBias })
    }

    /// What PEFT matches its lists and patterns against, for one module with an update.
    private struct Target {
        /// The module in the base model.
        let module: String
        /// The names whose rank and alpha patterns decide.
        let names: [String]
        let isParameter: Bool
    }

    private static func targets(of adapter: Adapter, parameters: [MetadataValue]) -> [String: Target] {
        var index = SuffixIndex<String>()
        var loose: [String] = []
        for name in parameters.compactMap(\.string) {
            if let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) {
                index.insert(String(name[name.utf8.index(after: dot)...]), under: String(name[..<dot]))
            } else {
                loose.append(name)
            }
        }
        var targets: [String: Target] = [:]
        let wrappers = Set(adapter.updates.map(\.name))
        for (name, update) in adapter.updates {
            let module = PEFTKey.baseName(ofModule: name)
            var names = update.kind == .linear || update.kind == .experts ? index.values(for: module) : []
            if update.kind == .experts { names += loose }
            if Set(names) == ["down_proj", "gate_up_proj"], wrappers.contains("\(module).base_layer") {
                // Mixtures of transformers declare gate_up_proj first, so its wrapper is the inner one; PEFT's own
                // conversion relies on it too (peft/utils/transformers_weight_conversion.py).
                names = [name == module ? "down_proj" : "gate_up_proj"]
            }
            targets[name] = Target(
                module: module, names: names.isEmpty ? [module] : names.map { "\(module).\($0)" },
                isParameter: !names.isEmpty)
        }
        return targets
    }

    /// The commonest rank and alpha for all, and a pattern for each module that deviates.
    private mutating func setScaling(of adapter: Adapter, targets: [String: Target]) throws {
        let updates = adapter.updates
        let rank = PEFTDocument.commonest(updates.map(\.update.rank)) ?? 8
        let alpha = PEFTDocument.commonest(updates.map(\.update.alpha)) ?? 8
        var rankPatterns: [String: MetadataValue] = [:]
        var alphaPatterns: [String: MetadataValue] = [:]
        for (name, update) in updates {
            for target in targets[name]?.names ?? [] {
                // Anchored and escaped, a key matches one name, so the order of keys does not matter.
                let key = "^" + PEFTDocument.escaped(target)
                if update.rank != rank { rankPatterns[key] = MetadataValue(update.rank) }
                if update.alpha != alpha { alphaPatterns[key] = PEFTDocument.number(update.alpha) }
            }
        }
        entries["r"] = MetadataValue(rank)
        entries["lora_alpha"] = PEFTDocument.number(alpha)
        entries["rank_pattern"] = .map(rankPatterns)
        entries["alpha_pattern"] = .map(alphaPatterns)
    }

    private mutating func setTargets(_ targets: [String: Target]) throws {
        let modules = Set(targets.values.filter { !$0.isParameter }.map(\.module)).sorted { $0.precedesInUTF8($1) }
        let isLimited = ["layers_to_transform", "exclude_modules"].contains { entries[$0].map { !$0.isNull } ?? false }
        if !isLimited, try areTargeted(modules) { return }
        entries["target_modules"] = .array(modules.map(MetadataValue.string))
        for key in ["layers_to_transform", "layers_pattern", "exclude_modules"] { entries[key] = .null }
    }

    /// Whether the targets at hand cover all modules and none of them is idle.
    private func areTargeted(_ modules: [String]) throws -> Bool {
        let configuration = try PEFTConfiguration(.map(entries))
        var budget = PEFTConfiguration.patternBudget
        var used: Set<String> = []
        for module in modules {
            guard let targets = try? configuration.targets(of: module, budget: &budget), !targets.isEmpty else {
                return false
            }
            used.formUnion(targets)
        }
        if let list = entries["target_modules"]?.array { return list.allSatisfy { used.contains($0.string ?? "") } }
        return !used.isEmpty
    }

    /// Modules that are stored whole are named, so that PEFT wraps them instead of overwriting the base model.
    private mutating func setSavedModules(of adapter: Adapter, isNew: Bool) {
        let saved = adapter.modules.filter { module in
            module.update == nil && module.parameters.contains { $0.role == .full }
                && !module.name.isEmpty
        }
        if isNew {
            let hasBias = adapter.modules.contains { module in
                module.parameters.contains { $0.role == .bias } && !saved.contains { $0.name == module.name }
            }
            if hasBias { entries["bias"] = "all" }
            if !saved.isEmpty { entries["modules_to_save"] = .array(saved.map { .string($0.name) }) }
        } else if saved.isEmpty {
            entries["modules_to_save"] = .null
        }
    }

    /// The value that occurs most often, the smallest of several.
    private static func commonest<Value: Comparable & Hashable>(_ values: [Value]) -> Value? {
        let counts = values.reduce(into: [Value: Int]()) { $0[$1, default: 0] += 1 }
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    private static func number(_ value: Double) -> MetadataValue {
        Int64(exactly: value).map(MetadataValue.integer) ?? .double(value)
    }

    /// A name as a pattern that matches it alone.
    static func escaped(_ name: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            if "\\.^$*+?{}[]()|".unicodeScalars.contains(scalar) { escaped.append("\\") }
            escaped.append(scalar)
        }
        return String(escaped)
    }
}
