import Adapters
import ByteCoding
import Tensors

/// An adapter's tensors under PEFT's names, with a configuration that describes them.
struct PEFTExport {
    /// The tensors.
    let tensors: [(name: String, tensor: Tensor)]
    /// The configuration document.
    let document: [String: MetadataValue]

    /// The configuration document as it is written.
    var configurationBytes: [UInt8] { Array(JSON.text(.map(document), indented: true).utf8) }

    /// Keeps the configuration that came with the adapter while it is still right, and makes one otherwise.
    ///
    /// - Throws: ``InterchangeError`` with code `notExpressible` when PEFT has no configuration for the adapter.
    init(_ adapter: Adapter) throws {
        let adapter = try adapter.withoutBlocks()
        let source = adapter.notes.source.flatMap { $0.layout == PEFT.layout ? $0.configuration.map : nil }
        if let source {
            do {
                let document = PEFTExport.document(source, base: adapter.base)
                tensors = try PEFTExport.tensors(of: adapter, document: document)
                self.document = document
                return
            } catch is InterchangeError {
                // The adapter is no longer what its configuration says; it gets one of its own.
            }
        }
        let document = PEFTExport.document(
            try PEFTDocument(adapter, source: source).entries, base: adapter.base)
        do {
            tensors = try PEFTExport.tensors(of: adapter, document: document)
        } catch let error as InterchangeError {
            throw InterchangeError(
                .notExpressible, "PEFT has no configuration for this adapter: \(error.reason)", name: error.name)
        }
        self.document = document
    }

    /// A document with the base model that the adapter names.
    private static func document(_ document: [String: MetadataValue], base: BaseModel) -> [String: MetadataValue] {
        var document = document
        let name = document["base_model_name_or_path"]?.string
        if (name == "" ? nil : name) != base.name { document["base_model_name_or_path"] = MetadataValue(base.name) }
        if document["revision"]?.string != base.revision { document["revision"] = MetadataValue(base.revision) }
        return document
    }

