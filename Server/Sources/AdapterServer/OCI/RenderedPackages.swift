import AdapterFormat
import AdapterRegistry
import FileSystem
import Integrity
import OCIDistribution
import Synchronization

/// The manifests of adapters that no OCI client has pushed, and those of the documents about adapters: they follow from
/// what the registry has alone, so they are made when somebody asks, and are the same every time.
final class RenderedPackages: Sendable {
    struct Rendered {
        var manifest: PackageManifest
        var blobs: [ContentDigest: [UInt8]]
    }

    private struct Cache {
        var packages: [Digest: Rendered] = [:]
        var byteCount = 0
    }

    /// How much memory the rendered documents may take.
    private static let byteLimit = 8 << 20

    private let cache = Mutex(Cache())
    private let index = PackageIndex()

    /// The manifest of an adapter.
    func manifest(of stored: StoredAdapter, by registry: Registry) throws -> PackageManifest {
        try package(of: stored, by: registry).manifest
    }

    /// The manifest of an adapter in a repository, or that of a document about one, by the manifest's digest.
    func manifest(_ digest: ContentDigest, in name: RepositoryName, of registry: Registry) throws -> PackageManifest? {
        guard let stored = try owner(of: digest, in: name, of: registry) else { return nil }
        let own = try package(of: stored, by: registry).manifest
        if own.digest == digest.description { return own }
        let pushed = try registry.packageVersions(of: name).first { $0.adapter == stored.digest }?.manifests ?? []
        for subject in [own.digest] + pushed {
            let documents = try documents(about: ContentDigest(parsing: subject), in: name, of: registry)
            if let found = documents.first(where: { $0.digest == digest.description }) { return found }
        }
        return nil
    }

    /// What belongs to an adapter in a repository and is no file of its own, by its digest.
    func blob(_ digest: ContentDigest, in name: RepositoryName, of registry: Registry) throws -> [UInt8]? {
        guard let stored = try owner(of: digest, in: name, of: registry) else { return nil }
        if let bytes = try package(of: stored, by: registry).blobs[digest] { return bytes }
        if digest == RenderedPackages.configuration { return PackageDocument.configuration }
        let document = try registry.documents(of: stored).first { ContentDigest($0.digest) == digest }
        return try document.map { Array(try registry.text(of: $0).utf8) }
    }

    /// The adapter in a repository to which something with a digest belongs, whatever it is.
    func owner(of digest: ContentDigest, in name: RepositoryName, of registry: Registry) throws -> StoredAdapter? {
        let owner = try index.owner(of: digest, in: name, of: registry) { version in
            let stored = try registry.resolve(Reference(name, digest: version.adapter))
            let package = try package(of: stored, by: registry)
            return [try ContentDigest(parsing: package.manifest.digest)] + package.blobs.keys
        } documents: { version in
            let stored = try registry.resolve(Reference(name, digest: version.adapter))
            var digests = [RenderedPackages.configuration]
            let own = try package(of: stored, by: registry).manifest
            let attached = try registry.documents(of: stored)
            digests += attached.map { ContentDigest($0.digest) }
            var subjects = [try RenderedPackages.descriptor(own)]
            for digest in version.manifests where digest != own.digest {
                subjects +=
                    try registry.packageManifest(digest, in: name).map { [try RenderedPackages.descriptor($0)] } ?? []
            }
            for subject in subjects {
                digests += try attached.map { try .hash(PackageDocument.manifest(of: $0, about: subject).bytes) }
            }
            return digests
        }
        return try owner.map { try registry.resolve(Reference(name, digest: $0)) }
    }

    /// The adapter that something belongs to, whichever repository has been asked for it.
    func knownOwner(of digest: ContentDigest) -> Digest? { index.knownOwner(of: digest) }

    // MARK: Documents

    private static let configuration = ContentDigest.hash(PackageDocument.configuration)

    private static func descriptor(_ manifest: PackageManifest) throws -> Descriptor {
        Descriptor(
            mediaType: try MediaType(parsing: manifest.mediaType), digest: try ContentDigest(parsing: manifest.digest),
            byteCount: manifest.bytes.count)
    }

    /// The manifests of the documents that are attached to the adapter of a manifest, ascending by digest.
    func documents(
        about digest: ContentDigest, in name: RepositoryName, of registry: Registry
    ) throws -> [PackageManifest] {
        let subject =
            try registry.packageManifest(digest.description, in: name)
            ?? adapterManifest(digest, in: name, of: registry)
        guard let subject, let adapter = subject.adapter else { return [] }
        let stored: StoredAdapter
        do {
            stored = try registry.resolve(Reference(name, digest: adapter))
        } catch let error as RegistryError where error.code == .notFound {
            // The manifest is older than the adapter's removal.
            return []
        }
        let descriptor = try RenderedPackages.descriptor(subject)
        return try registry.documents(of: stored).map { document in
            let manifest = try PackageDocument.manifest(of: document, about: descriptor)
            let bytes = manifest.bytes
            return PackageManifest(
                digest: ContentDigest.hash(bytes).description, mediaType: manifest.mediaType.description,
                artifactType: manifest.effectiveArtifactType.description, subject: digest.description,
                annotations: manifest.annotations, bytes: bytes)
        }.sorted { $0.digest < $1.digest }
    }

    private func adapterManifest(
        _ digest: ContentDigest, in name: RepositoryName, of registry: Registry
    ) throws -> PackageManifest? {
        guard let stored = try owner(of: digest, in: name, of: registry) else { return nil }
        let own = try package(of: stored, by: registry).manifest
        return own.digest == digest.description ? own : nil
    }

    // MARK: Storing

    /// Stores what follows from an adapter as if a client had pushed it: it is needed by what a client pushes, and shall
    /// stay when the adapter goes. Does nothing about what is not there.
    ///
    /// - Parameter digest: of a blob or of a manifest.
    func store(_ digest: ContentDigest, in name: RepositoryName, of registry: Registry) throws {
        if let bytes = try blob(digest, in: name, of: registry) {
            return try registry.storePackageBlob(
                bytes, as: digest.description, in: name, upload: RandomText.uuid())
        }
        guard let manifest = try manifest(digest, in: name, of: registry) else { return }
        let image = try ImageManifest(parsing: manifest.bytes)
        let blobs = ([image.configuration] + image.layers).map(\.digest)
        for blob in blobs where try registry.packageBlob(blob.description, in: name) == nil {
            try store(blob, in: name, of: registry)
        }
        try registry.push(manifest, needing: blobs.map(\.description), and: [], tags: [], in: name)
    }

    // MARK: Rendering

    private func package(of stored: StoredAdapter, by registry: Registry) throws -> Rendered {
        if let known = cache.withLock({ $0.packages[stored.digest] }) { return known }
        let rendered = try AdapterPackage(registry.open(stored), digest: stored.digest)
        let bytes = rendered.manifest.bytes
        let package = Rendered(
            manifest: PackageManifest(
                digest: ContentDigest.hash(bytes).description, mediaType: rendered.manifest.mediaType.description,
                artifactType: rendered.manifest.effectiveArtifactType.description,
                annotations: rendered.manifest.annotations, adapter: stored.digest, bytes: bytes),
            blobs: rendered.documents)
        let byteCount = package.manifest.bytes.count + package.blobs.values.reduce(0) { $0 + $1.count }
        cache.withLock { cache in
            if cache.byteCount + byteCount > RenderedPackages.byteLimit { cache = Cache() }
            cache.packages[stored.digest] = package
            cache.byteCount += byteCount
        }
        return package
    }
}
