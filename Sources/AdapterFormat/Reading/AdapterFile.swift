public import Adapters
internal import ByteCoding
public import FileSystem
public import Integrity
internal import Tensors

/// An adapter file opened for reading: its header is checked, tensors are read and verified when they are asked for.
public struct AdapterFile: Sendable {
    let file: InputFile
    let header: AdapterHeader
    /// What is known of the content already; nil unless the file was asked to gather it.
    let gathered: GatheredLeaves?

    /// The adapter; its tensors read from this file, chunk by chunk, and check each chunk before they decode it.
    public let adapter: Adapter

    /// Opens a file and reads its header only.
    ///
    /// - Throws: ``FormatError`` for a file that is damaged, hostile or not an adapter file, `FileSystemError` when it
    ///   cannot be read.
    public init(opening path: String, limits: ReadLimits = ReadLimits()) throws {
        do {
            try self.init(InputFile(opening: path), limits: limits)
        } catch var error as FormatError {
            error.path = path
            throw error
        }
    }

    /// Reads the header of an open file.
    public init(_ file: InputFile, limits: ReadLimits = ReadLimits()) throws {
        let least = FormatConstants.fixedHeaderByteCount
        guard file.byteCount >= least else {
            let start = try file.read(at: 0, count: min(8, file.byteCount))
            guard start.elementsEqual(FormatConstants.magic.prefix(start.count)), !start.isEmpty else {
                throw FormatError(.wrongMagic, "The file is not an adapter file.", byteOffset: 0)
            }
            throw FormatError(
                .truncated, "The file has \(file.byteCount) bytes, the header alone needs \(least). Fetch it again.",
                byteOffset: file.byteCount)
        }
        let fixed = try FixedHeader(from: file.read(at: 0, count: least), fileByteCount: file.byteCount)
        let bytes = try file.read(at: 0, count: fixed.headerByteCount)
        do {
            header = try AdapterHeader(fixed, bytes: bytes, limits: limits)
            adapter = try AdapterFile.makeAdapter(header, file: file, gathered: nil)
        } catch let error as ByteCodingError {
            throw FormatError(error)
        }
        self.file = file
        gathered = nil
    }

    private init(gatheringFrom other: AdapterFile) throws {
        let gathered = GatheredLeaves(chunkCount: other.header.chunks.count)
        self.gathered = gathered
        file = other.file
        header = other.header
        adapter = try AdapterFile.makeAdapter(header, file: file, gathered: gathered)
    }

    /// The same file, whose adapter hashes the tensors as they are decoded, so that `verifyContent` after all was
    /// read decodes nothing again.
    ///
    /// Reading checks each chunk's digest in any case; but those digests stand in the same file, and only hashes of the
    /// decoded tensors show that the values are those of the content root, which may be signed.
    public func gatheringContent() throws -> AdapterFile { try AdapterFile(gatheringFrom: self) }

    /// Whether the file has a section of signatures.
    public var hasSignatures: Bool { header.sections.contains { $0.tag == .signatures } }

    /// The adapter's identity.
    public var contentRoot: Digest { header.fixed.contentRoot }

    /// The file's length in bytes.
    public var byteCount: Int { file.byteCount }

    /// The path the file was opened with.
    public var path: String { file.path }

    /// Hands over the file's bytes in order, in pieces of at most one mebibyte; nothing is verified.
    public func forEachPiece(_ body: ([UInt8]) throws -> Void) throws {
        try file.forEachPiece(in: 0..<file.byteCount, body)
    }

    /// How many bytes the tensors take in the file.
    public var encodedByteCount: Int { header.fixed.dataByteCount }

    /// How the adapter was computed, when the file says so.
    ///
    /// - Throws: ``FormatError`` with code `digestMismatch` or `malformedMetadata`.
    public func provenance() throws -> Provenance? {
        guard let entry = header.sections.first(where: { $0.tag == .provenance }) else { return nil }
        let bytes = try file.read(at: entry.offset, count: entry.byteCount)
        guard SHA256.hash(bytes) == entry.digest else {
            throw FormatError(
                .digestMismatch, "The provenance record does not have the digest that the table states.",
                byteOffset: entry.offset)
        }
        let document = try MetadataDocument.decode(
            bytes, named: "provenance record", limit: FormatConstants.maximumDocumentByteCount,
            baseOffset: entry.offset)
        do {
            return try Provenance(metadata: document)
        } catch let error as AdapterError {
            throw FormatError(.malformedMetadata, error.message, byteOffset: entry.offset)
        }
    }

    private static func makeAdapter(
        _ header: AdapterHeader, file: InputFile, gathered: GatheredLeaves?
    ) throws -> Adapter {
        let names = header.names.names
        let modules = try header.modules.map { record in
            let tensors = (record.firstTensor..<record.firstTensor + record.tensorCount)
                .map { index in
                    let source = ChunkedTensorSource(index, in: header, file: file, gathered: gathered)
                    return (header.tensors[index], source.tensor)
                }
            let name = names[Int(record.name)]
            do {
                return try AdaptedModule(
                    name: name,
                    update: try record.kind.map { kind in
                        try LowRankUpdate(
                            kind: kind, a: tensors[0].1, b: tensors[1].1, rank: record.rank, alpha: record.alpha,
                            scalingRule: record.scalingRule)
                    },
                    parameters: tensors.dropFirst(record.kind == nil ? 0 : 2).map { tensor, content in
                        ModuleParameter(role: tensor.role, name: names[Int(tensor.name)], tensor: content)
                    })
            } catch let error as AdapterError {
                let end = error.message.hasSuffix(".") ? "" : "."
                throw FormatError(.malformedTable, "The module '\(name)' is invalid: \(error.message)\(end)")
            }
        }
        do {
            return try Adapter(
                base: header.metadata.base, modules: modules, behaviour: header.metadata.behaviour, notes: header.notes)
        } catch let error as AdapterError {
            throw FormatError(.malformedTable, error.message)
        }
    }
}

extension FormatError {
    /// A fault found by the byte layer, with its place; documents map theirs themselves.
    init(_ error: ByteCodingError) {
        self.init(.malformedTable, "A table ends early: \(error.message).", byteOffset: error.byteOffset)
    }
}
