import AdapterRegistry
import FileSystem
import OCIDistribution

// Documents about adapters: referrers of their manifests to clients, attached to the adapters for everybody else.
extension Distribution {
    /// How many earlier referrers a manifest's push looks at.
    private static let referrerLimit = 1000

    /// Attaches what a pushed manifest says about an adapter, and what was said about it before it came.
    func attachDocuments(of manifest: PackageManifest, in name: RepositoryName, _ registry: Registry) throws {
        if let subject = try manifest.subject.map(ContentDigest.init(parsing:)) {
            let known =
                try registry.packageManifest(subject.description, in: name)
                ?? rendered.manifest(subject, in: name, of: registry)
            try attach(manifest, to: known, in: name, registry)
        }
        guard manifest.adapter != nil else { return }
        let earlier = try registry.packageReferrers(
            of: manifest.digest, in: name, limit: Distribution.referrerLimit)
        for referrer in earlier {
            guard let document = try registry.packageManifest(referrer.digest, in: name) else { continue }
            try attach(document, to: manifest, in: name, registry)
        }
    }

    /// Attaches a manifest's documents to the adapter of another; what is none, or is not about it, stays a referrer.
    private func attach(
        _ manifest: PackageManifest, to subject: PackageManifest?, in name: RepositoryName, _ registry: Registry
    ) throws {
        guard let adapter = subject?.adapter, let image = try? ImageManifest(parsing: manifest.bytes),
            let kind = PackageDocument.kind(of: image.effectiveArtifactType)
        else { return }
        let limit = Registry.maximumDocumentByteCount
        guard image.layers.allSatisfy({ $0.byteCount <= limit }) else { return }
        let documents = try PackageDocument.documents(in: image, kind, onSkip: { _ in }) { layer in
            // What is not there, or longer than it was said to be, is no text either.
            guard let blob = try registry.packageBlob(layer.digest.description, in: name), blob.byteCount <= limit
            else { return [0xFF] }
            return try InputFile.contents(of: blob.path, limit: limit)
        }
        for document in documents {
            do {
                try registry.attach(
                    document.text, named: document.fileName, kind: kind, to: Reference(name, digest: adapter))
            } catch let error as RegistryError where error.code == .wrongKind || error.code == .notFound {
                continue
            }
        }
    }

    /// The manifests of documents that are attached to the adapter of a manifest, but for those that a client pushed.
    func renderedReferrers(
        of digest: ContentDigest, in name: RepositoryName, artifactType: String?, after last: String?,
        _ registry: Registry
    ) throws -> [PackageManifest] {
        let documents = try rendered.documents(about: digest, in: name, of: registry).filter { document in
            (artifactType == nil || document.artifactType == artifactType) && document.digest > last ?? ""
        }
        guard !documents.isEmpty else { return [] }
        let pushed = try registry.packageReferrerBlobs(of: digest.description, in: name)
        return try documents.filter { document in
            try ImageManifest(parsing: document.bytes).layers.allSatisfy { !pushed.contains($0.digest.description) }
        }
    }
}
