import ByteCoding

/// The name of a tensor in a kohya file: a module's name with underscores for its dots, a dot, and what the tensor is.
struct KohyaKey: Hashable {
    /// The network that a prefix stands for, and the components of a pipeline that it can be.
    struct Network: Hashable {
        let prefix: String
        let components: [String]
    }

    /// Longer prefixes before those they begin with. LyCORIS's own prefix is for models without components.
    static let networks = [
        Network(prefix: "lora_unet_", components: ["unet", "transformer"]),
        Network(prefix: "lora_transformer_", components: ["transformer"]),
        Network(prefix: "lora_prior_unet_", components: ["prior"]),
        Network(prefix: "lora_te1_", components: ["text_encoder"]),
        Network(prefix: "lora_te2_", components: ["text_encoder_2"]),
        Network(prefix: "lora_te3_", components: ["text_encoder_3"]),
        Network(prefix: "lora_te_", components: ["text_encoder"]),
        Network(prefix: "lycoris_", components: [""]),
    ]

    /// Everything before the first dot: module names have none left.
    let module: String
    /// What the tensor is: `lora_down.weight`, `alpha`, `hada_w1_a`, ….
    let suffix: String
    /// The network, by the prefix.
    let network: Network

    /// Splits a name; nil when it has no such form.
    init?(parsing text: String) {
        guard let dot = text.utf8.firstIndex(of: UInt8(ascii: ".")),
            let network = KohyaKey.networks.first(where: { text.hasPrefix($0.prefix) })
        else { return nil }
        module = String(text[..<dot])
        suffix = String(text[text.utf8.index(after: dot)...])
        self.network = network
        guard module.utf8.count > network.prefix.utf8.count, !suffix.isEmpty else { return nil }
    }

    /// The key without what tells the module's tensors apart.
    var withoutSuffix: KohyaKey { KohyaKey(module: module, suffix: "", network: network) }

    private init(module: String, suffix: String, network: Network) {
        self.module = module
        self.suffix = suffix
        self.network = network
    }

    /// A module's name as kohya writes it.
    static func flattened(_ path: String) -> String {
        String(decoding: path.utf8.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
    }
}

/// Which module of the base model each of kohya's names stands for.
struct KohyaNames {
    private let known: [String: String]
    private let candidates: [String: [String]]?

    /// - Parameters:
    ///   - metadata: of the file; those that this project writes list their modules.
    ///   - base: the base model, whose modules decide.
    /// - Throws: ``InterchangeError`` with code `invalidConfiguration` when the list in the metadata is none.
    init(metadata: [String: String], base: BaseOutline?) throws {
        known = try metadata[Kohya.modulesKey].map(KohyaNames.listed) ?? [:]
        candidates = base.map { base in
            var candidates: [String: [String]] = [:]
            for module in base.modules {
                candidates["\(module.component)/\(KohyaKey.flattened(module.path))", default: []].append(module.path)
            }
            return candidates
        }
    }

    private static func listed(_ text: String) throws -> [String: String] {
        let invalid = InterchangeError(
            .invalidConfiguration, "the metadata entry '\(Kohya.modulesKey)' is not a map of names",
            name: Kohya.modulesKey)
        guard let entries = (try? JSON.parse(Array(text.utf8)))?.map else { throw invalid }
        return try entries.mapValues { value in
            guard let name = value.string else { throw invalid }
            return name
        }
    }

    /// The module's name.
    ///
    /// - Throws: ``InterchangeError`` with code `ambiguousName` or `unknownModule`.
    func module(_ key: KohyaKey) throws -> String {
        if let name = known[key.module] { return name }
        let rest = String(key.module.dropFirst(key.network.prefix.count))
        guard let candidates else {
            throw InterchangeError(
                .ambiguousName,
                "the name '\(key.module)' has underscores where the module's name has dots or underscores",
                remedy: "Name the base model with --base DIR (its folder, its pipeline's folder or its .safetensors "
                    + "file): its module list decides.", name: key.module)
        }
        // One-file checkpoints of newer denoisers have no prefix.
        let found = (key.network.components + [""]).flatMap { component in
            (candidates["\(component)/\(rest)"] ?? []).map { path in
                let component = component.isEmpty ? key.network.components[0] : component
                return component.isEmpty ? path : "\(component).\(path)"
            }
        }
        guard Set(found).count <= 1 else {
            throw InterchangeError(
                .ambiguousName, "the name '\(key.module)' can be \(found.map { "'\($0)'" }.joined(separator: " or "))",
                remedy: "Rename the tensors, or convert with the tool that wrote them.", name: key.module)
        }
        guard let name = found.first else {
            throw InterchangeError(
                .unknownModule, "the base model has no module whose name becomes '\(key.module)'",
                remedy: "Name the base model that it was trained on, in the same naming (original or diffusers).",
                name: key.module)
        }
        return name
    }
}
