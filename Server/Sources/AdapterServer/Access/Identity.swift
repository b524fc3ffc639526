/// Who asks, as far as that is known, and what that one may do.
struct Identity: Sendable {
    /// The user's name; nil when nobody has said who asks.
    var user: String?
    /// What may be done.
    var rules: [AccessRule]
    /// The most that the credentials allow, whatever the rules say.
    var ceiling: AccessRule.Level = .admin
    /// What a Bearer token was made for; nil when it was not made for repositories of its own.
    var scopes: [AccessRule]?

    /// Whether something is allowed with a repository.
    func may(_ level: AccessRule.Level, _ repository: String) -> Bool {
        guard level <= ceiling, rules.allow(level, repository) else { return false }
        return scopes.map { $0.contains { $0.level >= level && $0.prefix == repository } } ?? true
    }

    /// Whether something is allowed with every repository.
    func mayEverywhere(_ level: AccessRule.Level) -> Bool {
        level <= ceiling && scopes == nil && rules.allowEverywhere(level)
    }

    /// The name for the history.
    var actor: String { user ?? "anonymous" }
}
