public import AdapterFormat
public import Adapters
import FileSystem
import GRDB
import Integrity
import Tensors

extension Registry {
    /// Stores an adapter and sets a tag to it.
    ///
    /// The file is written, made durable and moved to its name; then one transaction adds its rows, its lineage and the
    /// tag. A failure before that leaves the registry as it was, but for a stored file that nothing names. The same
    /// file pushed to the same tag again changes nothing.
    ///
    /// - Parameters:
    ///   - adapter: the adapter; its tensors are read once, in the order of the file.
    ///   - reference: the tag to set.
    ///   - codec: how the tensors are stored.
    ///   - expected: where the tag must stand for the push to happen.
    ///   - provenance: how the adapter was computed; asked after its last tensor has been read.
    ///   - original: the file that the adapter comes from; its signatures are kept where the content root stays.
    ///   - confirming: called after the last tensor has been read; nothing is stored when it throws.
    ///   - progress: called with the number of tensor bytes read since the last call.
    /// - Throws: ``RegistryError`` with code `wrongKind` for a reference to a digest, `conflict`, `immutableTag`,
    ///   `readOnly` or `noSpace`; what reading the tensors and writing the format throw.
    /// - Complexity: reads all tensors.
    public func push(
        _ adapter: Adapter, as reference: Reference, codec: WritingCodec = .planes, expected: ExpectedTag = .any,
        provenance: (() throws -> Provenance)? = nil, signedAs original: AdapterFile? = nil,
        confirming: (() throws -> Void)? = nil, progress: ((Int) -> Void)? = nil
    ) throws -> StoredAdapter {
        try push(
            adapter, as: reference, codec: codec, expected: expected, provenance: provenance, signedAs: original,
            attaching: nil, confirming: confirming, progress: progress)
    }

    /// Stores an adapter and sets a tag to it, and in the same transaction changes what is attached to the tag's
    /// versions. See ``push(_:as:codec:expected:provenance:signedAs:progress:)``.
    package func push(
        _ adapter: Adapter, as reference: Reference, codec: WritingCodec = .planes, expected: ExpectedTag = .any,
        provenance: (() throws -> Provenance)? = nil, signedAs original: AdapterFile? = nil,
        attaching attachment: AttachmentChange?, confirming: (() throws -> Void)? = nil,
        progress: ((Int) -> Void)? = nil
    ) throws -> StoredAdapter {
        try writing("push to the registry") {
            let tag = try tag(of: reference, verb: "push to")
            try checkEarly(expected, reference, tag)
            let signatures = try original?.signatures() ?? []
            let output = try blobs.makeTemporary()
            let written = try AdapterFileWriter.write(
                adapter, to: output, codec: codec, provenance: provenance, progress: progress)
            try confirming?()
            // The rows come from what can be read back, not from what was meant to be written.
            let file = try AdapterFile(opening: output.temporaryPath, limits: limits)
            guard file.contentRoot == written.contentRoot, file.byteCount == written.byteCount else {
                throw RegistryError(
                    .damagedBlob,
                    "Unable to push to '\(reference)': the written file reads back as \(file.contentRoot), "
                        + "\(written.contentRoot) was expected. Check the disk.",
                    reference: reference.description)
            }
            guard original?.contentRoot == file.contentRoot, !signatures.isEmpty else {
                return try store(
                    output, try AdapterRecord(file, digest: blobs.digest(file, of: output)), as: reference,
                    expected: expected, attaching: attachment)
            }
            let signed = try blobs.makeTemporary()
            return try store(
                signed, try copy(file, signatures: signatures, to: signed), as: reference, expected: expected,
                attaching: attachment)
        }
    }

