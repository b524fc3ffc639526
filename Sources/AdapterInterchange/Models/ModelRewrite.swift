public import ByteCoding
public import Tensors

/// A model that is another one but for some tensors, to be written in the same files or compared with what was written.
///
/// Every file's bytes follow from the base model and the changes alone, so several machines can each write some of them.
/// Tensors that do not change are copied byte for byte; a file whose tensors keep types and shapes keeps its header.
public struct ModelRewrite: Sendable {
    /// A tensor that is new or changed.
    public struct Change: Sendable {
        /// Its name.
        public let name: String
        /// Its values, read in pieces.
        public let tensor: Tensor
        /// For a new tensor the one whose file it goes to; nil for one that the base model has.
        public let sibling: String?

        /// Creates a change.
        public init(name: String, tensor: Tensor, sibling: String? = nil) {
            self.name = name
            self.tensor = tensor
            self.sibling = sibling
        }
    }

    /// What lies in a file one after the other.
    enum Content: Sendable {
        /// A range of the base model's file.
        case copied(Range<Int>)
        /// The values of a tensor.
        case computed(Tensor)

        var byteCount: Int {
            switch self {
            case .copied(let range): range.count
            case .computed(let tensor): tensor.byteCount
            }
        }
    }

    /// A file of the result.
    public struct Shard: Sendable {
        /// Its name in the folder.
        public let name: String
        /// How many of its tensors differ from the base model's.
        public let changedTensorCount: Int
        /// The base model's file.
        let source: SafetensorsFile
        /// The length of the header and the header.
        let header: [UInt8]
        /// The tensors as the header describes them.
        let entries: [SafetensorsFile.Entry]
        /// What follows the header.
        let contents: [Content]

        /// Its size in bytes.
        public var byteCount: Int { header.count + contents.reduce(0) { $0 + $1.byteCount } }
    }

    /// The base model.
    public let base: ModelFolder
    /// The files that hold tensors, ascending by name.
    public let shards: [Shard]
    /// The entries of `config.json` that differ.
    public let configurationChanges: [String: MetadataValue]

    /// Plans the files.
    ///
    /// - Throws: ``InterchangeError`` with code `missingTensor` when a change names a tensor or a sibling that the base
    ///   model lacks, `unsupportedDType` for blocks; `FileSystemError` when a header cannot be read.
    public init(
        _ base: ModelFolder, changes: [Change], configurationChanges: [String: MetadataValue] = [:]
    ) throws {
        var byShard: [Int: [Change]] = [:]
        for change in changes {
            guard let entry = base.entry(named: change.sibling ?? change.name) else {
                throw InterchangeError(
                    .missingTensor, "it has no tensor '\(change.sibling ?? change.name)'",
                    remedy: "Name a folder with the whole model.", name: change.name, path: base.path)
            }
            byShard[entry.shard, default: []].append(change)
        }
        self.base = base
        self.configurationChanges = configurationChanges
        shards = try base.shards.enumerated().map { index, shard in
            try Shard(shard, changes: byShard[index] ?? [])
        }
    }

    /// The size of all files with tensors in bytes.
    public var byteCount: Int { shards.reduce(0) { $0 + $1.byteCount } }
}

extension ModelRewrite.Shard {
    init(_ shard: ModelFolder.Shard, changes: [ModelRewrite.Change]) throws {
        let changed = Dictionary(changes.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        let described = try changes.map { change in
            guard let dtype = SafetensorsDType(change.tensor.dtype) else {
                throw InterchangeError(
                    .unsupportedDType,
                    "the tensor '\(change.name)' is \(change.tensor.dtype), which safetensors does not know",
                    name: change.name)
            }
            return SafetensorsFile.Entry(
                name: change.name, dtypeName: dtype.rawValue, shape: change.tensor.shape.extents,
                range: 0..<change.tensor.byteCount)
        }
        let keepsHeader = described.allSatisfy { entry in
            shard.file.entry(named: entry.name).map { $0.dtypeName == entry.dtypeName && $0.shape == entry.shape }
                ?? false
        }
        var entries = shard.file.entries
        if !keepsHeader {
            entries = try SafetensorsWriter.laidOut(entries.filter { changed[$0.name] == nil } + described)
        }
        name = shard.name
        changedTensorCount = changes.count
        source = shard.file
        header =
            keepsHeader
            ? try shard.file.headerBytes() : try SafetensorsWriter.header(of: entries, metadata: shard.file.metadata)
        self.entries = entries
        contents = entries.reduce(into: []) { contents, entry in
            if let tensor = changed[entry.name] { return contents.append(.computed(tensor)) }
            let range = shard.file.byteRange(ofTensor: entry.name)
            // Neighbours are copied in one go.
            if case .copied(let last)? = contents.last, last.upperBound == range.lowerBound {
                contents[contents.count - 1] = .copied(last.lowerBound..<range.upperBound)
            } else {
                contents.append(.copied(range))
            }
        }
    }

    /// A run of bytes that one processor deals with at a time.
    struct Piece: Sendable {
        /// Where it lies in the file.
        let offset: Int
        /// What it is a part of.
        let content: ModelRewrite.Content
        /// Which part.
        let range: Range<Int>
    }

    /// The bytes after the header in pieces, in order.
    var pieces: some Sequence<Piece> {
        var offset = header.count
        let starts = contents.map { content in
            defer { offset += content.byteCount }
            return (content: content, offset: offset)
        }
        return starts.lazy.flatMap { content, offset in
            stride(from: 0, to: content.byteCount, by: TensorPieces.byteCount).lazy.map { start in
                Piece(
                    offset: offset + start, content: content,
                    range: start..<min(start + TensorPieces.byteCount, content.byteCount))
            }
        }
    }

    /// The bytes of a piece.
    func bytes(of piece: Piece) throws -> [UInt8] {
        switch piece.content {
        case .computed(let tensor): try tensor.bytes(in: piece.range)
        case .copied(let range):
            try source.bytes(
                at: range.lowerBound + piece.range.lowerBound..<range.lowerBound + piece.range.upperBound)
        }
    }
}
