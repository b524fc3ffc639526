public import AdapterRegistry
internal import ByteCoding
internal import Synchronization

/// Speaks with one registry in the protocol of the OCI distribution specification 1.1.
///
/// All calls wait for their answer and may be made from several threads. Answers are checked: documents against their
/// form and their limit, content against its digest and its length.
public final class RegistryClient: Sendable {
    /// The registry.
    public let host: RegistryHost
    /// How the client works.
    public let options: ClientOptions
    let base: HTTPURL
    let transport: HTTPTransport
    let authenticator: Authenticator
    /// Whether the registry has answered anything yet; before that, not reaching it is more likely a wrong name than a
    /// passing failure.
    private let hasAnswered = Atomic(false)
    private static let maximumRedirectCount = 10

    /// A client for the registry of a reference; nothing is sent yet.
    ///
    /// - Parameter credentials: asked for the user's credential when the registry wants one; nil for anonymous use.
    /// - Throws: ``OCIError`` with code `invalidReference`.
    public convenience init(
        for reference: RemoteReference, credentials: CredentialStore?, options: ClientOptions = ClientOptions()
    )
        throws
    {
        try self.init(
            reference.host, scheme: reference.scheme, repository: reference.repository, credentials: credentials,
            options: options)
    }

    /// A client for a registry.
    ///
    /// - Parameters:
    ///   - repository: for which the credential is chosen, where files distinguish.
    ///   - credential: used instead of what `credentials` has.
    /// - Throws: ``OCIError`` with code `invalidReference`, or `unsupported` where libcurl is not installed.
    public init(
        _ host: RegistryHost, scheme: RemoteReference.Scheme = .automatic, repository: RepositoryName? = nil,
        credentials: CredentialStore?, credential: Credential? = nil, options: ClientOptions = ClientOptions()
    ) throws {
        try HTTPTransport.load()
        let isPlain = options.isPlain || scheme == .http || (scheme == .automatic && host.isLoopback)
        let isTLS = scheme == .https || !isPlain
        // Docker Hub's registry has another name than Docker Hub.
        let server = host.isDockerHub ? "registry-1.docker.io" : host.description
        guard let base = HTTPURL(parsing: "\(isTLS ? "https" : "http")://\(server)/v2/") else {
            throw OCIError.invalidReference(host.description, "it is no host that can be connected to.", "host")
        }
        self.host = host
        self.options = options
        self.base = base
        let transport = HTTPTransport(options.transport)
        self.transport = transport
        authenticator = Authenticator(base: base, transport: transport) {
            try credential ?? credentials?.credential(for: host, repository: repository?.description)
        }
    }

    /// Asks whether the registry speaks the protocol and accepts the user (end-1).
    ///
    /// - Returns: whether the user's credential was asked for.
    /// - Throws: ``OCIError`` with code `unauthorized`, `network`, `unsupported` and others.
    public func ping() throws -> Bool {
        let response = try send(HTTPRequest(.get, base), scope: [])
        guard response.status == 200 else { throw failure(response, "connect to '\(host)'") }
        return try authenticator.authorization(for: []) != nil
    }

    // MARK: Requests

    /// The URL of something in a repository.
    func url(_ repository: RepositoryName, _ path: String) throws -> HTTPURL {
        // One-part names of Docker Hub stand for official repositories.
        let isOfficial = host.isDockerHub && !repository.description.utf8.contains(UInt8(ascii: "/"))
        let name = isOfficial ? "library/\(repository)" : repository.description
        guard let url = HTTPURL(parsing: "\(base)\(name)/\(path)") else {
            throw OCIError.invalidReference("\(name)/\(path)", "it cannot stand in a URL.")
        }
        return url
    }

    /// The scope of a token for a repository.
    func scope(_ repository: RepositoryName, _ actions: String) -> String {
        let isOfficial = host.isDockerHub && !repository.description.utf8.contains(UInt8(ascii: "/"))
        return "repository:\(isOfficial ? "library/" : "")\(repository):\(actions)"
    }

