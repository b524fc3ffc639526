public import FileSystem

/// A place where artifacts are: a repository of a registry, or an image layout on disk.
public protocol ArtifactRepository: Sendable {
    /// What messages call it.
    var location: String { get }

    /// A manifest or an index by a tag or a digest.
    func manifest(_ selector: String) throws -> FetchedManifest

    /// A small blob.
    func blob(_ descriptor: Descriptor) throws -> [UInt8]

    /// Writes a blob to a file, which has its digest afterwards.
    ///
    /// - Returns: how much came, and what was verified of an adapter file on the way.
    func download(
        _ descriptor: Descriptor, to output: OutputFile, isAdapterFile: Bool, progress: (@Sendable (Int) -> Void)?
    ) throws -> FetchedBlob

    /// Whether a blob is there.
    func hasBlob(_ digest: ContentDigest) throws -> Bool

    /// Takes a blob over from elsewhere in the same registry; false when that is not possible.
    func mountBlob(_ digest: ContentDigest) throws -> Bool

    /// Stores a blob.
    @discardableResult
    func upload(_ content: BlobContent, _ digest: ContentDigest, progress: (@Sendable (Int) -> Void)?) throws
        -> SentBlob

    /// Stores a manifest or an index under tags, or under its digest when there are none.
    func put(_ bytes: [UInt8], mediaType: MediaType, tags: [String]) throws

    /// The manifests that are about another one.
    func referrers(of digest: ContentDigest) throws -> [Descriptor]

    /// Stores a manifest that is about another one.
    func putReferrer(_ manifest: ImageManifest) throws
}
