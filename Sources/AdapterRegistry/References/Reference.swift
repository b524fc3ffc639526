public import Integrity

/// What a user calls an adapter: `name`, `name:tag` or `name@sha256:<hex>`.
public struct Reference: Hashable, Sendable, CustomStringConvertible {
    /// What is meant within the repository.
    public enum Selector: Hashable, Sendable {
        /// Whatever the tag stands at.
        case tag(Tag)
        /// One version, for ever the same bytes.
        case digest(Digest)
    }

    /// The repository.
    public let repository: RepositoryName
    /// The tag or digest within it.
    public let selector: Selector

    /// Creates a reference to a tag.
    public init(_ repository: RepositoryName, tag: Tag = .latest) {
        self.repository = repository
        selector = .tag(tag)
    }

    /// Creates a reference to a version.
    public init(_ repository: RepositoryName, digest: Digest) {
        self.repository = repository
        selector = .digest(digest)
    }

    /// Reads a reference; `:latest` is meant when it names neither a tag nor a digest.
    ///
    /// - Throws: ``RegistryError`` with code `invalidReference`.
    public init(parsing text: String) throws(RegistryError) {
        let bytes = text.utf8
        // Nothing longer can be valid, so nothing longer is looked at.
        let longest = RepositoryName.maximumByteCount + 1 + Tag.maximumByteCount
        guard bytes.count <= longest else {
            throw .invalidReference(
                text, "it has \(bytes.count) bytes, at most \(longest) are possible. Choose a shorter name.")
        }
        guard !text.hasPrefix("oci://") else {
            throw .invalidReference(text, "it names a remote registry, a name in this registry is expected.")
        }
        if let at = bytes.firstIndex(of: UInt8(ascii: "@")) {
            repository = try RepositoryName(text[..<at], in: text)
            guard let digest = Digest(parsing: String(text[bytes.index(after: at)...])) else {
                throw .invalidReference(
                    text, "after '@' must stand 'sha256:' and 64 lowercase hexadecimal digits.")
            }
            selector = .digest(digest)
        } else if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
            repository = try RepositoryName(text[..<colon], in: text)
            selector = .tag(try Tag(text[bytes.index(after: colon)...], in: text))
        } else {
            repository = try RepositoryName(text[...], in: text)
            selector = .tag(.latest)
        }
    }

    /// The tag, when the reference names one.
    public var tag: Tag? { if case .tag(let tag) = selector { tag } else { nil } }

    /// The digest, when the reference names one.
    public var digest: Digest? { if case .digest(let digest) = selector { digest } else { nil } }

    /// `name:tag` or `name@sha256:<hex>`; parsing it gives the same reference.
    public var description: String {
        switch selector {
        case .tag(let tag): "\(repository):\(tag)"
        case .digest(let digest): "\(repository)@\(digest)"
        }
    }
}

extension RegistryError {
    /// A text that is no reference; it is quoted shortened and without control characters.
    static func invalidReference(_ text: String, _ reason: String) -> RegistryError {
        let shown = text.unicodeScalars.prefix(80).reduce(into: "") { shown, scalar in
            // Control and formatting characters could rearrange the user's terminal.
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: shown += scalar.escaped(asASCII: true)
            default: shown.unicodeScalars.append(scalar)
            }
        }
        let mark = text.unicodeScalars.count > 80 ? "…" : ""
        return RegistryError(
            .invalidReference, "Unable to read the reference '\(shown)\(mark)': \(reason)", reference: shown + mark)
    }
}
