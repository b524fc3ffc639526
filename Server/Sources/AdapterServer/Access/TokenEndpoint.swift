import AdapterRegistry
import ByteCoding
import HTTPTypes
import OCIDistribution

/// Gives Bearer tokens for credentials, as clients of registries expect (distribution's token authentication, and OAuth 2
/// with `POST`).
struct TokenEndpoint: Sendable {
    private static let formLimit = 64 << 10

    let gatekeeper: Gatekeeper

    func reply(to call: Call) async throws -> Reply {
        switch call.method {
        case .get: return reply(call.identity, call.target.values("scope"))
        case .post:
            var body = try await call.body(limit: TokenEndpoint.formLimit)
            let bytes = try await body.all()
            guard let text = String(validating: bytes, as: UTF8.self), let form = Target(query: text) else {
                throw Failure(.badRequest, .unsupported, "Unable to read the form: it is not URL-encoded.")
            }
            let identity: Identity
            switch form["grant_type"] {
            case "password":
                identity = try await gatekeeper.identity(
                    user: form["username"] ?? "", password: form["password"] ?? "", from: call.address)
            case "refresh_token":
                identity = try await gatekeeper.identity(
                    "Bearer \(form["refresh_token"] ?? "")", from: call.address)
            default:
                throw Failure(
                    .badRequest, .unsupported, "Unable to give a token: 'grant_type' must be password or refresh_token."
                )
            }
            return reply(identity, form.values("scope").flatMap { $0.split(separator: " ").map(String.init) })
        default: throw Failure(.methodNotAllowed, .unsupported, "Unable to do '\(call.method)' here.")
        }
    }

    /// A token for as much of the scopes as is allowed; the rest is refused when it is asked for.
    private func reply(_ identity: Identity, _ scopes: [String]) -> Reply {
        let granted = scopes.flatMap { $0.split(separator: " ").compactMap { grant(String($0), identity) } }
        let token = gatekeeper.makeBearer(identity, scopes: granted)
        let document = MetadataValue.map([
            "token": .string(token), "access_token": .string(token),
            "expires_in": MetadataValue(Gatekeeper.tokenSeconds),
            "issued_at": .string(Timestamp.now().description),
        ])
        return Reply(
            .ok, [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(Array(JSON.text(document).utf8)))
    }

    /// What may be granted of `repository:name:pull,push`.
    private func grant(_ scope: String, _ identity: Identity) -> AccessRule? {
        let parts = scope.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts[0] == "repository" else { return nil }
        let actions = parts[2].split(separator: ",")
        let wanted: AccessRule.Level =
            actions.contains("delete") || actions.contains("*") ? .admin : actions.contains("push") ? .write : .read
        let level = AccessRule.Level.allCases.last { $0 <= wanted && identity.may($0, parts[1]) }
        return level.flatMap { AccessRule(prefix: parts[1], level: $0) }
    }
}
