import Adapters
import ByteCoding
import Tensors

/// Adapters as kohya's sd-scripts and LyCORIS keep them: one safetensors file, modules with underscores for dots.
///
/// The tensors' roles follow networks/lora.py of sd-scripts (48d368f) and LyCORIS 4.1.3.
enum Kohya {
    /// The metadata entry in which files written here list their modules, so that they can be read without the base.
    static let modulesKey = "adapterctl.modules"
    private static let knownSuffixes: Set<String> = [
        "lora_down.weight", "lora_up.weight", "lora_mid.weight", "alpha", "dora_scale", "hada_w1_a", "hada_w1_b",
        "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2", "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a",
        "lokr_w2_b", "lokr_t2", "diff", "diff_b",
    ]

    /// Whether a tensor has the name of one of kohya's.
    static func isTensorName(_ name: String) -> Bool {
        KohyaKey(parsing: name).map { knownSuffixes.contains($0.suffix) } ?? false
    }

    static func read(_ path: String, options: ReadingOptions) throws -> ForeignAdapter {
        let file = try SafetensorsFile(opening: path)
        var drafts: [KohyaKey: KohyaModule] = [:]
        var dropped: [AdapterPart: Int] = [:]
        for entry in file.entries {
            guard let key = KohyaKey(parsing: entry.name) else {
                throw InterchangeError(
                    .unknownLayout, "the tensor '\(entry.name)' does not have one of kohya's names", name: entry.name)
            }
            let part = droppable(key.suffix)
            if let part, options.dropped.contains(part) {
                dropped[part, default: 0] += 1
                continue
            }
            let module = key.withoutSuffix
            if key.suffix == "alpha" {
                drafts[module, default: KohyaModule(name: key.module)].alpha = try ScalarTensor.value(
                    of: entry, in: file)
            } else {
                drafts[module, default: KohyaModule(name: key.module)].tensors[key.suffix] = try file.tensor(entry)
            }
        }
        let names = try KohyaNames(metadata: file.metadata, base: options.base)
        var modules: [AdaptedModule] = []
        var computed: [(name: String, factors: KohyaModule.Factors)] = []
        for (key, draft) in drafts.sorted(by: { $0.key.module.precedesInUTF8($1.key.module) })
        where !draft.tensors.isEmpty {
            let name = try names.module(key)
            let (update, factors) = try draft.update(shape: options.base?.shape(ofModule: name, kohya: key))
            modules.append(try AdaptedModule(name: name, update: update))
            if let factors { computed.append((name, factors)) }
        }
        var remarks = dropped.sorted { $0.key.rawValue < $1.key.rawValue }.map {
            "dropped \($0.rawValue): \($1) of them"
        }
        if !computed.isEmpty {
            remarks.append(
                "\(computed.count) modules are products (LoHa, LoKr, Tucker), given their exact low-rank form")
        }
        let source = SourceConfiguration(
            layout: ForeignLayout.kohya.rawValue, configuration: [:], fileMetadata: file.metadata)
        let adapter = try Adapter(base: BaseModel(), modules: modules, notes: AdapterNotes(source: source))
        return ForeignAdapter(
            layout: .kohya, adapter: adapter, remarks: remarks, certificate: certificate(of: computed))
    }

    /// What rounding the exact factors of products cost; nil where there are none.
    private static func certificate(of computed: [(name: String, factors: KohyaModule.Factors)])
        -> (@Sendable () throws -> ErrorCertificate)?
    {
        guard !computed.isEmpty else { return nil }
        return {
            ErrorCertificate(modules: try computed.map { try $0.factors.certificate($0.name) })
        }
    }

    private static func droppable(_ suffix: String) -> AdapterPart? {
        switch suffix {
        case "dora_scale": .dora
        case "diff", "diff_b", "w_norm", "b_norm": .full
        default: nil
        }
    }

    static func prepare(_ adapter: Adapter, at path: String, options: WritingOptions) throws -> ForeignOutput {
        let export = try KohyaExport(adapter)
        let file = try options.file(at: path)
        try SafetensorsWriter.write(export.tensors, metadata: export.metadata, to: file)
        let rounded = export.rounded
        return ForeignOutput(
            file: file, path: path, options: options,
            remarks: rounded.isEmpty ? [] : ["the scaling of \(rounded.count) modules is rounded to f32"],
            certificate: RoundedScaling.certificate(of: rounded))
    }
}

extension BaseOutline {
    /// The extents of a module's weight, also where the base's names lack the component that kohya's prefix names.
    fileprivate func shape(ofModule name: String, kohya key: KohyaKey) -> [Int]? {
        if let shape = shape(ofModule: name) { return shape }
        let component = key.network.components[0]
        return name.hasPrefix("\(component).") ? shape(ofModule: String(name.dropFirst(component.utf8.count + 1))) : nil
    }
}

extension Tensor {
    /// The tensor in a type that safetensors knows: blocks as `f32`, exactly.
    func plain() -> Tensor { dtype == .q8 ? rounded(to: .f32) : self }
}
