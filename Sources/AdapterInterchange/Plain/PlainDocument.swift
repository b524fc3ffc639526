import Adapters
import ByteCoding
import Integrity
import Tensors

/// The description of an adapter whose tensors lie in a file of named arrays: everything that names and shapes alone do
/// not say.
///
/// `{"version": 1, "base": …, "behaviour": …, "modules": {NAME: {"kind", "rank", "alpha", "scaling"}},
/// "tensors": {ARRAY: {"module", "role", "name", "dtype"}}, "notes": …}`. A is [r, in], B is [out, r], and
/// ΔW = α/r · B·A, or α/√r · B·A where the scaling is `alphaOverSquareRootOfRank`.
struct PlainDocument {
    /// The most bytes of a description.
    static let maximumByteCount = 64 << 20
    private static let version: MetadataValue = 1
    private static let kinds: [WeightKind: String] = [
        .linear: "linear", .transposedLinear: "transposedLinear", .convolution: "convolution", .embedding: "embedding",
        .experts: "experts",
    ]
    private static let rules: [ScalingRule: String] = [
        .alphaOverRank: "alphaOverRank", .alphaOverSquareRootOfRank: "alphaOverSquareRootOfRank",
    ]
    private static let roles: [TensorRole: String] = [
        .a: "A", .b: "B", .magnitude: "magnitude", .updateBias: "updateBias", .bias: "bias", .full: "full",
        .tokenRows: "tokenRows", .opaque: "opaque",
    ]

    private let entries: [String: MetadataValue]

    /// The description as JSON.
    var bytes: [UInt8] { Array(JSON.text(.map(entries)).utf8) }

    /// Parses a description.
    ///
    /// - Throws: ``InterchangeError`` with code `invalidConfiguration`.
    init(parsing text: [UInt8]) throws {
        do {
            try SafetensorsHeader.checkTokenCount(text)
            guard let entries = try JSON.parse(text).map, entries["version"] == PlainDocument.version else {
                throw PlainDocument.invalid("is not of version 1")
            }
            self.entries = entries
        } catch let error as ByteCodingError {
            throw PlainDocument.invalid("is malformed: \(error)")
        }
    }

    private init(entries: [String: MetadataValue]) {
        self.entries = entries
    }

    private static func invalid(_ reason: String, name: String = "") -> InterchangeError {
        InterchangeError(
            .invalidConfiguration, "its description \(reason)", remedy: "Write the file again with adapterctl.",
            name: name)
    }

    /// The description of an adapter, and its tensors in the order of the modules.
    ///
    /// - Throws: ``InterchangeError`` with code `notExpressible` when two tensors would have one name.
    static func describing(_ adapter: Adapter) throws -> (PlainDocument, [(name: String, tensor: Tensor)]) {
        var modules: [String: MetadataValue] = [:]
        var described: [String: MetadataValue] = [:]
        var tensors: [(name: String, tensor: Tensor)] = []
        for module in adapter.modules {
            if let update = module.update {
                modules[module.name] = [
                    "kind": MetadataValue(kinds[update.kind]), "rank": MetadataValue(update.rank),
                    "alpha": .double(update.alpha), "scaling": MetadataValue(rules[update.scalingRule]),
                ]
            }
            for (role, name, tensor) in module.tensors {
                let last = role == .a ? "lora_A" : role == .b ? "lora_B" : name
                let whole = [module.name, last].filter { !$0.isEmpty }.joined(separator: ".")
                let entry: MetadataValue = [
                    "module": .string(module.name), "role": MetadataValue(roles[role]), "name": .string(name),
                    "dtype": .string(tensor.dtype.description),
                ]
                guard !whole.isEmpty, described.updateValue(entry, forKey: whole) == nil else {
                    throw InterchangeError(
                        .notExpressible, "two tensors would have the name '\(whole)'", name: whole)
                }
                tensors.append((whole, tensor))
            }
        }
        var entries: [String: MetadataValue] = [
            "version": version, "modules": .map(modules), "tensors": .map(described),
            "behaviour": .map(adapter.behaviour), "notes": adapter.notes.metadata,
        ]
        var base: [String: MetadataValue] = [:]
        base["name"] = adapter.base.name.map(MetadataValue.string)
        base["revision"] = adapter.base.revision.map(MetadataValue.string)
        base["digest"] = (adapter.base.digest?.description).map(MetadataValue.string)
        entries["base"] = .map(base)
        return (PlainDocument(entries: entries), tensors)
    }

