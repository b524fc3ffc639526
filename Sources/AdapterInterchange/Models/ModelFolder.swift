public import ByteCoding
import FileSystem
public import Tensors

/// A model as Hugging Face's libraries keep it: a folder with `config.json` and one or several safetensors files.
///
/// Opening reads the headers alone. Weights are read when they are asked for: copied piece by piece through `Tensor`,
/// or in place through ``map(_:)``. So a model larger than memory is an ordinary value. The folder must stay while it
/// is used.
public struct ModelFolder: Sendable {
    /// The name of the file that describes the model.
    public static let configurationName = "config.json"
    /// The name of the file with all tensors, where one file holds them.
    public static let tensorsName = "model.safetensors"
    /// The name of the file that says which of several files holds which tensor.
    public static let indexName = "model.safetensors.index.json"

    /// One of the files that hold the tensors.
    public struct Shard: Sendable {
        /// Its name in the folder.
        public let name: String
        /// Its tensors and how to read them.
        public let file: SafetensorsFile
    }

    /// Where a tensor is.
    public struct Entry: Sendable, Hashable {
        /// The index of the file in ``ModelFolder/shards``.
        public let shard: Int
        /// The tensor as that file describes it.
        public let tensor: SafetensorsFile.Entry

        /// The tensor's name.
        public var name: String { tensor.name }
        /// The tensor's extents, outermost first.
        public var shape: [Int] { tensor.shape }
        /// The tensor's size in bytes.
        public var byteCount: Int { tensor.range.count }
    }

    /// The path the folder was opened with.
    public let path: String
    /// The files, ascending by name.
    public let shards: [Shard]
    /// All tensors, ascending by the bytes of their names.
    public let entries: [Entry]
    /// What the index says beside the places of tensors; nil where there is one file without an index.
    public let indexMetadata: MetadataValue?
    private let indices: [String: Int]

    /// Opens a folder and checks that the headers of its files and its index agree.
    ///
    /// `model.safetensors` is taken where it exists, else what `model.safetensors.index.json` names, the order in which
    /// transformers looks.
    ///
    /// - Throws: ``InterchangeError`` with code `unknownLayout` or `pickle` when the folder holds no such model,
    ///   `invalidShard`, `conflictingShards` or `missingTensor` when index and files disagree, and those of
    ///   ``SafetensorsFile/init(opening:)``; `FileSystemError` when a file cannot be read.
    public init(opening path: String) throws {
        guard Directory.kind(of: path) == .directory else {
            throw Directory.kind(of: path) == nil
                ? FileSystemError(
                    .notFound, "Unable to read '\(path)': no such file or folder. Check the path.", path: path)
                : InterchangeError(
                    .unknownLayout, "it is not a folder",
                    remedy: "Name the folder that holds \(ModelFolder.configurationName) and the weights.", path: path)
        }
        do {
            if Directory.kind(of: "\(path)/\(ModelFolder.tensorsName)") != nil {
                let file = try SafetensorsFile(opening: "\(path)/\(ModelFolder.tensorsName)")
                try self.init(path: path, shards: [Shard(name: ModelFolder.tensorsName, file: file)], index: nil)
            } else if Directory.kind(of: "\(path)/\(ModelFolder.indexName)") != nil {
                let index = try ModelIndex(reading: "\(path)/\(ModelFolder.indexName)")
                let shards = try index.shardNames.map { name in
                    guard Directory.kind(of: "\(path)/\(name)") == .file else {
                        throw InterchangeError(
                            .invalidShard, "its index names the file '\(name)', which is not there",
                            remedy: "Fetch the model again.", name: name)
                    }
                    return Shard(name: name, file: try SafetensorsFile(opening: "\(path)/\(name)"))
                }
                try self.init(path: path, shards: shards, index: index)
            } else {
                throw ModelFolder.noWeights(in: path)
            }
        } catch let error as InterchangeError {
            throw error.path.isEmpty ? error.about("read", path) : error
        }
    }

    private init(path: String, shards: [Shard], index: ModelIndex?) throws {
        var entries: [Entry] = []
        var places: [String: String] = [:]
        for (number, shard) in shards.enumerated() {
            for tensor in shard.file.entries {
                if let other = places.updateValue(shard.name, forKey: tensor.name) {
                    throw InterchangeError(
                        .conflictingShards, "the tensor '\(tensor.name)' lies in '\(other)' and in '\(shard.name)'",
                        remedy: "Fetch or save the model again.", name: tensor.name)
                }
                entries.append(Entry(shard: number, tensor: tensor))
            }
        }
        try index?.check(places: places)
        self.path = path
        self.shards = shards
        self.entries = entries.sorted { $0.name.precedesInUTF8($1.name) }
        indexMetadata = index.map(\.metadata)
        indices = Dictionary(
            self.entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private static func noWeights(in path: String) -> InterchangeError {
        let names = (try? Directory.names(in: path)) ?? []
        if let pickle = names.first(where: { $0.hasPrefix("pytorch_model") && $0.contains(".bin") }) {
            return InterchangeError(
                .pickle, "its weights are in \(pickle), a pickle, which can run any code when it is opened",
                remedy: "Convert it: load the model with transformers and call save_pretrained(folder).", name: pickle)
        }
        return InterchangeError(
            .unknownLayout, "it has neither \(tensorsName) nor \(indexName)",
            remedy: "Name the folder that holds the weights of the model.")
    }
}

extension ModelFolder {
    /// Where the tensor with that name is, nil when there is none.
    public func entry(named name: String) -> Entry? { indices[name].map { entries[$0] } }

    /// The tensor of an entry of this model; its bytes are copied when they are asked for.
    ///
    /// - Throws: ``InterchangeError`` with code `unsupportedDType` or `limitExceeded`.
    public func tensor(_ entry: Entry) throws -> Tensor { try shards[entry.shard].file.tensor(entry.tensor) }

    /// The tensor with that name.
    ///
    /// - Throws: ``InterchangeError`` with code `missingTensor` when there is none, and as ``tensor(_:)``.
    public func tensor(named name: String) throws -> Tensor { try tensor(requireEntry(named: name)) }

    /// The tensor of an entry of this model, mapped into memory.
    ///
    /// - Throws: ``InterchangeError`` with code `unsupportedDType` or `limitExceeded`; `FileSystemError`.
    public func map(_ entry: Entry) throws -> MappedTensor {
        let tensor = try tensor(entry)
        return MappedTensor(
            dtype: tensor.dtype, shape: tensor.shape, region: try shards[entry.shard].file.map(entry.tensor))
    }

    /// The tensor with that name, mapped into memory.
    ///
    /// - Throws: ``InterchangeError`` with code `missingTensor` when there is none, and as ``map(_:)``.
    public func mappedTensor(named name: String) throws -> MappedTensor { try map(requireEntry(named: name)) }

    /// What `config.json` says; nil when the folder has none.
    ///
    /// - Throws: ``InterchangeError`` with code `invalidConfiguration` or `limitExceeded`; `FileSystemError`.
    public func configuration() throws -> MetadataValue? {
        let path = "\(self.path)/\(ModelFolder.configurationName)"
        guard Directory.kind(of: path) != nil else { return nil }
        return try ModelIndex.document(reading: path, limit: PEFTConfiguration.maximumByteCount)
    }

    private func requireEntry(named name: String) throws -> Entry {
        guard let entry = entry(named: name) else {
            throw InterchangeError(
                .missingTensor, "it has no tensor '\(name)'", remedy: "Name a folder with the whole model.", name: name,
                path: path)
        }
        return entry
    }
}
