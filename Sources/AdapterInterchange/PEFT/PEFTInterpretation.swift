import Adapters
import ByteCoding
import Tensors

/// What the tensors of a PEFT file mean under its configuration.
///
/// The exporter uses it too: what it is about to write must mean what the adapter says.
struct PEFTInterpretation {
    /// The modules.
    let modules: [AdaptedModule]
    /// What the adapter does beyond them.
    let behaviour: [String: MetadataValue]

    /// Reads the tensors' names and shapes.
    ///
    /// - Throws: ``InterchangeError`` with code `missingTensor`, `configMismatch`, `invalidTensors`,
    ///   `ambiguousParameter`, `limitExceeded` or `invalidConfiguration`.
    init(tensors: [(name: String, tensor: Tensor)], configuration: PEFTConfiguration) throws {
        var reading = PEFTReading(configuration: configuration)
        for (name, tensor) in tensors { try reading.add(name, tensor) }
        modules = try reading.modules()
        behaviour = try configuration.behaviour(hasParameters: reading.hasParameters)
    }
}

/// The tensors of one module while they are collected.
private struct PEFTModuleDraft {
    let name: String
    var factors: [PEFTKey.Slot: Tensor] = [:]
    var parameters: [ModuleParameter] = []

    var isEmbedding: Bool { factors[.embeddingA] != nil || factors[.embeddingB] != nil }
}

/// Collects tensors by module and makes modules of them.
private struct PEFTReading {
    let configuration: PEFTConfiguration
    private(set) var hasParameters = false
    private var drafts: [String: PEFTModuleDraft] = [:]
    private var budget = PEFTConfiguration.patternBudget
    private let transposes = TransposedSource.Slot()

    init(configuration: PEFTConfiguration) {
        self.configuration = configuration
    }

    mutating func add(_ name: String, _ tensor: Tensor) throws {
        guard name.utf8.count <= PEFTKey.maximumByteCount else {
            throw InterchangeError(
                .limitExceeded,
                "a tensor's name has \(name.utf8.count) bytes, at most \(PEFTKey.maximumByteCount) are accepted")
        }
        let key = PEFTKey(parsing: name)
        var draft = drafts[key.module] ?? PEFTModuleDraft(name: key.module)
        // Swift's strings are equal when their characters are, PEFT's when their bytes are.
        guard draft.name.utf8.elementsEqual(key.module.utf8) else {
            throw InterchangeError(
                .invalidTensors, "two modules have names that differ only in how '\(draft.name)' is encoded",
                name: draft.name)
        }
        if case .parameter(let role, let suffix) = key.slot {
            draft.parameters.append(ModuleParameter(role: role, name: suffix, tensor: tensor))
        } else {
            draft.factors[key.slot] = tensor
        }
        drafts[key.module] = draft
    }

    mutating func modules() throws -> [AdaptedModule] {
        let drafts = self.drafts.values.sorted { $0.name.precedesInUTF8($1.name) }
        let wrappers = try parameterWrappers(drafts)
        hasParameters = !wrappers.isEmpty
        var hasUpdate = false
        var modules: [AdaptedModule] = []
        for draft in drafts {
            let update = draft.factors.isEmpty ? nil : try self.update(of: draft, wrapper: wrappers[draft.name])
            hasUpdate = hasUpdate || update != nil
            try checkParameters(of: draft, update: update, isWrapper: wrappers[draft.name] != nil)
            do {
                modules.append(try AdaptedModule(name: draft.name, update: update, parameters: draft.parameters))
            } catch let error as AdapterError {
                throw InterchangeError(
                    .invalidTensors, error.reason, name: draft.name)
            }
        }
        // Names that other tools spell differently must not pass as an adapter that does nothing.
        let stray = drafts.flatMap(\.parameters).first { $0.role == .opaque && $0.name.contains("lora_") }
        guard hasUpdate || stray == nil else {
            throw InterchangeError(
                .missingTensor,
                "no tensor is named '\(PEFTKey.prefix)….lora_A.weight', the first other is '\(stray?.name ?? "")'",
                remedy: "Save the adapter with PEFT's save_pretrained.")
        }
        return modules
    }

    /// What is known of the modules that stand for parameters, under the names of the wrappers.
    private mutating func parameterWrappers(_ drafts: [PEFTModuleDraft]) throws -> [String: PEFTParameters.Wrapper] {
        var groups: [String: (names: [String], drafts: [PEFTModuleDraft])] = [:]
        for draft in drafts where draft.factors[.a] != nil && !draft.isEmbedding {
            let module = PEFTKey.parameterModule(ofWrapper: draft.name)
            let names = try configuration.parameters(of: module, budget: &budget)
            guard !names.isEmpty else { continue }
            groups[module, default: (names, [])].drafts.append(draft)
        }
        var wrappers: [String: PEFTParameters.Wrapper] = [:]
        for (module, group) in groups.sorted(by: { $0.key.precedesInUTF8($1.key) }) {
            let rowCounts = try group.drafts.map { draft in
                let (a, b) = try factors(of: draft)
                guard a.shape.rank == 2, b.shape.rank == 2, a.shape[0] == b.shape[1] else {
                    throw InterchangeError(
                        .invalidTensors,
                        "in the module '\(draft.name)' A \(a.shape) and B \(b.shape) do not fit each other",
                        name: draft.name)
                }
                return a.shape[0]
            }
            let parameters = try PEFTParameters(
                module: module, parameters: group.names, configuration: configuration, budget: &budget)
            let resolved = try parameters.resolve(rowCounts: rowCounts, module: module, budget: &budget)
            for (draft, wrapper) in zip(group.drafts, resolved) { wrappers[draft.name] = wrapper }
        }
        return wrappers
    }

