import ByteCoding
import FileSystem

extension ModelRewrite {
    /// The endings of files that hold weights, which the result does not share with the base model.
    private static let weightEndings = [
        ".safetensors", ".index.json", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".ggml", ".h5", ".msgpack", ".onnx",
        ".ot", ".tflite", ".npz",
    ]

    /// Writes everything but the files with tensors: the index, the configuration with its changes, and what lies beside
    /// them in the base model's folder, such as the tokenizer, without folders and other formats' weights.
    ///
    /// - Throws: `FileSystemError`; ``InterchangeError`` when the configuration is to change and cannot be read.
    public func writeDocuments(to folder: String) throws {
        for name in try documentNames() {
            try ModelRewrite.write(try document(named: name), as: "\(folder)/\(name)")
        }
    }

    /// The names of the files that ``writeDocuments(to:)`` writes, the index last: it completes the model.
    func documentNames() throws -> [String] {
        let copied = try Directory.names(in: base.path).filter { name in
            !name.hasPrefix(".") && !ModelRewrite.weightEndings.contains(where: name.hasSuffix)
                && Directory.kind(of: "\(base.path)/\(name)") == .file
        }
        return copied + (base.indexMetadata == nil ? [] : [ModelFolder.indexName])
    }

    /// The content of one of these files.
    func document(named name: String) throws -> [UInt8] {
        if name == ModelFolder.indexName { return Array((JSON.text(index, indented: true) + "\n").utf8) }
        if name == ModelFolder.configurationName, !configurationChanges.isEmpty,
            var configuration = try base.configuration()?.map
        {
            configuration.merge(configurationChanges) { _, new in new }
            return Array((JSON.text(.map(configuration), indented: true) + "\n").utf8)
        }
        return try InputFile.contents(of: "\(base.path)/\(name)", limit: 1 << 30)
    }

    /// The index of the result.
    private var index: MetadataValue {
        var metadata = base.indexMetadata?.map ?? [:]
        let entries = shards.flatMap(\.entries)
        metadata["total_size"] = MetadataValue(entries.reduce(0) { $0 + $1.range.count })
        if metadata["total_parameters"] != nil {
            metadata["total_parameters"] = MetadataValue(entries.reduce(0) { $0 + $1.shape.reduce(1, *) })
        }
        let places = shards.flatMap { shard in shard.entries.map { ($0.name, MetadataValue.string(shard.name)) } }
        return [
            "metadata": .map(metadata),
            "weight_map": .map(Dictionary(places, uniquingKeysWith: { first, _ in first })),
        ]
    }

    private static func write(_ bytes: [UInt8], as path: String) throws {
        let file = try OutputFile(beside: path)
        try file.write(bytes)
        try file.commit(as: path)
    }
}
