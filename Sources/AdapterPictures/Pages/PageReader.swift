public import AdapterRegistry

/// Who looks at a registry's pages, and what that one may know of.
public struct PageReader: Sendable {
    /// The user's name; nil for somebody unknown.
    public let name: String?
    /// Whether there are users, so that somebody unknown may become one.
    public let canSignIn: Bool
    /// The names, whole components of them, below which everything may be read; nil when that is everything.
    public let prefixes: [String]?
    private let rule: @Sendable (RepositoryName) -> Bool

    /// Somebody who reads.
    ///
    /// - Parameters:
    ///   - prefixes: where lists look; what `mayRead` accepts is below them.
    ///   - mayRead: which repositories may be read.
    public init(
        name: String?, canSignIn: Bool, prefixes: [String]?, mayRead: @escaping @Sendable (RepositoryName) -> Bool
    ) {
        self.name = name
        self.canSignIn = canSignIn
        self.prefixes = prefixes
        rule = mayRead
    }

    /// Whether a repository may be read.
    func mayRead(_ repository: RepositoryName) -> Bool { rule(repository) }
}
