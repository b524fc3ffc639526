public import Integrity

/// A manifest or an index as an OCI client pushed it, with what the registry must know of it.
public struct PackageManifest: Hashable, Sendable {
    /// Its digest as OCI spells it, SHA-256 or SHA-512.
    public var digest: String
    /// What it is.
    public var mediaType: String
    /// What kind of artifact it describes, its own or that of its configuration; nil when neither says.
    public var artifactType: String?
    /// The digest of the manifest that it is about.
    public var subject: String?
    /// What somebody wrote about it.
    public var annotations: [String: String]
    /// The adapter that it holds; nil when it holds none.
    public var adapter: Digest?
    /// Its bytes.
    public var bytes: [UInt8]

    /// Creates a manifest.
    public init(
        digest: String, mediaType: String, artifactType: String? = nil, subject: String? = nil,
        annotations: [String: String] = [:], adapter: Digest? = nil, bytes: [UInt8]
    ) {
        self.digest = digest
        self.mediaType = mediaType
        self.artifactType = artifactType
        self.subject = subject
        self.annotations = annotations
        self.adapter = adapter
        self.bytes = bytes
    }
}

/// A manifest in a list of those about another.
public struct PackageReferrer: Hashable, Sendable {
    /// Its digest.
    public var digest: String
    /// What it is.
    public var mediaType: String
    /// What kind of artifact it describes.
    public var artifactType: String?
    /// What somebody wrote about it.
    public var annotations: [String: String]
    /// Its length in bytes.
    public var byteCount: Int
}

extension PackageReferrer {
    /// The entry of a manifest.
    public init(_ manifest: PackageManifest) {
        self.init(
            digest: manifest.digest, mediaType: manifest.mediaType, artifactType: manifest.artifactType,
            annotations: manifest.annotations, byteCount: manifest.bytes.count)
    }
}

/// An adapter of a repository, and what else clients may ask for because of it.
public struct PackageVersion: Hashable, Sendable {
    /// The adapter.
    public var adapter: Digest
    /// How many documents are attached to it.
    public var documentCount: Int
    /// The digests of the manifests that were pushed and hold it, ascending.
    public var manifests: [String]
}

/// What a tag stands at.
public enum TaggedPackage: Hashable, Sendable {
    /// A manifest that an OCI client pushed.
    case manifest(PackageManifest)
    /// An adapter without a manifest of its own.
    case adapter(StoredAdapter)
}

/// A stored file under the name that a repository gives it.
public struct PackageBlob: Hashable, Sendable {
    /// Its digest as OCI spells it.
    public var digest: String
    /// Where its bytes are.
    public var path: String
    /// Its length in bytes.
    public var byteCount: Int
}
