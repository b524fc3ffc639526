internal import ByteCoding
internal import Integrity
internal import Synchronization

/// Proves to one registry who the user is: what was asked for, and the tokens that were got for it.
///
/// Bearer tokens as in the specification of Docker's token server, and Basic (RFC 7617). Credentials go to the registry
/// itself and to the token server that it names, over HTTPS unless the registry is spoken to without.
final class Authenticator: Sendable {
    /// What a request does, for which a token must be good.
    typealias Scope = [String]

    private struct Token {
        var text: String
        var end: ContinuousClock.Instant
    }

    private struct State {
        var challenge: Challenge?
        var tokens: [Scope: Token] = [:]
        var refreshToken: String?
        var credential: Credential??
    }

    private let base: HTTPURL
    private let transport: HTTPTransport
    private let findCredential: @Sendable () throws -> Credential?
    private let state = Mutex(State())

    /// - Parameter findCredential: looks for the user's credential, once, when the registry first asks.
    init(base: HTTPURL, transport: HTTPTransport, findCredential: @escaping @Sendable () throws -> Credential?) {
        self.base = base
        self.transport = transport
        self.findCredential = findCredential
    }

    /// The value of the `Authorization` header for a request; nil when the registry has not asked, or has nothing for
    /// this scope yet.
    func authorization(for scope: Scope) throws -> String? {
        let challenge = state.withLock { $0.challenge }
        switch challenge?.scheme {
        case "basic":
            guard case .password(let user, let password) = try credential() else { return nil }
            return "Basic " + Base64.encode(Array("\(user):\(password)".utf8))
        case "bearer":
            if case .accessToken(let token) = try credential() { return "Bearer \(try checked(token))" }
            let token = state.withLock { state in state.tokens[scope].flatMap { $0.end > .now ? $0.text : nil } }
            if let token { return "Bearer \(token)" }
            guard let challenge else { return nil }
            return "Bearer \(try fetchToken(challenge, scope))"
        default: return nil
        }
    }

    /// Takes up what a registry asks for in an answer of 401; false when nothing that has not been tried can be done.
    func accept(_ response: HTTPResponse, scope: Scope, isRetry: Bool) throws -> Bool {
        guard !isRetry else { return false }
        let challenges = response.headers.values("WWW-Authenticate").flatMap(Challenge.parse)
        guard
            let challenge = challenges.first(where: { $0.scheme == "bearer" && $0.parameters["realm"] != nil })
                ?? challenges.first(where: { $0.scheme == "basic" })
        else { return false }
        // A token that has ended early is fetched again.
        state.withLock { state in
            state.challenge = challenge
            state.tokens[scope] = nil
        }
        return try challenge.scheme == "bearer" || credential() != nil
    }

    /// Whether the user has a credential for this registry.
    func hasCredential() throws -> Bool { try credential() != nil }

    private func credential() throws -> Credential? {
        if let known = state.withLock({ $0.credential }) { return known }
        let found = try findCredential()
        state.withLock { $0.credential = .some(found) }
        return found
    }

    // MARK: Tokens

    private func fetchToken(_ challenge: Challenge, _ scope: Scope) throws -> String {
        guard let realm = challenge.parameters["realm"], let url = HTTPURL(parsing: realm) else {
            throw failed("it names no token server that this program can reach")
        }
        guard url.scheme == "https" || base.scheme == "http" else {
            throw failed(
                "its token server '\(url.host)' is reached without TLS, credentials would be readable on the way")
        }
        // What the registry asks for counts too: it may call an action otherwise.
        let asked = (challenge.parameters["scope"] ?? "").split(separator: " ").map(String.init)
        let names = scope + asked.filter { !scope.contains($0) }
        let service = challenge.parameters["service"].map { [("service", $0)] } ?? []
        let request: HTTPRequest
        let refreshToken = state.withLock { $0.refreshToken }
        let credential = try credential()
        if let token = refreshToken ?? credential?.refreshToken {
            let fields =
                [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "adapterctl")] + service
                + (names.isEmpty ? [] : [("scope", names.joined(separator: " "))])
            var post = HTTPRequest(
                .post, url,
                headers: [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")])
            post.body = .bytes(
                Array(fields.map { "\($0.0)=\($0.1.percentEncoded)" }.joined(separator: "&").utf8))
            request = post
        } else {
            var fields = service + names.map { ("scope", $0) } + [("client_id", "adapterctl")]
            var headers = [("Accept", "application/json")]
            if case .password(let user, let password) = credential {
                fields.append(("account", user))
                headers.append(("Authorization", "Basic " + Base64.encode(Array("\(user):\(password)".utf8))))
            }
            guard let target = url.adding(query: fields) else {
                throw failed("the URL of its token server is too long")
            }
            request = HTTPRequest(.get, target, headers: headers)
        }
        return try keep(try transport.send(request), scope)
    }

    private func keep(_ response: HTTPResponse, _ scope: Scope) throws -> String {
        guard response.status == 200 else {
            if [400, 401, 403].contains(response.status) {
                throw OCIError(
                    .unauthorized,
                    "Unable to log in to '\(base.host):\(base.port)': its token server answers \(response.status). Check "
                        + "user and password: adapterctl login \(base.host).", status: response.status)
            }
            let code: OCIError.Code =
                response.status == 429 ? .tooManyRequests : response.status >= 500 ? .serverFailure : .protocolViolation
            var error = OCIError(
                code, "Unable to log in to '\(base.host):\(base.port)': its token server answers \(response.status).",
                status: response.status)
            error.retryAfter = response.headers["Retry-After"].flatMap { OCIError.pause(retryAfter: $0) }
            throw error
        }
        guard let answer = try? JSON.parse(response.content, approximatesLargeIntegers: true),
            let text = answer["token"]?.string ?? answer["access_token"]?.string
        else { throw failed("its token server does not answer with a token") }
        let token = try checked(text)
        // The specification: 60 seconds unless it says otherwise, and never less.
        let seconds = min(max(60, answer["expires_in"]?.number ?? 60), 86_400)
        let end = ContinuousClock.now + .seconds(seconds * 0.9)
        let refreshToken = try answer["refresh_token"]?.string.map(checked)
        state.withLock { state in
            state.tokens[scope] = Token(text: token, end: end)
            if let refreshToken { state.refreshToken = refreshToken }
        }
        return token
    }

    /// A token that can stand in a header.
    private func checked(_ token: String) throws -> String {
        guard !token.isEmpty, token.utf8.count <= 64 << 10, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw failed("its token holds characters that no token has")
        }
        return token
    }

    private func failed(_ reason: String) -> OCIError {
        OCIError(.protocolViolation, "Unable to log in to '\(base.host):\(base.port)': \(reason).")
    }
}

extension Credential {
    fileprivate var refreshToken: String? { if case .refreshToken(let token) = self { token } else { nil } }
}
