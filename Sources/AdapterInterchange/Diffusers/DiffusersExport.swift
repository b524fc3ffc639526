import Adapters
import ByteCoding
import Tensors

/// An adapter's tensors and metadata as diffusers loads them: those of PEFT for each component.
struct DiffusersExport {
    /// The tensors by name.
    private(set) var tensors: [(name: String, tensor: Tensor)] = []
    /// The metadata.
    let metadata: [String: String]

    /// - Throws: ``InterchangeError`` with code `notExpressible`.
    init(_ adapter: Adapter) throws {
        var groups: [String: [AdaptedModule]] = [:]
        for module in adapter.modules {
            guard let (component, rest) = Diffusers.component(of: module.name) else {
                throw InterchangeError(
                    .notExpressible,
                    "the module '\(module.name)' is in no component of a pipeline (unet, transformer, text_encoder, …)",
                    remedy: "Diffusers' layout is for adapters of diffusion pipelines.", name: module.name)
            }
            groups[component, default: []].append(
                try AdaptedModule(name: rest, update: module.update, parameters: module.parameters))
        }
        let source = adapter.notes.source.flatMap { $0.layout == ForeignLayout.diffusers.rawValue ? $0 : nil }
        var documents: [String: MetadataValue] = [:]
        for (component, modules) in groups {
            let prefix = "\(component)."
            let behaviour = adapter.behaviour.filter { $0.key.hasPrefix(prefix) }.map {
                (String($0.key.dropFirst(prefix.count)), $0.value)
            }
            let part = try Adapter(
                base: adapter.base, modules: modules,
                behaviour: Dictionary(behaviour, uniquingKeysWith: { first, _ in first }),
                notes: AdapterNotes(
                    source: source?.configuration[component].map {
                        SourceConfiguration(layout: PEFT.layout, configuration: $0, fileMetadata: [:])
                    }))
            let export = try PEFTExport(part)
            tensors += export.tensors.map { (prefix + $0.name.dropFirst(PEFTKey.prefix.count), $0.tensor) }
            for (key, value) in export.document { documents[prefix + key] = value }
        }
        metadata = (source?.fileMetadata ?? ["format": "pt"]).merging(
            [Diffusers.metadataKey: JSON.text(.map(documents), indented: true)], uniquingKeysWith: { $1 })
    }
}
