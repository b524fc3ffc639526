import AdapterPictures
import AdapterRegistry
import HTTPTypes
import HummingbirdCore
import HummingbirdTLS
public import Logging
import NIOCore
import NIOPosix
import OCIDistribution
import ServiceLifecycle
import UnixSignals

/// An HTTP server over a registry of adapters.
///
/// It speaks the OCI distribution protocol, so that any registry client pushes and pulls, answers the reads of Hugging
/// Face's clients, and shows pages to browsers.
public struct AdapterServer: Sendable {
    let options: ServerOptions
    let registry: Registry
    let gatekeeper: Gatekeeper
    let metrics = Metrics()
    let logger: Logger
    let work = BlockingWork(threadCount: 8)
    let rateLimiter: RateLimiter
    let distribution: Distribution
    let hub: Hub
    let pages: PageEndpoint

    /// Sets a server up.
    ///
    /// - Throws: ``ServerError`` with code `invalidOption` or `invalidUsers`; `RegistryError` when the registry cannot be
    ///   opened.
    public init(_ options: ServerOptions, logger: Logger) throws {
        try options.check()
        self.options = options
        self.logger = logger
        registry = try Registry(opening: options.registry, mode: options.isReadOnly ? .readOnly : .readWrite)
        gatekeeper = try Gatekeeper(users: options.usersPath, anonymous: options.anonymousRules, logger: logger)
        rateLimiter = RateLimiter(rate: options.requestRate, burst: 2 * options.requestRate)
        let rendered = RenderedPackages()
        distribution = Distribution(options: options, work: work, uploads: OpenUploads(), rendered: rendered)
        pages = PageEndpoint(
            work: work, studies: Studies(logger: logger), rendered: rendered, hasUsers: gatekeeper.hasUsers,
            keys: options.keysPath.map { KeyFolder($0) }, logger: logger)
        hub = Hub(
            work: work, gatekeeper: gatekeeper,
            files: ConvertedFiles(folder: options.cacheFolder, byteLimit: options.maximumCacheByteCount),
            upstream: try options.upstream.map { try HubUpstream($0) })
    }

    /// Serves until it is told to end, then finishes the requests that are under way.
    ///
    /// - Parameter onStart: called with the port once clients can connect.
    /// - Throws: ``ServerError`` with code `address` or `certificate`.
    public func run(onStart: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
        let limits = options.limits
        let http = HTTPServerBuilder.http1(
            configuration: .init(additionalChannelHandlers: [StallGuard(limits)], idleTimeout: nil))
        let certificate = try certificate()
        let builder = try certificate.map { try .tls(http, tlsConfiguration: $0.configuration) } ?? http
        let server: any Service
        do {
            server = try builder.buildServer(
                configuration: ServerConfiguration(
                    address: .hostname(options.host, port: options.port), serverName: nil,
                    availableConnectionsDelegate: .maximum(options.maximumConnectionCount, logger: logger)),
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger
            ) { request, writer, channel in
                try await respond(to: request, writer, channel)
            } onServerRunning: { channel in
                onStart(channel.localAddress?.port ?? options.port)
            }
        }
        let reloading = certificate.map { [CertificateReloading(certificate: $0, logger: logger)] } ?? []
        var configuration = ServiceGroupConfiguration(
            services: [server] + reloading, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(options.shutdownSeconds)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as IOError {
            throw ServerError(
                .address,
                "Unable to listen on \(options.host):\(options.port): \(error). Choose another address (--listen).")
        }
        try await work.shutdown()
    }

    private func certificate() throws -> ServerCertificate? {
        guard let chain = options.certificatePath, let key = options.keyPath else { return nil }
        return try ServerCertificate(chain: chain, key: key)
    }

    /// What a request is answered with.
    func reply(
        to request: Request, from address: String, _ record: RequestRecord,
        welcome: @escaping @Sendable () async throws -> Void
    ) async throws -> Reply {
        guard let target = Target(request.head.path ?? "") else {
            throw Failure(.badRequest, .nameInvalid, "Unable to read the request: its path is none.")
        }
        switch target.path.first {
        case "healthz", "readyz":
            record.note(route: "health")
            guard target.path.first == "readyz" else { return Reply("ok\n", type: "text/plain") }
            _ = try await work.run { try registry.packageRepositories(after: nil, limit: 1) }
            return Reply("ready\n", type: "text/plain")
        default: break
        }
        var call = Call(
            request: request, target: target, identity: Identity(user: nil, rules: []), registry: registry,
            origin: origin(of: request), address: address, record: record, welcome: welcome)
        let endpoint = Result { try self.endpoint(of: target) }
        if case .success(let endpoint?) = endpoint { record.note(route: endpoint.route) }
        do {
            call.identity = try await gatekeeper.identity(request.headers[.authorization], from: address)
        } catch var failure as Failure where failure.status == .unauthorized {
            if case .success(.page?) = endpoint { return pages.challenge(call) }
            failure.headers[.wwwAuthenticate] = call.challenge(nil)
            throw failure
        }
        record.note(actor: call.identity.actor)
        call.registry = registry.acting(as: call.identity.actor)
        guard let endpoint = try endpoint.get() else {
            throw Failure(.notFound, .unsupported, "Unable to answer: there is nothing at this address.")
        }
        return try await reply(to: call, endpoint)
    }

    /// What a request is for.
    private enum Endpoint {
        case distribution(Distribution.Endpoint)
        case token
        case metrics
        case page(PageAddress)
        case unknownPage
        case hub(Hub.Endpoint)

        var route: String {
            switch self {
            case .distribution(let endpoint): endpoint.route
            case .token: "token"
            case .metrics: "metrics"
            case .page, .unknownPage: "page"
            case .hub: "hub"
            }
        }
    }

    private func endpoint(of target: Target) throws -> Endpoint? {
        switch target.path.first {
        case "v2": return try Distribution.endpoint(target.path.dropFirst()).map { .distribution($0) }
        case "token": return .token
        case "metrics": return .metrics
        default:
            if let address = PageAddress(path: target.path) { return .page(address) }
            if target.path.first == "-" { return .unknownPage }
            return Hub.endpoint(target.path).map { .hub($0) }
        }
    }

    private func reply(to call: Call, _ endpoint: Endpoint) async throws -> Reply {
        switch endpoint {
        case .distribution(let endpoint): return try await distribution.reply(to: call, endpoint)
        case .token: return try await TokenEndpoint(gatekeeper: gatekeeper).reply(to: call)
        case .metrics:
            if gatekeeper.hasUsers { try call.requireEverywhere(.read) }
            return Reply(metrics.text(), type: "text/plain; version=0.0.4")
        case .page(let address): return try await pages.reply(to: call, address)
        case .unknownPage: return pages.unknown(call)
        case .hub(let endpoint): return try await hub.reply(to: call, endpoint)
        }
    }

    /// How the client sees the server.
    private func origin(of request: Request) -> String {
        if let url = options.publicURL { return url.hasSuffix("/") ? String(url.dropLast()) : url }
        let host = request.head.authority ?? "\(options.host):\(options.port)"
        // What a client writes into its header must not break out of the quotes that it comes back in.
        let isPlain = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"),
                UInt8(ascii: "["), UInt8(ascii: "]"):
                true
            default: false
            }
        }
        return (options.certificatePath == nil ? "http://" : "https://") + (isPlain ? host : "localhost")
    }
}
