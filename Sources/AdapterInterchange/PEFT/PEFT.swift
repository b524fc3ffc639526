public import Adapters
import ByteCoding
public import FileSystem

/// Adapters as PEFT (Hugging Face, peft 0.21.2) keeps them: a folder with a configuration and a tensor file.
///
/// What is read and written again without a change has the same tensors bit for bit and the same configuration value
/// for value.
public enum PEFT {
    /// The name of this layout in an adapter's notes.
    public static let layout = "peft"
    /// The file that holds the configuration.
    public static let configurationName = "adapter_config.json"
    /// The file that holds the tensors.
    public static let tensorsName = "adapter_model.safetensors"
    private static let pickleName = "adapter_model.bin"
    private static let rootName = "default"

    /// Whether a folder, or a folder in it, holds an adapter's configuration.
    public static func isAdapterFolder(_ folder: String) -> Bool {
        ((try? adapterNames(in: folder)) ?? []).isEmpty == false
    }

    /// The names of the adapters in a folder: `default` for the one at its root, then the names of the folders in it
    /// that hold an adapter, ascending.
    ///
    /// - Throws: `FileSystemError` when the folder cannot be listed.
    public static func adapterNames(in folder: String) throws -> [String] {
        let names = try Directory.names(in: folder)
        let root = names.contains(configurationName) ? [rootName] : []
        return root
            + names.filter { name in
                Directory.kind(of: "\(folder)/\(name)/\(configurationName)") == .file
                    && !(name == rootName && !root.isEmpty)
            }
    }

    /// Reads an adapter; its tensors are read when they are asked for, so the folder must stay while the adapter is
    /// used.
    ///
    /// - Parameter name: one of ``adapterNames(in:)``; nil for the adapter at the folder's root.
    /// - Throws: ``InterchangeError`` with a code that says what is wrong; `FileSystemError` when a file cannot be read.
    public static func read(folder: String, adapter name: String? = nil) throws -> Adapter {
        do {
            return try read(files: self.folder(of: name, in: folder))
        } catch let error as InterchangeError {
            throw error.path.isEmpty ? error.about("read", folder) : error
        }
    }

    /// Writes an adapter to a folder that does not exist yet or is empty; it appears complete or not at all.
    ///
    /// - Throws: as ``prepare(_:asFolder:replacing:)``.
    public static func write(_ adapter: Adapter, toFolder folder: String) throws {
        try prepare(adapter, asFolder: folder).commit()
    }

    /// Writes an adapter to a folder under construction, which the caller commits.
    ///
    /// The configuration that came with the adapter is kept while it still describes it; otherwise one is made.
    /// Blocks (`q8`), which safetensors does not know, are written as `f32`, exactly. Every other type is written as it
    /// is, also `f8_e4m3`: PEFT copies the values into parameters of its own.
    ///
    /// - Parameter replacing: whether what stands at `folder` is replaced by the commit.
    /// - Throws: ``InterchangeError`` with code `notExpressible` when PEFT cannot represent the adapter;
    ///   `FileSystemError` with code `alreadyExists` and others.
    public static func prepare(_ adapter: Adapter, asFolder folder: String, replacing: Bool = false) throws
        -> OutputDirectory
    {
        do {
            let export = try PEFTExport(adapter)
            let metadata = adapter.notes.source.flatMap { $0.layout == layout ? $0.fileMetadata : nil }
            let output = try OutputDirectory(creating: folder, replacing: replacing)
            let tensors = try OutputFile(in: output.temporaryPath)
            try SafetensorsWriter.write(export.tensors, metadata: metadata ?? ["format": "pt"], to: tensors)
            try tensors.commit(as: "\(output.temporaryPath)/\(tensorsName)")
            let configuration = try OutputFile(in: output.temporaryPath)
            try configuration.write(export.configurationBytes)
            try configuration.commit(as: "\(output.temporaryPath)/\(configurationName)")
            return output
        } catch let error as InterchangeError {
            throw error.path.isEmpty ? error.about("write", folder) : error
        }
    }

