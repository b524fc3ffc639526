import AdapterRegistry
import Integrity
import OCIDistribution
import Synchronization

/// The manifests of adapters that no OCI client has pushed: they follow from the adapter alone, so they are made when
/// somebody asks, and are the same every time.
final class RenderedPackages: Sendable {
    private struct Rendered {
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

    /// The manifest of an adapter.
    func manifest(of stored: StoredAdapter, by registry: Registry) throws -> PackageManifest {
        try package(of: stored, by: registry).manifest
    }

    /// The manifest of an adapter in a repository, by the manifest's digest.
    func manifest(_ digest: ContentDigest, in name: RepositoryName, of registry: Registry) throws -> PackageManifest? {
        try first(in: name, of: registry) { $0.manifest.digest == digest.description }?.manifest
    }

    /// A document that belongs to an adapter in a repository, by the document's digest.
    func blob(_ digest: ContentDigest, in name: RepositoryName, of registry: Registry) throws -> [UInt8]? {
        try first(in: name, of: registry) { $0.blobs[digest] != nil }?.blobs[digest]
    }

    /// The adapter whose manifest has a digest.
    func adapter(_ digest: ContentDigest, in name: RepositoryName, of registry: Registry) throws -> Digest? {
        try manifest(digest, in: name, of: registry)?.adapter
    }

    /// The first package of a repository's versions for which something holds.
    ///
    /// - Complexity: opens the versions that are not rendered yet.
    private func first(
        in name: RepositoryName, of registry: Registry, where isWanted: (Rendered) -> Bool
    ) throws -> Rendered? {
        let versions = try registry.versions(of: name)
        let known = cache.withLock { cache in versions.compactMap { cache.packages[$0] } }
        if let found = known.first(where: isWanted) { return found }
        for digest in versions where cache.withLock({ $0.packages[digest] == nil }) {
            let stored = try registry.resolve(Reference(name, digest: digest))
            let package = try package(of: stored, by: registry)
            if isWanted(package) { return package }
        }
        return nil
    }

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