    /// The tensors as the document wants them stored.
    ///
    /// - Throws: ``InterchangeError`` when the document, read again, would mean another adapter.
    private static func tensors(of adapter: Adapter, document: [String: MetadataValue]) throws
        -> [(name: String, tensor: Tensor)]
    {
        let configuration = try PEFTConfiguration(.map(document))
        let transposes = TransposedSource.Slot()
        var budget = PEFTConfiguration.patternBudget
        var tensors: [(name: String, tensor: Tensor)] = []
        for module in adapter.modules {
            if let update = module.update {
                let isEmbedding = update.kind == .embedding
                let (a, b) = try stored(update, module.name, configuration, transposes, &budget)
                tensors.append((PEFTKey(module: module.name, slot: isEmbedding ? .embeddingA : .a).text, a))
                tensors.append((PEFTKey(module: module.name, slot: isEmbedding ? .embeddingB : .b).text, b))
            }
            for parameter in module.parameters {
                tensors.append((name(of: parameter, module: module.name), parameter.tensor))
            }
        }
        let interpretation = try PEFTInterpretation(tensors: tensors, configuration: configuration)
        guard interpretation.behaviour == adapter.behaviour else {
            let keys = Set(interpretation.behaviour.keys).union(adapter.behaviour.keys)
            let key = keys.sorted().first { interpretation.behaviour[$0] != adapter.behaviour[$0] } ?? ""
            throw InterchangeError(.configMismatch, "'\(key)' differs", name: key)
        }
        let read = Dictionary(interpretation.modules.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for module in adapter.modules where !module.tensors.isEmpty {
            guard let again = read[module.name], isSame(module, again) else {
                throw InterchangeError(
                    .configMismatch, "the module '\(module.name)' would be read as another one", name: module.name)
            }
        }
        return tensors
    }

    private static func name(of parameter: ModuleParameter, module: String) -> String {
        PEFTKey(module: module, slot: .parameter(parameter.role, parameter.name)).text
    }

    /// A and B in PEFT's shapes.
    private static func stored(
        _ update: LowRankUpdate, _ module: String, _ configuration: PEFTConfiguration,
        _ transposes: TransposedSource.Slot, _ budget: inout Int
    ) throws -> (a: Tensor, b: Tensor) {
        switch update.kind {
        case .experts:
            let (count, rank) = (update.a.shape[0], update.rank)
            let outputs = update.b.shape[1]
            guard let rows = count.checkedMultiply(rank), let shape = Shape([outputs, rows]) else {
                throw InterchangeError(.notExpressible, "the module '\(module)' is too large", name: module)
            }
            // The inverse of what the importer does, see PEFTInterpretation.
            let source = TransposedSource(update.b, rows: count, columns: outputs * rank, slot: transposes)
            return (
                try update.a.reshaped([rows, update.a.shape[2]]),
                Tensor(dtype: update.b.dtype, shape: shape, source: source)
            )
        case .linear, .transposedLinear:
            // A wrapper of a parameter keeps its factors whole, whatever its module's name.
            guard let blocks = configuration.blocks,
                try configuration.parameters(of: PEFTKey.parameterModule(ofWrapper: module), budget: &budget).isEmpty
            else { return (update.a, update.b) }
            let name = PEFTKey.baseName(ofModule: module)
            switch blocks.factor(of: name, budget: &budget) {
            case .a: return (try narrow(update.a, blocks, module), update.b)
            case .b: return (update.a, try narrow(update.b, blocks, module))
            default: return (update.a, update.b)
            }
        case .convolution, .embedding: return (update.a, update.b)
        }
    }

    private static func narrow(_ factor: Tensor, _ blocks: PEFTBlocks, _ module: String) throws -> Tensor {
        guard try BlockDiagonalMatrix.isBlockDiagonal(factor, blockCount: blocks.count),
            let narrow = BlockDiagonalMatrix.narrowing(factor, blockCount: blocks.count)
        else {
            throw InterchangeError(
                .configMismatch, "the module '\(module)' is not block-diagonal any more", name: module)
        }
        return narrow
    }

    /// Whether the module that PEFT would make of the tensors computes what ours does.
    private static func isSame(_ module: AdaptedModule, _ again: AdaptedModule) -> Bool {
        switch (module.update, again.update) {
        case (nil, nil): break
        case (let left?, let right?):
            guard left.kind == right.kind, left.rank == right.rank, left.alpha == right.alpha,
                left.scalingRule == right.scalingRule, left.a.shape == right.a.shape, left.b.shape == right.b.shape
            else { return false }
        default: return false
        }
        // Absolute values are told apart by their names alone; what acts on the update must keep its role.
        func description(_ module: AdaptedModule) -> [String: TensorRole] {
            Dictionary(
                module.parameters.map { parameter in
                    let isActive = [.magnitude, .updateBias, .tokenRows].contains(parameter.role)
                    return (name(of: parameter, module: module.name), isActive ? parameter.role : .full)
                }, uniquingKeysWith: { first, _ in first })
        }
        return description(module) == description(again)
    }
}

extension Adapter {
    /// The adapter with its blocks as `f32`: a product of a binary16 scale and an 8-bit code has at most 18 bits.
    fileprivate func withoutBlocks() throws -> Adapter {
        guard dtypes.contains(.q8) else { return self }
        func plain(_ tensor: Tensor) -> Tensor { tensor.dtype == .q8 ? tensor.rounded(to: .f32) : tensor }
        return try Adapter(
            base: base,
            modules: modules.map { module in
                try AdaptedModule(
                    name: module.name,
                    update: try module.update.map { update in
                        try LowRankUpdate(
                            kind: update.kind, a: plain(update.a), b: plain(update.b), rank: update.rank,
                            alpha: update.alpha, scalingRule: update.scalingRule)
                    },
                    parameters: module.parameters.map { parameter in
                        ModuleParameter(role: parameter.role, name: parameter.name, tensor: plain(parameter.tensor))
                    })
            }, behaviour: behaviour, notes: notes)
    }
}