    /// The adapter that the description makes of tensors.
    ///
    /// - Throws: ``InterchangeError`` with code `invalidConfiguration`, `missingTensor` or `invalidTensors`.
    func adapter(of tensors: [String: Tensor]) throws -> Adapter {
        guard let modules = entries["modules"]?.map, let described = entries["tensors"]?.map,
            let behaviour = entries["behaviour"]?.map
        else { throw PlainDocument.invalid("lacks modules, tensors or behaviour") }
        var parts: [String: [(role: TensorRole, name: String, tensor: Tensor)]] = [:]
        for (name, entry) in described {
            guard let stored = tensors[name] else {
                throw InterchangeError(.missingTensor, "the tensor '\(name)' is missing", name: name)
            }
            guard let module = entry["module"]?.string, let part = entry["name"]?.string,
                let role = PlainDocument.roles.first(where: { $0.value == entry["role"]?.string })?.key,
                let dtype = (entry["dtype"]?.string).flatMap(DType.init(name:))
            else { throw PlainDocument.invalid("says too little of the tensor '\(name)'", name: name) }
            guard dtype == stored.dtype || (stored.dtype == .f32 && dtype.isFloatingPoint) else {
                throw PlainDocument.invalid(
                    "has the tensor '\(name)' as \(dtype), the file as \(stored.dtype)", name: name)
            }
            // What has no type of its own in the file was widened exactly, so rounding gives it back.
            let isNarrow = stored.dtype == .f32 && [.f16, .bf16].contains(dtype)
            parts[module, default: []].append((role, part, isNarrow ? stored.rounded(to: dtype) : stored))
        }
        if let other = tensors.keys.filter({ described[$0] == nil }).min(by: { $0.precedesInUTF8($1) }) {
            throw PlainDocument.invalid("does not mention the tensor '\(other)'", name: other)
        }
        do {
            return try Adapter(
                base: try PlainDocument.base(entries["base"]),
                modules: try parts.map { name, parts in
                    try PlainDocument.module(name, parts, modules[name])
                }, behaviour: behaviour,
                notes: try entries["notes"].map(AdapterNotes.init(metadata:)) ?? AdapterNotes())
        } catch let error as AdapterError {
            throw InterchangeError(.invalidTensors, error.reason)
        }
    }

    private static func base(_ value: MetadataValue?) throws -> BaseModel {
        let digest = value?["digest"]?.string
        guard digest == nil || digest.flatMap(Digest.init(parsing:)) != nil else {
            throw invalid("has a digest that is none")
        }
        return BaseModel(
            name: value?["name"]?.string, revision: value?["revision"]?.string,
            digest: digest.flatMap(Digest.init(parsing:)))
    }

    private static func module(
        _ name: String, _ parts: [(role: TensorRole, name: String, tensor: Tensor)], _ entry: MetadataValue?
    ) throws -> AdaptedModule {
        let a = parts.filter { $0.role == .a }
        let b = parts.filter { $0.role == .b }
        let parameters = parts.filter { $0.role != .a && $0.role != .b }.map {
            ModuleParameter(role: $0.role, name: $0.name, tensor: $0.tensor)
        }
        guard let entry else {
            guard a.isEmpty, b.isEmpty else { throw invalid("says nothing of the module '\(name)'", name: name) }
            return try AdaptedModule(name: name, update: nil, parameters: parameters)
        }
        guard a.count == 1, b.count == 1,
            let kind = kinds.first(where: { $0.value == entry["kind"]?.string })?.key,
            let rule = rules.first(where: { $0.value == entry["scaling"]?.string })?.key,
            let rank = entry["rank"]?.integer, let alpha = entry["alpha"]?.number
        else { throw invalid("says too little of the module '\(name)'", name: name) }
        return try AdaptedModule(
            name: name,
            update: LowRankUpdate(
                kind: kind, a: a[0].tensor, b: b[0].tensor, rank: rank, alpha: alpha, scalingRule: rule),
            parameters: parameters)
    }

    /// The adapter of tensors without a description: pairs `lora_A` and `lora_B`, each with its alpha.
    ///
    /// - Throws: ``InterchangeError`` with code `missingTensor` or `invalidTensors`.
    static func adapter(of tensors: [String: Tensor], alphas: [String: Double]) throws -> Adapter {
        var pairs: [String: (a: Tensor?, b: Tensor?)] = [:]
        for (name, tensor) in tensors {
            guard let (module, isA) = factor(name) else {
                throw InterchangeError(
                    .invalidTensors, "the tensor '\(name)' is neither a lora_A nor a lora_B, and nothing describes it",
                    name: name)
            }
            if isA {
                pairs[module, default: (nil, nil)].a = tensor
            } else {
                pairs[module, default: (nil, nil)].b = tensor
            }
        }
        let alphas = Dictionary(alphas.map { (bare($0.key), $0.value) }, uniquingKeysWith: { first, _ in first })
        let modules = try pairs.map { name, pair in
            guard let a = pair.a, let b = pair.b, a.shape.rank > 0 else {
                throw InterchangeError(.missingTensor, "the module '\(name)' has lora_A or lora_B alone", name: name)
            }
            guard let alpha = alphas[name], alpha.isFinite else {
                throw InterchangeError(
                    .missingTensor, "nothing says the scaling of the module '\(name)'",
                    remedy: "Add a number '\(name).alpha', or the adapter_config.json that came with the tensors.",
                    name: name)
            }
            do {
                let update = try LowRankUpdate(
                    kind: a.shape.rank == 2 ? .linear : .convolution, a: a, b: b, rank: a.shape[0], alpha: alpha,
                    scalingRule: .alphaOverRank)
                return try AdaptedModule(name: name, update: update)
            } catch let error as AdapterError {
                throw InterchangeError(.invalidTensors, "in the module '\(name)' \(error.reason)", name: name)
            }
        }
        return try Adapter(base: BaseModel(), modules: modules)
    }

    /// The module of a factor's name.
    static func factor(_ name: String) -> (module: String, isA: Bool)? {
        for (ending, isA) in [
            (".lora_A", true), (".lora_B", false), (".lora_A.weight", true), (".lora_B.weight", false),
        ]
        where name.hasSuffix(ending) && name.utf8.count > ending.utf8.count {
            return (bare(String(name.dropLast(ending.count))), isA)
        }
        return nil
    }

    private static func bare(_ module: String) -> String {
        module.hasPrefix(PEFTKey.prefix) ? String(module.dropFirst(PEFTKey.prefix.count)) : module
    }
}
