public import AdapterRegistry
public import FileSystem

/// A repository of a registry.
public struct RemoteRepository: ArtifactRepository {
    /// Speaks with the registry.
    public let client: RegistryClient
    /// The repository.
    public let name: RepositoryName
    /// Repositories of the same registry that may have the blobs already.
    public var mountSources: [RepositoryName]
    /// Where unfinished uploads are noted; nil to note none.
    public var noteFolder: String?

    /// A repository that a client speaks with.
    public init(
        _ client: RegistryClient, _ name: RepositoryName, mountSources: [RepositoryName] = [], noteFolder: String? = nil
    ) {
        self.client = client
        self.name = name
        self.mountSources = mountSources
        self.noteFolder = noteFolder
    }

    /// Host and name.
    public var location: String { "\(client.host)/\(name)" }

    /// A manifest or an index by a tag or a digest.
    public func manifest(_ selector: String) throws -> FetchedManifest { try client.manifest(name, selector) }

    /// A small blob.
    public func blob(_ descriptor: Descriptor) throws -> [UInt8] { try client.blob(descriptor, in: name) }

    /// Fetches a blob into a file.
    public func download(
        _ descriptor: Descriptor, to output: OutputFile, isAdapterFile: Bool, progress: (@Sendable (Int) -> Void)?
    ) throws -> FetchedBlob {
        try client.downloadBlob(
            descriptor, from: name, to: output, isAdapterFile: isAdapterFile, progress: progress)
    }

    /// Whether the repository has a blob.
    public func hasBlob(_ digest: ContentDigest) throws -> Bool { try client.hasBlob(digest, in: name) }

    /// Takes a blob over from the first of ``mountSources`` that has it.
    public func mountBlob(_ digest: ContentDigest) throws -> Bool {
        for source in mountSources where source != name {
            do {
                if try client.mountBlob(digest, from: source, to: name) { return true }
            } catch let error as OCIError where [.denied, .notFound, .rejected, .unsupported].contains(error.code) {
                // Mounting only spares a transfer.
                continue
            }
        }
        return false
    }

    /// Sends a blob.
    @discardableResult
    public func upload(
        _ content: BlobContent, _ digest: ContentDigest, progress: (@Sendable (Int) -> Void)?
    ) throws -> SentBlob {
        let note = noteFolder.map {
            UploadNote(in: $0, host: client.host, repository: name.description, digest: digest)
        }
        return try client.uploadBlob(content, digest, to: name, note: note, progress: progress)
    }

    /// Stores a manifest.
    public func put(_ bytes: [UInt8], mediaType: MediaType, tags: [String]) throws {
        for selector in tags.isEmpty ? [ContentDigest.hash(bytes).description] : tags {
            try client.putManifest(bytes, mediaType: mediaType, name, selector)
        }
    }

    /// The manifests that are about another one.
    public func referrers(of digest: ContentDigest) throws -> [Descriptor] {
        try client.referrers(of: digest, in: name)
    }

    /// Stores a manifest that is about another one.
    public func putReferrer(_ manifest: ImageManifest) throws { try client.putReferrer(manifest, in: name) }
}
