public import AdapterRegistry
public import FileSystem

extension RegistryClient {
    /// Fetches a small blob into memory (end-2).
    ///
    /// - Throws: ``OCIError`` with code `tooLarge`, `notFound`, `digestMismatch` and others.
    public func blob(_ descriptor: Descriptor, in repository: RepositoryName, limit: Int = 16 << 20) throws -> [UInt8] {
        guard descriptor.byteCount <= limit else {
            throw OCIError(
                .tooLarge,
                "Unable to fetch \(descriptor.digest) from '\(host)': it has \(descriptor.byteCount) bytes, at most "
                    + "\(limit) are accepted.")
        }
        var request = HTTPRequest(.get, try url(repository, "blobs/\(descriptor.digest)"))
        request.contentLimit = max(descriptor.byteCount, 1)
        let response = try send(request, scope: [scope(repository, "pull")])
        guard response.status == 200 else { throw failure(response, "fetch \(descriptor.digest) from '\(host)'") }
        guard response.content.count == descriptor.byteCount,
            ContentDigest.hash(response.content, algorithm: descriptor.digest.algorithm) == descriptor.digest
        else { throw mismatch(descriptor, "what came has \(response.content.count) bytes and another digest") }
        return response.content
    }

    /// Fetches a blob into a file, in parts at the same time, going on where an earlier process was ended.
    ///
    /// The file has the blob's digest afterwards, or an error is thrown; the caller commits it.
    ///
    /// - Parameters:
    ///   - output: the file; one that can be resumed keeps what has come when this fails.
    ///   - isAdapterFile: whether the blob is an adapter file, each chunk of which is compared with its digest as it
    ///     arrives.
    ///   - progress: called from several threads with the number of bytes fetched since the last call, negative when
    ///     some were in vain.
    /// - Throws: ``OCIError`` with code `notFound`, `digestMismatch`, `network` and others; `FormatError` when the blob is
    ///   no adapter file although it should be; `FileSystemError`.
    @discardableResult
    public func downloadBlob(
        _ descriptor: Descriptor, from repository: RepositoryName, to output: OutputFile, isAdapterFile: Bool = false,
        progress: (@Sendable (Int) -> Void)? = nil
    ) throws -> FetchedBlob {
        let download = BlobDownload(
            client: self, repository: repository, descriptor: descriptor, isAdapterFile: isAdapterFile,
            progress: progress)
        return try download.run(into: output)
    }

    func mismatch(_ descriptor: Descriptor, _ reason: String) -> OCIError {
        OCIError(
            .digestMismatch,
            "Unable to fetch \(descriptor.digest) (\(descriptor.byteCount) bytes) from '\(host)': \(reason). The registry "
                + "or something on the way has changed it.")
    }
}
