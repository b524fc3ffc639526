public import AdapterRegistry

/// What stands in a remote registry: `oci://host[:port]/name[:tag][@digest]`.
///
/// `oci+http://` and `oci+https://` say how to connect; `oci://` means HTTPS, and HTTP for this machine itself, where
/// registries for trying things out have no certificate.
public struct RemoteReference: Hashable, Sendable, CustomStringConvertible {
    /// How a registry is spoken to.
    public enum Scheme: String, Hashable, Sendable {
        /// HTTPS; for this machine itself, HTTP.
        case automatic = "oci"
        /// HTTP, unprotected.
        case http = "oci+http"
        /// HTTPS.
        case https = "oci+https"
    }

    /// The longest reference in bytes: nothing longer can be valid.
    public static let maximumByteCount = 1024

    /// How the registry is spoken to.
    public let scheme: Scheme
    /// The registry.
    public let host: RegistryHost
    /// The repository within it.
    public let repository: RepositoryName
    /// The tag; nil when none is written.
    public let tag: Tag?
    /// The digest of a manifest; it decides when there is a tag too.
    public let digest: ContentDigest?

    /// Creates a reference.
    public init(
        scheme: Scheme = .automatic, host: RegistryHost, repository: RepositoryName, tag: Tag? = nil,
        digest: ContentDigest? = nil
    ) {
        self.scheme = scheme
        self.host = host
        self.repository = repository
        self.tag = tag
        self.digest = digest
    }

    /// Whether a text means something in a remote registry.
    public static func isRemote(_ text: String) -> Bool {
        guard let end = text.firstRange(of: "://") else { return false }
        return Scheme(rawValue: String(text[..<end.lowerBound])) != nil
    }

    /// Reads `oci://HOST` or `oci://HOST/`, which stands for all of a registry; nil when a repository follows.
    ///
    /// - Throws: ``OCIError`` with code `invalidReference`.
    public static func registry(parsing text: String) throws(OCIError) -> (scheme: Scheme, host: RegistryHost)? {
        guard let end = text.firstRange(of: "://"), let scheme = Scheme(rawValue: String(text[..<end.lowerBound]))
        else { return nil }
        let rest = text[end.upperBound...]
        let host = rest.hasSuffix("/") ? rest.dropLast() : rest
        guard !host.utf8.contains(UInt8(ascii: "/")) else { return nil }
        return (scheme, try RegistryHost(parsing: String(host)))
    }

    /// Reads a reference.
    ///
    /// - Throws: ``OCIError`` with code `invalidReference`.
    public init(parsing text: String) throws(OCIError) {
        guard text.utf8.count <= RemoteReference.maximumByteCount else {
            throw .invalidReference(
                text, "it has \(text.utf8.count) bytes, at most \(RemoteReference.maximumByteCount) are possible.")
        }
        guard let end = text.firstRange(of: "://"), let scheme = Scheme(rawValue: String(text[..<end.lowerBound]))
        else {
            throw .invalidReference(text, "oci://HOST[:PORT]/NAME[:TAG] is expected.")
        }
        var rest = text[end.upperBound...].utf8
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else {
            throw .invalidReference(text, "the repository is missing: oci://HOST[:PORT]/NAME[:TAG] is expected.")
        }
        let host = try RegistryHost(parsing: String(Substring(rest[..<slash])))
        rest = rest[rest.index(after: slash)...]
        var digest: ContentDigest?
        if let at = rest.firstIndex(of: UInt8(ascii: "@")) {
            digest = try ContentDigest(parsing: String(Substring(rest[rest.index(after: at)...])))
            rest = rest[..<at]
        }
        var tag: Tag?
        do throws(RegistryError) {
            if let colon = rest.firstIndex(of: UInt8(ascii: ":")) {
                tag = try Tag(parsing: String(Substring(rest[rest.index(after: colon)...])))
                rest = rest[..<colon]
            }
            try self.init(
                scheme: scheme, host: host, repository: RepositoryName(parsing: String(Substring(rest))), tag: tag,
                digest: digest)
        } catch {
            throw OCIError(.invalidReference, error.message, cause: error)
        }
    }

    /// What `/manifests/` is followed by: the digest, else the tag, else `latest`.
    public var selector: String { digest?.description ?? (tag ?? .latest).description }

    /// The same repository with another tag.
    public func tagged(_ tag: Tag) -> RemoteReference {
        RemoteReference(scheme: scheme, host: host, repository: repository, tag: tag)
    }

    /// The same repository with a digest.
    public func pinned(_ digest: ContentDigest) -> RemoteReference {
        RemoteReference(scheme: scheme, host: host, repository: repository, digest: digest)
    }

    /// Scheme, host and repository.
    public var location: String { "\(scheme.rawValue)://\(host)/\(repository)" }

    /// The reference as text; parsing it gives the same reference.
    public var description: String {
        location + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
    }
}
