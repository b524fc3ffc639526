internal import AdapterFormat
internal import AdapterInterchange
internal import AdapterRegistry
internal import Adapters
internal import ByteCoding
internal import FileSystem
internal import Integrity
internal import Tensors

/// An adapter from wherever the user named it.
struct LoadedAdapter {
    /// The text that named it.
    let label: String
    let adapter: Adapter
    /// The file it is read from; nil for a foreign layout.
    let file: AdapterFile?
    /// The file's name in the registry; nil for a path.
    let digest: Digest?
    /// What was read from another tool's layout; nil for a file of our own.
    let foreign: ForeignAdapter?
    private let sources: SourceFiles?

    /// Opens a stored adapter, a file or a folder.
    ///
    /// - Parameter reading: what a foreign layout may need.
    init(
        _ subject: Subject, label: String, options: GlobalOptions, reading: ReadingOptions = ReadingOptions()
    ) throws {
        self.label = label
        switch subject {
        case .reference(let reference):
            let registry = try options.openRegistry(.readOnly)
            let stored = try registry.resolve(reference)
            let file = try registry.open(reference)
            self.file = file
            adapter = file.adapter
            digest = stored.digest
            foreign = nil
            sources = nil
        case .path(let path):
            digest = nil
            guard let layout = try LoadedAdapter.layout(of: path) else {
                let file = try AdapterFile(opening: path, limits: options.limits)
                self.file = file
                adapter = file.adapter
                foreign = nil
                sources = nil
                return
            }
            sources = try SourceFiles(path)
            let read = try layout.read(path, options: reading)
            file = nil
            adapter = read.adapter
            foreign = read
        }
    }

    /// Opens what a registry holds.
    init(_ stored: StoredAdapter, label: String, in registry: Registry) throws {
        self.label = label
        let file = try registry.open(stored)
        self.file = file
        adapter = file.adapter
        digest = stored.digest
        foreign = nil
        sources = nil
    }

    /// The foreign layout of what is at a path; nil where it must be a file of our own.
    private static func layout(of path: String) throws -> ForeignLayout? {
        // What is called a file of ours and looks like another tool's is damaged or mistaken, and must not pass as that.
        if path.hasSuffix(".adpt"), Directory.kind(of: path) == .file { return nil }
        do {
            return try ForeignLayout.detect(path)
        } catch let error as InterchangeError where error.code == .unknownLayout {
            // What is called like something else is not a damaged file of ours.
            let isOther = [".safetensors", ".json", ".gguf", ".npz"].contains(where: path.hasSuffix)
            guard Directory.kind(of: path) == .file, !isOther else { throw error }
            return nil
        }
    }

    /// How it was computed, as its file says, or that a foreign layout was converted; nil where it is as it was trained.
    func provenance() throws -> (@Sendable () throws -> Provenance)? {
        if let record = try file?.provenance() { return { record } }
        guard let foreign, let certificate = foreign.certificate else { return nil }
        let layout = foreign.layout.rawValue
        return {
            Provenance(
                operation: "import", toolVersion: ToolVersion.current, parents: [],
                options: ["layout": .string(layout)],
                certificate: try certificate())
        }
    }

    /// Checks that another tool's layout is what it was when it was opened: it has no digests that would tell. A file of
    /// our own has, and is read as it was opened or not at all.
    ///
    /// - Throws: `FileSystemError` with code `changed`.
    func checkUnchanged() throws { try sources?.checkUnchanged() }

    /// Says on standard error what reading a foreign layout converted or left out.
    func warnOfConversion(_ console: Console) {
        for remark in foreign?.remarks ?? [] { console.warn("\(label): \(remark)") }
    }

    /// Tensors with NaN or infinite values, by name: kept as they are, and worth knowing.
    func nonFiniteTensors() throws -> [String] {
        try Concurrent.map(adapter.modules) { module in
            try module.tensors.filter { try !$0.tensor.isFinite() }.map { tensor in
                [module.name, tensor.name.isEmpty ? "\(tensor.role)" : tensor.name].filter { !$0.isEmpty }
                    .joined(separator: ".")
            }
        }.flatMap { $0 }
    }
}
