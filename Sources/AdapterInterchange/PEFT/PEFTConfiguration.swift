import Adapters
import ByteCoding

/// The entries of `adapter_config.json` (peft 0.21.2) that decide what the tensors mean.
struct PEFTConfiguration {
    /// The largest configuration file, in bytes.
    static let maximumByteCount = 4 << 20
    /// How deep the document may nest; our own file stores it a few levels below its root.
    static let maximumDepth = 8
    /// The steps that comparing patterns with module names may take in one adapter.
    static let patternBudget = 200_000_000

    /// Entries that change what an adapter computes and that its tensors do not show.
    static let plainBehaviours = [
        "alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication", "megatron_config",
        "monteclora_config", "trainable_token_indices", "velora_config",
    ]
    /// Starts that change the base model when PEFT loads the adapter.
    private static let baseChangingStarts = ["pissa", "olora", "corda", "loftq", "lora_ga"]

    /// Which modules PEFT adapts.
    enum Targets {
        /// Names or their last components.
        case list(SuffixIndex<String>)
        /// A pattern that matches the whole name.
        case pattern(PythonPattern)
        /// Nothing is said.
        case none
        /// A pattern that cannot be evaluated, for this reason.
        case unsupported(InterchangeError)
    }

    /// The most entries of `target_parameters`.
    static let maximumParameterCount = 1024

    /// The whole document.
    let document: [String: MetadataValue]
    let rank: Int
    let alpha: Double
    let rankPatterns: ModulePatterns<Int>
    let alphaPatterns: ModulePatterns<Double>
    let scalingRule: ScalingRule
    let usesDoRA: Bool
    let hasUpdateBias: Bool
    let isTransposed: Bool
    let targets: Targets
    /// The names of parameters, under the names of the modules that hold them.
    let parameters: SuffixIndex<String>
    /// Names of parameters without a module: they fit every module.
    let looseParameters: [String]
    let blocks: PEFTBlocks?
    let base: BaseModel

