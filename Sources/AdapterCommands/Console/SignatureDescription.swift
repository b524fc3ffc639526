internal import AdapterFormat
internal import AdapterPictures
internal import AdapterRegistry
internal import Integrity

extension SignatureDescription {
    /// The signatures of a file; nil when there are none. A trusted key that cannot be read must not hide the adapter.
    ///
    /// The content root is recomputed first: a signature of one that the file only states vouches for nothing.
    ///
    /// - Throws: `FormatError` when the file's values are not those of its content root.
    init?(_ file: AdapterFile, _ keyOptions: KeyOptions, _ console: Console) throws {
        let signatures = try file.signatures()
        guard !signatures.isEmpty else { return nil }
        let progress = console.progress("Verifying", totalByteCount: file.byteCount)
        defer { progress.finish() }
        do {
            try file.verifyContent(progress: progress.advance)
        } catch var error as FormatError {
            error.path = file.path
            throw error
        }
        let folder = try keyOptions.folder
        let keys = try folder.names().compactMap { name in
            do {
                return try folder.trustedKey(name)
            } catch {
                console.warn(Failure.message(of: error))
                return nil
            }
        }
        self.init(contentRoot: file.contentRoot, signatures: signatures, keys: keys, today: try UTCDate.today())
    }
}