    /// Stores an adapter file byte for byte, after verifying it, and sets a tag to it.
    ///
    /// - Parameters:
    ///   - path: the adapter file.
    ///   - reference: the tag to set.
    ///   - expected: where the tag must stand for the push to happen.
    ///   - progress: called with the number of bytes examined since the last call; their sum is twice the file's length.
    /// - Throws: ``RegistryError`` as ``push(_:as:codec:expected:provenance:signedAs:confirming:progress:)``; `FormatError` when the file is
    ///   damaged or not an adapter file; `FileSystemError` when it cannot be read.
    /// - Complexity: reads the file once and its copy twice.
    public func push(
        contentsOf path: String, as reference: Reference, expected: ExpectedTag = .any,
        progress: ((Int) -> Void)? = nil
    ) throws -> StoredAdapter {
        try writing("push to the registry") {
            let tag = try tag(of: reference, verb: "push to")
            try checkEarly(expected, reference, tag)
            let output = try blobs.makeTemporary()
            try copy(InputFile(opening: path), to: output.positioned)
            // The copy is verified, not the source, which another process may change meanwhile.
            let file = try AdapterFile(opening: output.temporaryPath, limits: limits)
            let (digest, _) = try Concurrent.both {
                try file.verify(progress: progress)
            } _: {
                try output.makeDurable(mode: 0o444)
            }
            return try store(output, try AdapterRecord(file, digest: digest), as: reference, expected: expected)
        }
    }

    /// Copies a file on all processors.
    private func copy(_ source: InputFile, to output: PositionedOutput) throws {
        let starts = Array(stride(from: 0, to: source.byteCount, by: 4 << 20))
        _ = try Concurrent.map(starts) { start in
            try output.write(source.read(at: start, count: min(4 << 20, source.byteCount - start)), at: start)
        }
    }

    /// Throws `conflict` before a large result is computed or written in vain; what counts is the check when the tag moves.
    func checkEarly(_ expected: ExpectedTag, _ reference: Reference, _ tag: Tag) throws {
        try catalog.read { database in
            let repository = try Catalog.repositoryID(reference.repository, in: database)
            let current = try repository.flatMap { try Catalog.tagRow($0, tag, in: database) }
            try Catalog.check(expected, reference, current: current?.digest)
        }
    }

    /// Moves a complete file to its name and names it in the catalog.
    func store(
        _ output: OutputFile, _ record: AdapterRecord, as reference: Reference, expected: ExpectedTag = .any,
        operation: TagEvent.Operation = .push, message: String? = nil, attaching attachment: AttachmentChange? = nil
    ) throws -> StoredAdapter {
        try writing("push to the registry") {
            let tag = try tag(of: reference, verb: "push to")
            let change = Catalog.Change(
                operation: operation, actor: actor, message: message ?? record.summary.message)
            let documents = DocumentDraft.describing(record)
            try blobs.prepare(output, as: record.digest)
            if let draft = attachment?.draft { try blobs.prepare(draft.output, as: draft.digest) }
            let (stored, orphans) = try catalog.write { database in
                try insert(output, record, documents, at: change.date, in: database)
                let repository = try Catalog.addVersion(
                    reference.repository, record.digest, at: change.date, in: database)
                try Catalog.move(
                    reference, tag, to: record.digest, repository: repository, expected: expected,
                    makeImmutable: false, change, in: database)
                let orphans = try attachment.map { attachment in
                    if let draft = attachment.draft { try blobs.commit(draft.output, as: draft.digest) }
                    return try Catalog.attach(
                        attachment, to: record.digest, reference, at: change.date, in: database)
                }
                return (try Catalog.resolve(reference, blobs: blobs, in: database), orphans ?? [])
            }
            if !orphans.isEmpty { try discard(orphans) }
            return stored
        }
    }

    /// Moves a durable file to its name and adds its rows, under the catalog's write lock: the collection of unused
    /// files sees either both or neither.
    func insert(
        _ output: OutputFile, _ record: AdapterRecord, _ documents: [DocumentDraft], at now: Timestamp,
        in database: Database
    ) throws {
        try blobs.commit(output, as: record.digest)
        guard try Catalog.insert(record, at: now, in: database) else { return }
        try Catalog.attach(documents, toNew: record.digest, actor: actor, at: now, in: database)
    }

    /// The tag of a reference that is about to be set.
    func tag(of reference: Reference, verb: String) throws -> Tag {
        guard let tag = reference.tag else {
            throw RegistryError(
                .wrongKind,
                "Unable to \(verb) '\(reference)': a digest follows from the bytes and cannot be chosen. Name a tag.",
                reference: reference.description)
        }
        return tag
    }
}