    /// Checks the entries that matter.
    ///
    /// - Throws: ``InterchangeError`` with code `invalidConfiguration`, `unsupportedMethod`, `unsupportedPattern` or
    ///   `limitExceeded`.
    init(_ value: MetadataValue) throws {
        guard let document = value.map else {
            throw InterchangeError(.invalidConfiguration, "the configuration is not a JSON object")
        }
        guard value.isNested(atMost: PEFTConfiguration.maximumDepth) else {
            throw InterchangeError(
                .limitExceeded, "the configuration nests deeper than \(PEFTConfiguration.maximumDepth) levels")
        }
        self.document = document
        let fields = PEFTFields(document: document)
        guard let method = try fields.string("peft_type") else {
            throw InterchangeError(
                .invalidConfiguration, "the configuration does not say its peft_type", name: "peft_type")
        }
        guard method == "LORA" else {
            throw InterchangeError(
                .unsupportedMethod, "its peft_type is '\(method)', only LORA is supported",
                remedy: "Convert the adapter to LoRA first.", name: "peft_type")
        }
        rank = try fields.integer("r") ?? 8
        alpha = try fields.number("lora_alpha") ?? 8
        rankPatterns = try ModulePatterns(
            fields.map("rank_pattern").mapValues { value in
                guard let rank = value.integer else { throw PEFTFields.wrongType("rank_pattern", "a map of integers") }
                return rank
            })
        alphaPatterns = try ModulePatterns(
            fields.map("alpha_pattern").mapValues { value in
                guard let alpha = value.number else { throw PEFTFields.wrongType("alpha_pattern", "a map of numbers") }
                return alpha
            })
        scalingRule = try fields.flag("use_rslora") ? .alphaOverSquareRootOfRank : .alphaOverRank
        usesDoRA = try fields.flag("use_dora")
        hasUpdateBias = try fields.flag("lora_bias")
        isTransposed = try fields.flag("fan_in_fan_out")
        targets = try PEFTConfiguration.targets(fields)
        var parameters = SuffixIndex<String>()
        var looseParameters: [String] = []
        for name in try PEFTConfiguration.parameterNames(fields) {
            if let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) {
                parameters.insert(String(name[name.utf8.index(after: dot)...]), under: String(name[..<dot]))
            } else {
                looseParameters.append(name)
            }
        }
        self.parameters = parameters
        self.looseParameters = looseParameters
        blocks = try PEFTBlocks(fields)
        let name = try fields.string("base_model_name_or_path")
        base = BaseModel(name: name == "" ? nil : name, revision: try fields.string("revision"))
    }

    private static func targets(_ fields: PEFTFields) throws -> Targets {
        if let pattern = fields.document["target_modules"]?.string {
            do {
                return .pattern(try PythonPattern(pattern))
            } catch let error as InterchangeError {
                // The pattern matters only where parameters must be told from modules.
                return .unsupported(error)
            }
        }
        guard let names = try fields.strings("target_modules") else { return .none }
        var index = SuffixIndex<String>()
        for name in Set(names) { index.insert(name, under: name) }
        return .list(index)
    }

    private static func parameterNames(_ fields: PEFTFields) throws -> [String] {
        let names = Set(try fields.strings("target_parameters") ?? [])
        guard names.count <= maximumParameterCount else {
            throw InterchangeError(
                .limitExceeded, "target_parameters has \(names.count) entries, \(maximumParameterCount) are possible",
                name: "target_parameters")
        }
        return names.sorted { $0.precedesInUTF8($1) }
    }

    /// The elements of `target_modules` that target a module; a pattern counts as one.
    func targets(of module: String, budget: inout Int) throws -> [String] {
        switch targets {
        case .none: return []
        case .unsupported(let error): throw error
        case .list(let index): return index.values(for: module)
        case .pattern(let pattern):
            return try pattern.matches(Array(module.unicodeScalars), whole: true, budget: &budget)
                ? [document["target_modules"]?.string ?? ""] : []
        }
    }

    /// The names of the parameters that PEFT would adapt in a module; empty when the module itself is adapted.
    func parameters(of module: String, budget: inout Int) throws -> [String] {
        var names = Set(parameters.values(for: module))
        if !looseParameters.isEmpty, try targets(of: module, budget: &budget).isEmpty {
            names.formUnion(looseParameters)
        }
        return names.sorted { $0.precedesInUTF8($1) }
    }

    /// What the adapter does beyond its tensors; only entries that differ from PEFT's defaults.
    func behaviour(hasParameters: Bool) throws -> [String: MetadataValue] {
        var behaviour: [String: MetadataValue] = [:]
        for key in PEFTConfiguration.plainBehaviours {
            if let value = document[key], !value.isNull { behaviour[key] = value }
        }
        let fields = PEFTFields(document: document)
        if try fields.flag("use_qalora") {
            behaviour["use_qalora"] = true
            behaviour["qalora_group_size"] = document["qalora_group_size"] ?? 16
        }
        if let start = document["init_lora_weights"]?.string, PEFTConfiguration.changesBase(start) {
            behaviour["init_lora_weights"] = .string(start)
            if let loftQ = document["loftq_config"], loftQ.map?.isEmpty == false { behaviour["loftq_config"] = loftQ }
        }
        if hasParameters {
            // The tensors' names do not say which parameter they adapt, so equal tensors could do different things.
            behaviour["target_parameters"] = .array(
                try PEFTConfiguration.parameterNames(fields).map(MetadataValue.string))
        }
        return behaviour
    }

    /// Whether PEFT changes the base model for that start when it loads an adapter.
    static func changesBase(_ start: String) -> Bool {
        baseChangingStarts.contains { start.lowercased().hasPrefix($0) }
    }
}

extension MetadataValue {
    /// Whether no value lies deeper than that many levels; a plain value has one.
    fileprivate func isNested(atMost depth: Int) -> Bool {
        guard depth > 0 else { return false }
        switch self {
        case .array(let elements): return elements.allSatisfy { $0.isNested(atMost: depth - 1) }
        case .map(let entries): return entries.values.allSatisfy { $0.isNested(atMost: depth - 1) }
        default: return true
        }
    }
}