    /// Sends a request until it is answered: authenticates, follows redirects, and tries again after passing failures.
    ///
    /// - Parameter receiver: takes the content of a success. Once it has got some, a failure is not repeated here, as
    ///   only the caller knows how to go on.
    /// - Returns: the answer, whatever its status, unless that is one of passing failures.
    func send(_ request: HTTPRequest, scope: Authenticator.Scope, receiver: HTTPExchange.Receiver? = nil) throws
        -> HTTPResponse
    {
        var attempt = 0
        while true {
            attempt += 1
            let progress = Mutex(false)
            do {
                let response = try sendOnce(
                    request, scope: scope,
                    receiver: receiver.map { receiver in
                        { response, piece in
                            progress.withLock { $0 = true }
                            try receiver(response, piece)
                        }
                    })
                hasAnswered.store(true, ordering: .relaxed)
                guard let error = passingFailure(response) else { return response }
                throw error
            } catch let error as OCIError {
                let isHopeless = error.code == .network && !hasAnswered.load(ordering: .relaxed)
                guard !isHopeless, !progress.withLock({ $0 }), options.retry.waits(after: error, attempt: attempt)
                else {
                    throw error
                }
            }
        }
    }

    /// Sends a request once and reports a passing failure as an error: for what must not be repeated as it is.
    func sendWithoutRepetition(_ request: HTTPRequest, scope: Authenticator.Scope) throws -> HTTPResponse {
        let response = try sendOnce(request, scope: scope, receiver: nil)
        if let error = passingFailure(response) { throw error }
        return response
    }

    private func sendOnce(_ request: HTTPRequest, scope: Authenticator.Scope, receiver: HTTPExchange.Receiver?) throws
        -> HTTPResponse
    {
        var request = request
        let plainHeaders = request.headers
        var redirectCount = 0
        var hasAuthenticated = false
        while true {
            // Credentials go to the registry only, never along to where it points.
            request.headers = plainHeaders
            let isHome = request.url.hasSameOrigin(as: base)
            if isHome, let value = try authenticator.authorization(for: scope) {
                request.headers.append(("Authorization", value))
            }
            let response = try transport.send(request, receiver: receiver)
            switch response.status {
            case 301, 302, 303, 307, 308:
                redirectCount += 1
                request.url = try target(of: response, count: redirectCount)
                // RFC 9110 section 15.4: only these keep the method of a request that changes something.
                if ![307, 308].contains(response.status), request.method != .get, request.method != .head {
                    throw OCIError(
                        .protocolViolation,
                        "Unable to use '\(host)': it redirects \(request.method.rawValue) with status "
                            + "\(response.status).", status: response.status)
                }
            case 401 where isHome:
                guard try authenticator.accept(response, scope: scope, isRetry: hasAuthenticated) else {
                    return response
                }
                hasAuthenticated = true
            default: return response
            }
        }
    }

    private func target(of response: HTTPResponse, count: Int) throws -> HTTPURL {
        func failed(_ reason: String) -> OCIError {
            OCIError(.protocolViolation, "Unable to follow '\(host)': \(reason).", status: response.status)
        }
        guard count <= RegistryClient.maximumRedirectCount else {
            throw failed("it redirects more than \(RegistryClient.maximumRedirectCount) times")
        }
        guard let location = response.headers["Location"],
            let url = HTTPURL(parsing: location, relativeTo: response.url)
        else { throw failed("it redirects to nowhere") }
        guard url.scheme == "https" || response.url.scheme == "http" else {
            throw failed("it redirects from HTTPS to HTTP")
        }
        return url
    }

    /// The error of an answer that may be another one a moment later.
    private func passingFailure(_ response: HTTPResponse) -> OCIError? {
        guard [408, 429, 500, 502, 503, 504].contains(response.status) else { return nil }
        var error = failure(response, "use '\(host)'")
        if response.status == 408 { error.code = .network }
        error.retryAfter = response.headers["Retry-After"].flatMap { OCIError.pause(retryAfter: $0) }
        return error
    }

    /// The error of an answer that is not what was hoped for.
    func failure(_ response: HTTPResponse, _ verb: String) -> OCIError {
        let errors = response.errors
        let said = errors.first.map { entry in
            entry.message.isEmpty ? "\(entry.code)" : "\(entry.code): \(entry.message)"
        }
        var reason = "it answers \(response.status)" + (said.map { " (\($0))" } ?? "") + "."
        let code: OCIError.Code
        switch response.status {
        case 401:
            code = .unauthorized
            reason += " Log in first: adapterctl login \(host)."
        case 403: code = .denied
        case 404: code = .notFound
        case 405, 501: code = .unsupported
        case 409, 416: code = .conflict
        case 413: code = .tooLarge
        case 429: code = .tooManyRequests
        case 500...: code = .serverFailure
        case 400..<500: code = .rejected
        default: code = .protocolViolation
        }
        return OCIError(code, "Unable to \(verb): \(reason)", status: response.status)
    }
}
