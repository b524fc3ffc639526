internal import Adapters
internal import ByteCoding
internal import Integrity
internal import Tensors

/// Everything about a file that is known before the first tensor is read: its tables, but for digests and chunks, and
/// where its data starts.
struct FileLayout {
    let metadata: [UInt8]
    let notes: [UInt8]?
    let names: NameTable
    var modules: [ModuleRecord] = []
    /// The records with digests yet to come, and the tensors they describe.
    var tensors: [TensorRecord] = []
    var contents: [Tensor] = []
    let chunkCount: Int
    let alignment: Int

    init(_ adapter: Adapter, codec: WritingCodec, hasProvenance: Bool) throws {
        metadata = try IdentityMetadata(of: adapter).encoded()
        notes =
            adapter.notes.isEmpty
            ? nil
            : try MetadataDocument.encode(
                adapter.notes.metadata, named: "notes", limit: FormatConstants.maximumDocumentByteCount)
        alignment = codec == .raw ? FormatConstants.rawAlignment : 1
        names = NameTable(
            collecting: adapter.modules.flatMap { module in [module.name] + module.tensors.map(\.name) })
        var firstChunk = 0
        for (index, module) in adapter.modules.enumerated() {
            let update = module.update
            modules.append(
                ModuleRecord(
                    name: try names.index(of: module.name), kind: update?.kind,
                    scalingRule: update?.scalingRule ?? .alphaOverRank, rank: update?.rank ?? 0,
                    firstTensor: tensors.count, tensorCount: module.tensors.count, alpha: update?.alpha ?? 0))
            guard !module.tensors.isEmpty else {
                throw FormatError(.notRepresentable, "The module '\(module.name)' has no tensor.")
            }
            for tensor in module.tensors {
                let record = TensorRecord(
                    module: index, role: tensor.role, dtype: tensor.tensor.dtype,
                    name: try names.index(of: tensor.name), firstChunk: firstChunk, shape: tensor.tensor.shape,
                    digest: FileLayout.undetermined)
                firstChunk += record.chunkCount
                tensors.append(record)
                contents.append(tensor.tensor)
            }
        }
        chunkCount = firstChunk
        sectionCount = SectionTag.critical.count + (notes == nil ? 0 : 1) + (hasProvenance ? 1 : 0)
        guard tensors.count <= FormatConstants.maximumTensorCount,
            adapter.tensorByteCount <= ReadLimits.maximumDecodedByteCount,
            headerByteCount <= FormatConstants.maximumHeaderByteCount
        else {
            throw FormatError(
                .notRepresentable,
                "The adapter has \(tensors.count) tensors of \(adapter.tensorByteCount) bytes, which "
                    + "exceeds the format's limits.")
        }
    }

    let sectionCount: Int

    /// The header's length, which is where the data starts.
    var headerByteCount: Int {
        var position =
            FormatConstants.fixedHeaderByteCount + sectionCount * FormatConstants.sectionEntryByteCount
        for byteCount in [
            metadata.count, names.bytes.count, modules.count * FormatConstants.moduleRecordByteCount,
            tensors.count * FormatConstants.tensorRecordByteCount, chunkCount * FormatConstants.chunkRecordByteCount,
            notes?.count ?? 0,
        ] { position += position.padding(to: 8) + byteCount }
        return position + position.padding(to: max(8, alignment))
    }

    /// The header once everything is known.
    ///
    /// - Parameters:
    ///   - digests: the tensor digests, in order.
    ///   - chunks: the chunk records, in order.
    ///   - provenance: the trailing section's bytes.
    func header(digests: [Digest], chunks: [ChunkRecord], dataByteCount: Int, provenance: [UInt8]?) -> (
        bytes: [UInt8], contentRoot: Digest
    ) {
        let contentRoot = Identity.contentRoot(
            metadata: metadata,
            modules: modules.map { module in
                Identity.moduleDigest(
                    module, name: names.names[Int(module.name)],
                    tensors: digests[module.firstTensor..<module.firstTensor + module.tensorCount])
            })
        var sections: [(tag: SectionTag, isCritical: Bool, bytes: [UInt8])] = [
            (.metadata, true, metadata), (.names, true, names.bytes),
            (.modules, true, table(modules) { $0.write(to: &$1) }),
            (
                .tensors, true,
                table(zip(tensors, digests)) { pair, writer in
                    var record = pair.0
                    record.digest = pair.1
                    record.write(to: &writer)
                }
            ),
            (.chunks, true, table(chunks) { $0.write(to: &$1) }),
        ]
        if let notes { sections.append((.notes, false, notes)) }

        var body = ByteWriter(capacity: headerByteCount)
        let headerByteCount = headerByteCount
        let bodyOffset = FormatConstants.fixedHeaderByteCount + sectionCount * FormatConstants.sectionEntryByteCount
        var entries = ByteWriter()
        for section in sections {
            body.pad(to: 8)
            SectionEntry(
                tag: section.tag, isCritical: section.isCritical, offset: bodyOffset + body.bytes.count,
                byteCount: section.bytes.count, digest: SHA256.hash(section.bytes)
            ).write(to: &entries)
            body.write(section.bytes)
        }
        if let provenance {
            SectionEntry(
                tag: .provenance, isCritical: false, offset: headerByteCount + dataByteCount,
                byteCount: provenance.count, digest: SHA256.hash(provenance)
            ).write(to: &entries)
        }
        body.write([UInt8](repeating: 0, count: headerByteCount - bodyOffset - body.bytes.count))
        let fixed = FixedHeader(
            sectionCount: sectionCount,
            fileByteCount: headerByteCount + dataByteCount + (provenance?.count ?? 0),
            headerByteCount: headerByteCount, dataByteCount: dataByteCount, alignment: alignment,
            contentRoot: contentRoot, headerDigest: FileLayout.undetermined)
        var header = ByteWriter(capacity: headerByteCount)
        header.write(fixed.bytes)
        header.write(entries.bytes)
        header.write(body.bytes)
        header.replace(
            at: FormatConstants.headerDigestOffset, with: FixedHeader.digest(ofHeader: header.bytes).bytes)
        return (header.bytes, contentRoot)
    }

    /// Stands in a field whose value is computed later.
    private static let undetermined = SHA256.hash([])

    private func table<Records: Sequence>(
        _ records: Records, _ write: (Records.Element, inout ByteWriter) -> Void
    ) -> [UInt8] {
        var writer = ByteWriter()
        for record in records { write(record, &writer) }
        return writer.bytes
    }
}
