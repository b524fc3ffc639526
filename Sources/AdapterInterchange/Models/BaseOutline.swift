public import ByteCoding
import FileSystem

/// What there is to know of a base model without its weights: its modules, their shapes, its configuration.
///
/// A folder of one model, a folder of a diffusion pipeline (a folder for each component), or one safetensors file.
public struct BaseOutline: Sendable {
    /// A module that has a weight.
    public struct Module: Hashable, Sendable {
        /// The pipeline's component, such as `unet`; empty where there is one model.
        public let component: String
        /// The module's path in its component.
        public let path: String
        /// The extents of its weight.
        public let shape: [Int]

        /// The module's name as adapters call it.
        public var name: String { component.isEmpty ? path : "\(component).\(path)" }
    }

    /// The path it was opened with.
    public let path: String
    /// The modules, ascending by component and path; empty when the folder holds no weights.
    public let modules: [Module]
    /// What `config.json` says; empty where there is none.
    public let configuration: [String: MetadataValue]
    private let shapes: [String: [Int]]

    /// The parts of a pipeline that adapters change.
    static let components = ["unet", "transformer", "text_encoder", "prior"]
    /// What stands before the denoiser's names in one-file checkpoints.
    private static let denoiserPrefix = "model.diffusion_model."

    /// Reads headers and configuration.
    ///
    /// - Throws: ``InterchangeError`` with code `unknownLayout` when nothing is known afterwards, and those of
    ///   ``ModelFolder/init(opening:)`` and ``SafetensorsFile/init(opening:)``; `FileSystemError`.
    public init(opening path: String) throws {
        guard let kind = Directory.kind(of: path) else {
            throw FileSystemError(
                .notFound, "Unable to read '\(path)': no such file or folder. Check the path.", path: path)
        }
        guard kind == .directory else {
            let entries = try SafetensorsFile(opening: path).entries
            try self.init(path: path, modules: BaseOutline.checkpointModules(entries), configuration: [:])
            return
        }
        let names = try Directory.names(in: path)
        var configuration: [String: MetadataValue] = [:]
        if names.contains(ModelFolder.configurationName) {
            configuration =
                try ModelIndex.document(
                    reading: "\(path)/\(ModelFolder.configurationName)", limit: PEFTConfiguration.maximumByteCount
                ).map ?? [:]
        }
        var modules: [Module] = []
        if names.contains(ModelFolder.tensorsName) || names.contains(ModelFolder.indexName) {
            modules = BaseOutline.modules(try ModelFolder(opening: path).entries.map(\.tensor), component: "")
        } else {
            for name in names
            where BaseOutline.components.contains(where: name.hasPrefix)
                && Directory.kind(of: "\(path)/\(name)") == .directory
            {
                for file in try Directory.names(in: "\(path)/\(name)") where file.hasSuffix(".safetensors") {
                    let entries = try SafetensorsFile(opening: "\(path)/\(name)/\(file)").entries
                    modules += BaseOutline.modules(entries, component: name)
                }
            }
            // A component's own folder, or a checkpoint that is called otherwise.
            if modules.isEmpty {
                for file in names where file.hasSuffix(".safetensors") {
                    modules += BaseOutline.checkpointModules(try SafetensorsFile(opening: "\(path)/\(file)").entries)
                }
            }
        }
        try self.init(path: path, modules: modules, configuration: configuration)
    }

    init(path: String, modules: [Module], configuration: [String: MetadataValue]) throws {
        guard !modules.isEmpty || !configuration.isEmpty else {
            throw InterchangeError(
                .unknownLayout,
                "it holds neither safetensors files with weights nor a \(ModelFolder.configurationName)",
                remedy: "Name the base model: its folder, the folder of its pipeline, or its .safetensors file.",
                path: path)
        }
        self.path = path
        self.configuration = configuration
        // Variants of one component, such as fp16, repeat its names.
        shapes = Dictionary(modules.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
        self.modules = Set(modules).sorted {
            $0.component == $1.component
                ? $0.path.precedesInUTF8($1.path) : $0.component.precedesInUTF8($1.component)
        }
    }

    /// The extents of a module's weight, nil when the model has no such module.
    public func shape(ofModule name: String) -> [Int]? { shapes[name] }

    /// An entry of the configuration, or of its part about the language model.
    func setting(_ key: String) -> MetadataValue? { configuration[key] ?? configuration["text_config"]?[key] }

    private static func modules(_ entries: [SafetensorsFile.Entry], component: String) -> [Module] {
        entries.compactMap { entry in
            guard entry.name.hasSuffix(".weight") else { return nil }
            return Module(component: component, path: String(entry.name.dropLast(7)), shape: entry.shape)
        }
    }

    private static func checkpointModules(_ entries: [SafetensorsFile.Entry]) -> [Module] {
        modules(entries, component: "").map { module in
            guard module.path.hasPrefix(denoiserPrefix) else { return module }
            return Module(
                component: "unet", path: String(module.path.dropFirst(denoiserPrefix.count)), shape: module.shape)
        }
    }
}
