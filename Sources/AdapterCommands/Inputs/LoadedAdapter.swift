internal import AdapterFormat
internal import AdapterInterchange
internal import AdapterRegistry
internal import Adapters
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

    /// Opens a stored adapter, a file or a folder.
    init(_ subject: Subject, label: String, options: GlobalOptions) throws {
        self.label = label
        switch subject {
        case .reference(let reference):
            let registry = try options.openRegistry(.readOnly)
            let stored = try registry.resolve(reference)
            let file = try registry.open(reference)
            self.file = file
            adapter = file.adapter
            digest = stored.digest
        case .path(let path):
            digest = nil
            switch Directory.kind(of: path) {
            case nil:
                throw FileSystemError(
                    .notFound, "Unable to open '\(path)': no such file or folder. Check the path.", path: path)
            case .directory:
                file = nil
                adapter = try PEFT.read(folder: path)
            default:
                guard !path.hasSuffix(".safetensors"), !path.hasSuffix(".json") else {
                    throw InputError.notAnAdapter(path)
                }
                let file = try AdapterFile(opening: path, limits: options.limits)
                self.file = file
                adapter = file.adapter
            }
        }
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
