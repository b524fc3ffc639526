public import Integrity

/// The frozen model that an adapter was trained on; every field is optional because loose folders often lack it.
public struct BaseModel: Hashable, Sendable {
    /// The model's name, for example a Hugging Face repository or a path.
    public var name: String?
    /// The revision of that name: a commit, a tag.
    public var revision: String?
    /// The digest of the model's weights.
    public var digest: Digest?

    /// Creates a description of a base model.
    public init(name: String? = nil, revision: String? = nil, digest: Digest? = nil) {
        self.name = name
        self.revision = revision
        self.digest = digest
    }

    /// Whether both may be the same model: digests decide when both are known, then names and revisions that both have.
    public func isCompatible(with other: BaseModel) -> Bool {
        if let digest, let otherDigest = other.digest { return digest == otherDigest }
        if let name, let otherName = other.name, name != otherName { return false }
        if let revision, let otherRevision = other.revision, revision != otherRevision { return false }
        return true
    }

    /// What both descriptions know together; meaningful when they are compatible.
    public func merging(_ other: BaseModel) -> BaseModel {
        BaseModel(name: name ?? other.name, revision: revision ?? other.revision, digest: digest ?? other.digest)
    }

    /// `name@revision`, or `unknown`.
    public var summary: String {
        let name = name ?? digest?.description ?? "unknown"
        return revision.map { "\(name)@\($0)" } ?? name
    }
}