    private func factors(of draft: PEFTModuleDraft) throws -> (a: Tensor, b: Tensor) {
        let slots: (a: PEFTKey.Slot, b: PEFTKey.Slot) = draft.isEmbedding ? (.embeddingA, .embeddingB) : (.a, .b)
        guard draft.factors.count <= 2 else {
            throw InterchangeError(
                .invalidTensors, "the module '\(draft.name)' has tensors of a linear layer and of an embedding",
                name: draft.name)
        }
        guard let a = draft.factors[slots.a], let b = draft.factors[slots.b] else {
            let missing = PEFTKey(module: draft.name, slot: draft.factors[slots.a] == nil ? slots.a : slots.b).text
            throw InterchangeError(
                .missingTensor, "the tensor '\(missing)' is missing, its partner is there",
                remedy: "Save the adapter again.", name: missing)
        }
        return (a, b)
    }

    private mutating func update(of draft: PEFTModuleDraft, wrapper: PEFTParameters.Wrapper?) throws -> LowRankUpdate {
        var (a, b) = try factors(of: draft)
        if let wrapper {
            (a, b) = try matrices(a, b, of: wrapper, module: draft.name)
            return try make(
                wrapper.expertCount == 1 ? .linear : .experts, a, b, wrapper.rank, wrapper.alpha, module: draft.name)
        }
        let name = PEFTKey.baseName(ofModule: draft.name)
        if !draft.isEmbedding, a.shape.rank == 2, let blocks = configuration.blocks {
            (a, b) = try wide(a, b, blocks, module: draft.name, name: name)
        }
        let kind: WeightKind =
            draft.isEmbedding
            ? .embedding
            : a.shape.rank > 2 ? .convolution : configuration.isTransposed ? .transposedLinear : .linear
        let ranks = try configuration.ranks(for: name, budget: &budget)
        let rank = a.shape.rank > 0 ? a.shape[0] : 0
        guard ranks.contains(rank) else {
            let expected = ranks.map(String.init).joined(separator: " or ")
            throw InterchangeError(
                .configMismatch,
                "the module '\(draft.name)' has A \(a.shape), the configuration gives it rank \(expected)",
                remedy: "Correct r or rank_pattern in adapter_config.json.", name: draft.name)
        }
        let alpha = try configuration.alpha(for: name, budget: &budget)
        return try make(kind, a, b, rank, alpha, module: draft.name)
    }

    /// The matrices of the experts: A (E·r, in) has whole experts one after the other; in B (out, E·r) column j·E + e
    /// is column j of expert e.
    private func matrices(_ a: Tensor, _ b: Tensor, of wrapper: PEFTParameters.Wrapper, module: String) throws
        -> (a: Tensor, b: Tensor)
    {
        guard wrapper.expertCount > 1 else { return (a, b) }
        let count = wrapper.expertCount
        guard let shape = Shape([count, b.shape[0], wrapper.rank]) else {
            throw InterchangeError(.invalidTensors, "in the module '\(module)' B \(b.shape) is too large", name: module)
        }
        let source = TransposedSource(b, rows: b.shape[0] * wrapper.rank, columns: count, slot: transposes)
        return (
            try a.reshaped([count, wrapper.rank, a.shape[1]]), Tensor(dtype: b.dtype, shape: shape, source: source)
        )
    }

    /// BD-LoRA's factors with their zeros, so that ΔW = s·B·A holds as everywhere.
    private mutating func wide(_ a: Tensor, _ b: Tensor, _ blocks: PEFTBlocks, module: String, name: String) throws
        -> (a: Tensor, b: Tensor)
    {
        let narrow = blocks.factor(of: name, budget: &budget)
        let wideA = narrow == .a ? BlockDiagonalMatrix.widening(a, blockCount: blocks.count) : a
        let wideB = narrow == .b ? BlockDiagonalMatrix.widening(b, blockCount: blocks.count) : b
        guard let wideA, let wideB else {
            throw InterchangeError(
                .invalidTensors,
                "in the module '\(module)' A \(a.shape) and B \(b.shape) do not divide into \(blocks.count) blocks",
                name: module)
        }
        return (wideA, wideB)
    }

    private func make(_ kind: WeightKind, _ a: Tensor, _ b: Tensor, _ rank: Int, _ alpha: Double, module: String)
        throws -> LowRankUpdate
    {
        do {
            return try LowRankUpdate(
                kind: kind, a: a, b: b, rank: rank, alpha: alpha, scalingRule: configuration.scalingRule)
        } catch let error as AdapterError {
            throw InterchangeError(.invalidTensors, "in the module '\(module)' \(error.reason)", name: module)
        }
    }

    /// Tensors that a setting brings with it are there when it is set, and only then: PEFT ignores them otherwise.
    private func checkParameters(of draft: PEFTModuleDraft, update: LowRankUpdate?, isWrapper: Bool) throws {
        let roles = Set(draft.parameters.map(\.role))
        if configuration.usesDoRA, update != nil, !isWrapper, !roles.contains(.magnitude) {
            let missing = "\(PEFTKey.prefix)\(draft.name).lora_magnitude_vector"
            throw InterchangeError(
                .missingTensor, "the configuration says use_dora, but the tensor '\(missing)' is missing",
                name: missing)
        }
        if !configuration.usesDoRA, roles.contains(.magnitude) {
            throw InterchangeError(
                .configMismatch, "the module '\(draft.name)' has a DoRA magnitude, the configuration says no use_dora",
                name: draft.name)
        }
        if !configuration.hasUpdateBias, roles.contains(.updateBias) {
            throw InterchangeError(
                .configMismatch, "the module '\(draft.name)' has a bias on lora_B, the configuration says no lora_bias",
                name: draft.name)
        }
    }
}
