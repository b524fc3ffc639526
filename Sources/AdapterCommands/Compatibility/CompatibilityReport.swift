internal import AdapterArithmetic
internal import AdapterInterchange
internal import Adapters
internal import ByteCoding
internal import Tensors

/// Whether an adapter fits a base model and the programs that serve it, and why not.
struct CompatibilityReport {
    /// One reason why it does not fit.
    struct Finding {
        /// What kind of reason: the code of the library's error, or `otherWeights`.
        let code: String
        /// The module; empty when it is about the whole.
        let module: String
        /// The sentence for a person.
        let message: String

        var document: MetadataValue {
            ["code": .string(code), "module": .string(module), "message": .string(message)]
        }
    }

    let findings: [Finding]
    /// The programs that serve adapters, and what each says of this one.
    let servers: [ServerVerdict]
    let moduleCount: Int
    /// What was compared: `weights`, `shapes` or `configuration`.
    let compared: String

    var fits: Bool { findings.isEmpty }

    /// Checks every module against the base model; what it costs is reading headers, and hashing the model where the
    /// adapter names its digest.
    init(_ loaded: LoadedAdapter, base path: String, digest: (ModelFolder) throws -> Finding?) throws {
        let outline = try BaseOutline(opening: path)
        let adapter = loaded.adapter
        moduleCount = adapter.modules.count
        var findings: [Finding] = []
        if outline.modules.contains(where: { !$0.component.isEmpty }) {
            compared = "shapes"
            findings = CompatibilityReport.compare(adapter, with: outline)
        } else if outline.modules.isEmpty {
            compared = "configuration"
        } else if let model = try? ModelFolder(opening: path) {
            compared = "weights"
            findings = try CompatibilityReport.compare(adapter, label: loaded.label, with: BaseWeights(model))
            if let finding = try digest(model) { findings.append(finding) }
        } else {
            compared = "shapes"
            findings = CompatibilityReport.compare(adapter, with: outline)
        }
        self.findings = findings
        servers = Server.all.map { $0.verdict(on: adapter, base: outline) }
    }

    /// Tries to fuse each module, which finds its weight under the names that transformers allows.
    private static func compare(_ adapter: Adapter, label: String, with base: BaseWeights) throws -> [Finding] {
        // The settings that say which weights are meant.
        let placing = adapter.behaviour.filter { ["trainable_token_indices", "target_parameters"].contains($0.key) }
        // Wrappers of one stack of experts are told apart by each other.
        let groups = Dictionary(grouping: adapter.modules) { module in
            module.name.split(separator: ".").filter { $0 != "base_layer" }.joined(separator: ".")
        }
        return try groups.sorted { $0.key.precedesInUTF8($1.key) }.compactMap { name, modules in
            do {
                let part = try Adapter(
                    base: BaseModel(), modules: modules.compactMap(withoutUnknown), behaviour: placing)
                guard !part.modules.isEmpty else { return nil }
                _ = try Fuse.fuse([MergeInput(adapter: part, weight: 1, label: label)], into: base)
                return nil
            } catch let error as ArithmeticError where [.missingTarget, .shapeMismatch].contains(error.code) {
                let prefix = "Unable to fuse '\(label)': "
                let reason =
                    error.message.hasPrefix(prefix) ? String(error.message.dropFirst(prefix.count)) : error.message
                return Finding(code: error.code.description, module: name, message: reason)
            } catch is ArithmeticError {
                // Fusing needs more than fitting: plain weights, an effect that is known.
                return nil
            }
        }
    }

    /// The module without tensors of unknown meaning, which have no place in the base model.
    private static func withoutUnknown(_ module: AdaptedModule) -> AdaptedModule? {
        guard module.parameter(.opaque) != nil else { return module }
        let parameters = module.parameters.filter { $0.role != .opaque }
        guard module.update != nil || !parameters.isEmpty else { return nil }
        return try? AdaptedModule(name: module.name, update: module.update, parameters: parameters)
    }

    /// Compares names and shapes alone.
    private static func compare(_ adapter: Adapter, with base: BaseOutline) -> [Finding] {
        adapter.updates.compactMap { name, update in
            guard let shape = base.shape(ofModule: name) else {
                return Finding(
                    code: "missingTarget", module: name, message: "'\(base.path)' has no module '\(name)'.")
            }
            let expected = update.weightShape
            guard expected == shape || (update.kind == .linear && shape.count > 2 && Array(shape.prefix(2)) == expected)
            else {
                return Finding(
                    code: "shapeMismatch", module: name,
                    message: "its update is of a weight \(expected), that of '\(base.path)' is \(shape).")
            }
            return nil
        }
    }
}

extension LowRankUpdate {
    /// The extents of the weight that the update changes.
    fileprivate var weightShape: [Int] {
        switch kind {
        case .linear: [b.shape[0], a.shape[1]]
        case .transposedLinear: [a.shape[1], b.shape[0]]
        case .convolution: [b.shape[0]] + a.shape.extents.dropFirst()
        case .embedding: [a.shape[1], b.shape[0]]
        case .experts: [a.shape[0], b.shape[1], a.shape[2]]
        }
    }
}
