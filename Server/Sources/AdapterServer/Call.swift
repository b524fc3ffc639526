import AdapterRegistry
import HTTPTypes
import HummingbirdCore
import OCIDistribution

/// One request on its way through the server.
struct Call: Sendable {
    var request: Request
    var target: Target
    var identity: Identity
    /// The registry on behalf of the one who asks.
    var registry: Registry
    /// `https://host:port` as the client sees the server.
    var origin: String
    /// Where the client is.
    var address: String
    /// What the log will say.
    var record: RequestRecord
    /// Says that the client may send its body now, if it waits for that.
    var welcome: @Sendable () async throws -> Void

    var method: HTTPRequest.Method { request.method }

    /// Throws unless the one who asks may do something with a repository.
    ///
    /// Who may not even read is told that credentials are needed, or that it is denied; never whether something exists.
    func require(_ level: AccessRule.Level, _ repository: RepositoryName) throws {
        guard !identity.may(level, repository.description) else { return }
        let actions = level == .read ? "pull" : level == .write ? "pull,push" : "pull,push,delete"
        try refuse(level, "repository:\(repository):\(actions)", "'\(repository)'")
    }

    /// Throws unless the one who asks may do something with every repository.
    func requireEverywhere(_ level: AccessRule.Level) throws {
        guard !identity.mayEverywhere(level) else { return }
        try refuse(level, "registry:catalog:*", "the whole registry")
    }

    private func refuse(_ level: AccessRule.Level, _ scope: String, _ subject: String) throws {
        // A Bearer token for something else is no denial: the client asks for one with this scope.
        guard identity.user == nil || identity.scopes != nil else {
            throw Failure(
                .forbidden, .denied, "Unable to continue: '\(identity.actor)' may not \(level.rawValue) \(subject).")
        }
        throw Failure(
            .unauthorized, .unauthorized, "Unable to continue: credentials are needed to \(level.rawValue) \(subject).",
            headers: [.wwwAuthenticate: challenge(scope)])
    }

    /// What a client needs to ask for a token.
    func challenge(_ scope: String?) -> String {
        "Bearer realm=\"\(origin)/token\",service=\"adapterd\"" + (scope.map { ",scope=\"\($0)\"" } ?? "")
    }

    /// The body's bytes, which the client may now send.
    func body(limit: Int) async throws -> RequestBodyReader {
        let reader = try RequestBodyReader(request, limit: limit, record)
        try await welcome()
        return reader
    }
}