    /// The configuration that ``write(_:toFolder:)`` would write.
    ///
    /// - Throws: ``InterchangeError`` with code `notExpressible` when PEFT cannot represent the adapter.
    public static func configurationBytes(of adapter: Adapter) throws -> [UInt8] {
        try PEFTExport(adapter).configurationBytes
    }

    /// A configuration for an adapter that was trained here, to be kept in its notes: what follows from the adapter,
    /// and the task it is for.
    ///
    /// - Throws: ``InterchangeError`` with code `notExpressible` when PEFT cannot represent the adapter.
    package static func configuration(of adapter: Adapter, task: String, dropout: Double) throws
        -> SourceConfiguration
    {
        var entries = try PEFTDocument(adapter, source: nil).entries
        entries["task_type"] = .string(task)
        entries["lora_dropout"] = .double(dropout)
        return SourceConfiguration(layout: layout, configuration: .map(entries), fileMetadata: ["format": "pt"])
    }

    /// The folder in which an adapter's files lie.
    private static func folder(of name: String?, in folder: String) throws -> String {
        let names = try adapterNames(in: folder)
        let listed = names.joined(separator: ", ")
        if let name {
            guard names.contains(name) else {
                throw InterchangeError(
                    .unknownAdapter, "it holds no adapter '\(name)'",
                    remedy: names.isEmpty ? "Name a folder with \(configurationName)." : "Name one of: \(listed).",
                    name: name)
            }
            let isRoot = name == rootName && Directory.kind(of: "\(folder)/\(configurationName)") != nil
            return isRoot ? folder : "\(folder)/\(name)"
        }
        guard Directory.kind(of: "\(folder)/\(configurationName)") == nil else { return folder }
        guard names.isEmpty else {
            throw InterchangeError(
                .unknownAdapter, "it holds several named adapters and none at its root",
                remedy: "Name one of: \(listed).")
        }
        throw InterchangeError(
            .unknownLayout, "it has no \(configurationName)",
            remedy: "Name a folder that PEFT's save_pretrained has written.")
    }

    private static func read(files folder: String) throws -> Adapter {
        let document = try configuration(in: folder)
        let configuration = try PEFTConfiguration(document)
        let path = "\(folder)/\(tensorsName)"
        guard Directory.kind(of: path) != nil else { throw missingTensors(in: folder) }
        let file = try SafetensorsFile(opening: path)
        let interpretation = try PEFTInterpretation(
            tensors: file.entries.map { ($0.name, try file.tensor($0)) }, configuration: configuration)
        let source = SourceConfiguration(layout: layout, configuration: document, fileMetadata: file.metadata)
        do {
            return try Adapter(
                base: configuration.base, modules: interpretation.modules, behaviour: interpretation.behaviour,
                notes: AdapterNotes(source: source))
        } catch let error as AdapterError {
            throw InterchangeError(.invalidTensors, error.reason)
        }
    }

    private static func configuration(in folder: String) throws -> MetadataValue {
        let path = "\(folder)/\(configurationName)"
        let file = try InputFile(opening: path)
        guard file.byteCount <= PEFTConfiguration.maximumByteCount else {
            throw InterchangeError(
                .limitExceeded,
                "\(configurationName) has \(file.byteCount) bytes, at most \(PEFTConfiguration.maximumByteCount) are "
                    + "accepted")
        }
        do {
            return try JSON.parse(file.read(at: 0, count: file.byteCount))
        } catch let error as ByteCodingError {
            throw InterchangeError(
                .invalidConfiguration, "\(configurationName) is malformed: \(error)",
                remedy: "Save the adapter again, or correct the file.")
        }
    }

    private static func missingTensors(in folder: String) -> InterchangeError {
        guard Directory.kind(of: "\(folder)/\(pickleName)") != nil else {
            return InterchangeError(
                .missingTensor, "it has a configuration but no \(tensorsName)", remedy: "Save the adapter again.",
                name: tensorsName)
        }
        return InterchangeError(
            .pickle,
            "its tensors are in \(pickleName), a pickle, which can run any code when it is opened",
            remedy: "Convert it: load the adapter with PEFT and call save_pretrained(folder, safe_serialization=True).",
            name: pickleName)
    }
}
