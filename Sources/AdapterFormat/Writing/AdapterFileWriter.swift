public import Adapters
internal import ByteCoding
public import FileSystem
public import Integrity
internal import Tensors

/// What was written.
public struct WrittenFile: Hashable, Sendable {
    /// The adapter's identity, the same under every codec.
    public let contentRoot: Digest
    /// The file's length in bytes.
    public let byteCount: Int

    /// Creates a description of a written file.
    public init(contentRoot: Digest, byteCount: Int) {
        self.contentRoot = contentRoot
        self.byteCount = byteCount
    }
}

/// How chunks are stored when they are not constant.
public enum WritingCodec: String, Sendable, CaseIterable {
    /// As they are, aligned for mapping.
    case raw
    /// As zstd frames where that is smaller.
    case zstd
    /// As byte planes, the exponents entropy-coded, where that is smaller: the most compact for trained weights.
    case planes
}

/// Writes adapters as files, reading each tensor once, piece by piece.
public enum AdapterFileWriter {
    /// Writes an adapter into an output file, which the caller commits.
    ///
    /// - Parameters:
    ///   - adapter: the adapter; its tensors are read in the file's order, module by module, A before B.
    ///   - output: an empty output file.
    ///   - codec: how chunks are stored.
    ///   - provenance: asked once all tensors have been read, so it may tell what computing them found.
    ///   - progress: called with the number of tensor bytes read since the last call.
    /// - Throws: ``FormatError`` with code `notRepresentable`, `FileSystemError`, and whatever the tensors' sources
    ///   throw.
    /// - Complexity: eight chunks for each processor in memory beyond the tables, at most 64.
    public static func write(
        _ adapter: Adapter, to output: OutputFile, codec: WritingCodec = .planes,
        provenance: (() throws -> Provenance)? = nil, progress: ((Int) -> Void)? = nil
    ) throws -> WrittenFile {
        try write(
            adapter, to: output, codec: codec, provenance: provenance, workerCount: Concurrent.workerCount,
            progress: progress)
    }

    /// Writes with a given number of threads, on which the file does not depend.
    package static func write(
        _ adapter: Adapter, to output: OutputFile, codec: WritingCodec, provenance: (() throws -> Provenance)?,
        workerCount: Int, progress: ((Int) -> Void)?
    ) throws -> WrittenFile {
        let layout = try FileLayout(adapter, codec: codec, hasProvenance: provenance != nil)
        let headerByteCount = layout.headerByteCount
        var data = DataWriter(
            output: output.positioned, start: headerByteCount, alignment: layout.alignment, codec: codec,
            workerCount: workerCount)
        try data.write(layout.contents, of: layout.tensors.map(\.module), progress)
        let digests = zip(layout.tensors, data.leaves).map { record, leaves in
            Identity.tensorDigest(
                module: layout.names.names[Int(layout.modules[record.module].name)],
                name: layout.names.names[Int(record.name)], role: record.role, dtype: record.dtype,
                shape: record.shape, leaves: leaves)
        }
        let provenanceBytes = try provenance.map { provenance in
            try MetadataDocument.encode(
                provenance().metadata, named: "provenance record", limit: FormatConstants.maximumDocumentByteCount)
        }
        try output.write(provenanceBytes ?? [], at: headerByteCount + data.byteCount)
        let header = layout.header(
            digests: digests, chunks: data.chunks, dataByteCount: data.byteCount, provenance: provenanceBytes)
        try output.write(header.bytes, at: 0)
        let byteCount = headerByteCount + data.byteCount + (provenanceBytes?.count ?? 0)
        output.seek(to: byteCount)
        return WrittenFile(contentRoot: header.contentRoot, byteCount: byteCount)
    }

    /// Writes an adapter under a path, complete and durable or not at all.
    ///
    /// - Throws: as ``write(_:to:codec:provenance:progress:)``.
    public static func write(
        _ adapter: Adapter, toPath path: String, codec: WritingCodec = .planes,
        provenance: (() throws -> Provenance)? = nil, progress: ((Int) -> Void)? = nil
    ) throws -> WrittenFile {
        let output = try OutputFile(beside: path)
        let written = try write(adapter, to: output, codec: codec, provenance: provenance, progress: progress)
        try output.commit(as: path)
        return written
    }
}
