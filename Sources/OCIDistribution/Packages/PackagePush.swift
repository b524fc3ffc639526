public import FileSystem

/// What a push did.
public struct PackagePush: Hashable, Sendable {
    /// The digest of the manifest.
    public var digest: ContentDigest
    /// How many bytes were sent.
    public var sentByteCount = 0
    /// How many bytes of an upload that was interrupted the registry had kept.
    public var resumedByteCount = 0
    /// How many bytes were there already.
    public var presentByteCount = 0
    /// How many bytes the registry took over from another repository.
    public var mountedByteCount = 0
    /// How many documents were pushed along.
    public var documentCount = 0

    /// Stores a package and documents about it: what is missing only, the manifest last, so that nobody sees a part.
    ///
    /// - Parameters:
    ///   - weights: the file of the first layer.
    ///   - tags: under which tags; its digest when there are none.
    ///   - progress: called with the number of bytes of the weights that are done since the last call.
    /// - Throws: ``OCIError``, `FileSystemError`.
    public init(
        _ package: AdapterPackage, weights: InputFile, documents: [PackageDocument] = [],
        to repository: any ArtifactRepository, tags: [String], progress: (@Sendable (Int) -> Void)? = nil
    ) throws {
        let bytes = package.manifest.bytes
        let subject = Descriptor(of: bytes, mediaType: package.manifest.mediaType)
        digest = subject.digest
        for descriptor in [package.manifest.configuration] + package.manifest.layers {
            if try repository.hasBlob(descriptor.digest) {
                presentByteCount += descriptor.byteCount
            } else if try repository.mountBlob(descriptor.digest) {
                mountedByteCount += descriptor.byteCount
            } else {
                let document = package.documents[descriptor.digest]
                let sent = try repository.upload(
                    document.map { .bytes($0) } ?? .file(weights), descriptor.digest,
                    progress: document == nil ? progress : nil)
                sentByteCount += sent.sentByteCount
                resumedByteCount += sent.resumedByteCount
            }
        }
        try repository.put(bytes, mediaType: package.manifest.mediaType, tags: tags)
        for document in documents { sentByteCount += try document.push(about: subject, to: repository) }
        documentCount = documents.count
    }
}
