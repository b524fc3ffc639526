public import AdapterRegistry
public import FileSystem

/// The bytes of a blob that is to be sent.
public enum BlobContent: Sendable {
    /// Bytes in memory.
    case bytes([UInt8])
    /// A whole file, read while it is sent.
    case file(InputFile)

    var byteCount: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .file(let file): file.byteCount
        }
    }

    func forEachPiece(_ body: ([UInt8]) throws -> Void) throws {
        switch self {
        case .bytes(let bytes): try body(bytes)
        case .file(let file): try file.forEachPiece(in: 0..<file.byteCount, body)
        }
    }

    func read(at offset: Int, count: Int) throws -> [UInt8] {
        switch self {
        case .bytes(let bytes): Array(bytes[offset..<offset + count])
        case .file(let file): try file.read(at: offset, count: count)
        }
    }

    /// What messages call it.
    var name: String {
        switch self {
        case .bytes: "the document"
        case .file(let file): "'\(file.path)'"
        }
    }
}

extension RegistryClient {
    /// Content up to this length is sent with a single request after the upload has been opened.
    private static let monolithicByteCount = 4 << 20

    /// Whether a repository has a blob (end-2).
    public func hasBlob(_ digest: ContentDigest, in repository: RepositoryName) throws -> Bool {
        let response = try send(
            HTTPRequest(.head, try url(repository, "blobs/\(digest)")), scope: [scope(repository, "pull")])
        if response.status == 404 { return false }
        guard response.status == 200 else { throw failure(response, "examine \(digest) on '\(host)'") }
        return true
    }

    /// Takes a blob over from another repository of the same registry (end-11); false when the registry does not do
    /// that, or the other repository has it not.
    public func mountBlob(
        _ digest: ContentDigest, from source: RepositoryName, to repository: RepositoryName
    ) throws -> Bool {
        let place = try url(repository, "blobs/uploads/")
        guard let url = place.adding(query: [("mount", digest.description), ("from", source.description)]) else {
            return false
        }
        let response = try send(
            HTTPRequest(.post, url), scope: [scope(repository, "pull,push"), scope(source, "pull")])
        if response.status == 201 { return true }
        // An upload was opened instead; it is not needed.
        if response.status == 202, let location = try? location(of: response) {
            _ = try? send(HTTPRequest(.delete, location), scope: [scope(repository, "pull,push")])
        }
        return false
    }

    /// Sends a blob (end-4 to end-6), going on where an earlier attempt was cut off as far as the registry remembers.
    ///
    /// The bytes are hashed while they are sent, and the upload is completed only when they have the digest.
    ///
    /// - Parameters:
    ///   - note: where an unfinished upload is noted, so that another process can go on with it; nil to note nothing.
    ///   - progress: called with the number of bytes sent since the last call, negative when some were in vain.
    /// - Throws: ``OCIError``; `digestMismatch` when the content has another digest, or the registry got something else
    ///   than was sent.
    @discardableResult
    public func uploadBlob(
        _ content: BlobContent, _ digest: ContentDigest, to repository: RepositoryName, note: UploadNote? = nil,
        progress: (@Sendable (Int) -> Void)? = nil
    ) throws -> SentBlob {
        var upload = BlobUpload(
            client: self, repository: repository, content: content, digest: digest, note: note, progress: progress)
        if content.byteCount <= RegistryClient.monolithicByteCount {
            try upload.sendAtOnce()
        } else {
            try upload.sendInChunks()
        }
        note?.remove()
        return upload.result
    }

    /// Where an upload goes on.
    func location(of response: HTTPResponse) throws -> HTTPURL {
        guard let text = response.headers["Location"], let url = HTTPURL(parsing: text, relativeTo: response.url),
            url.scheme == "https" || base.scheme == "http"
        else {
            throw OCIError(
                .protocolViolation, "Unable to upload to '\(host)': it does not say where the upload goes on.",
                status: response.status)
        }
        return url
    }
}
