import AdapterFormat
import FileSystem
public import Integrity

extension Registry {
    /// Stores the adapter at a tag again with other signatures, and moves the tag there.
    ///
    /// Content root, notes and provenance stay; the file and so its digest change. The new file is verified from its
    /// first to its last byte before the tag moves, so nothing damaged is stored as signed. Signatures that are there
    /// already leave everything as it is.
    ///
    /// - Parameters:
    ///   - reference: the tag.
    ///   - expected: where the tag must stand. It moves only if it still stands where it stood at the beginning.
    ///   - message: what the history shall say.
    ///   - progress: called with the number of bytes examined since the last call; their sum is twice the file's
    ///     length.
    ///   - signatures: given the content root and the signatures that are there, those that shall be there.
    /// - Throws: ``RegistryError`` with code `notFound`, `wrongKind` for a reference to a digest, `conflict`,
    ///   `immutableTag`, `readOnly`, `noSpace` or `damagedBlob`; `FormatError` when the stored file is damaged; what
    ///   `signatures` throws.
    /// - Complexity: reads the file once and its copy twice.
    public func sign(
        _ reference: Reference, expected: ExpectedTag = .any, message: String? = nil,
        progress: ((Int) -> Void)? = nil,
        signatures: (_ contentRoot: Digest, _ existing: [Signature]) throws -> [Signature]
    ) throws -> StoredAdapter {
        try writing("sign in the registry") {
            _ = try tag(of: reference, verb: "sign")
            let stored = try resolve(reference)
            try Catalog.check(expected, reference, current: stored.digest)
            let file = try open(stored)
            let existing = try file.signatures()
            let wanted = try signatures(file.contentRoot, existing)
            guard wanted != existing else { return stored }
            guard stored.tag?.isImmutable != true else {
                throw RegistryError(
                    .immutableTag,
                    "Unable to sign '\(reference)': a signature changes the file's digest, and the tag is immutable. "
                        + "Write the signature to a file of its own.",
                    reference: reference.description, digest: stored.digest)
            }
            let output = try blobs.makeTemporary()
            return try store(
                output, try copy(file, signatures: wanted, to: output, progress: progress), as: reference,
                expected: .digest(stored.digest), operation: .sign, message: message)
        }
    }

    /// Writes a file with other signatures, and says what can be read back from it.
    func copy(
        _ file: AdapterFile, signatures: [Signature], to output: OutputFile, progress: ((Int) -> Void)? = nil
    ) throws -> AdapterRecord {
        let digest = try AdapterFileWriter.copy(
            file, signatures: signatures, to: output, limits: limits, progress: progress)
        return try AdapterRecord(AdapterFile(opening: output.temporaryPath, limits: limits), digest: digest)
    }
}
