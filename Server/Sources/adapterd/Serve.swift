import AdapterServer
import ArgumentParser
import FoundationEssentials
import Logging

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves a registry; this is what adapterd does without a subcommand.")

    @Option(help: ArgumentHelp("The registry's folder (default $XDG_DATA_HOME/adapterctl).", valueName: "dir"))
    var registry: String?
    @Option(help: ArgumentHelp("Where to listen (default 127.0.0.1:5800).", valueName: "host:port"))
    var listen: String?
    @Option(help: ArgumentHelp("The certificate chain, PEM.", valueName: "file"))
    var tlsCert: String?
    @Option(help: ArgumentHelp("The certificate's key, PEM.", valueName: "file"))
    var tlsKey: String?
    @Option(help: ArgumentHelp("The file of users, see 'adapterd user'.", valueName: "file"))
    var users: String?
    @Option(help: ArgumentHelp("What may be done without credentials: none, read, write or admin.", valueName: "level"))
    var anonymous: String?
    @Option(help: ArgumentHelp("How clients reach the server, behind a proxy.", valueName: "url"))
    var publicURL: String?
    @Option(help: ArgumentHelp("Where models that are not here are asked for.", valueName: "url"))
    var hfUpstream: String?
    @Option(help: ArgumentHelp("Keys of 'adapterctl key' whose signatures pages call valid.", valueName: "dir"))
    var keys: String?
    @Option(help: ArgumentHelp("Where converted adapters are kept (default in the registry).", valueName: "dir"))
    var cache: String?
    @Option(help: ArgumentHelp("How much room they may take (default 20G).", valueName: "size"))
    var maxCache: String?
    @Flag(help: "Serve without changing anything.")
    var readOnly = false
    @Option(help: ArgumentHelp("The longest blob in bytes; K, M, G, T may follow.", valueName: "size"))
    var maxBlob: String?
    @Option(help: ArgumentHelp("How many connections may be open (default 1024).", valueName: "count"))
    var maxConnections: String?
    @Option(help: ArgumentHelp("How many requests may be under way (default 256).", valueName: "count"))
    var maxRequests: String?
    @Option(help: ArgumentHelp("Requests a second of one address (default 0, any number).", valueName: "count"))
    var rate: String?
    @Option(help: ArgumentHelp("For a request's head (default 60).", valueName: "seconds"))
    var headTimeout: String?
    @Option(help: ArgumentHelp("For progress of a body (default 30).", valueName: "seconds"))
    var bodyTimeout: String?
    @Option(help: ArgumentHelp("For running requests when told to end (default 30).", valueName: "seconds"))
    var shutdownTimeout: String?
    @Option(help: ArgumentHelp("trace, debug, info, warning or error (default info).", valueName: "level"))
    var logLevel: String?
    @Option(help: ArgumentHelp("json or text (default text).", valueName: "format"))
    var logFormat: String?
    @Option(help: ArgumentHelp("A YAML file of options.", valueName: "file"))
    var config: String?

    func run() async throws {
        let settings: Settings
        var options: ServerOptions
        let logger: Logger
        do {
            settings = try Settings(path: config, environment: ProcessInfo.processInfo.environment)
            options = try makeOptions(settings)
            logger = try makeLogger(settings)
        } catch let error as ServerError {
            throw Failure.usage(error)
        }
        let fitting = OpenFileLimit.raise()
        if fitting < options.maximumConnectionCount {
            logger.warning(
                "The limit of open files (ulimit -n) allows fewer connections than --max-connections",
                metadata: ["connections": "\(fitting)"])
            options.maximumConnectionCount = fitting
        }
        let onStart: @Sendable (Int) -> Void = { [options] port in
            let scheme = options.certificatePath == nil ? "http" : "https"
            let host = options.host.contains(":") ? "[\(options.host)]" : options.host
            logger.notice(
                "serving", metadata: ["url": "\(scheme)://\(host):\(port)", "registry": "\(options.registry)"])
        }
        do {
            let server = try AdapterServer(options, logger: logger)
            try await server.run(onStart: onStart)
        } catch let error as ServerError where error.code == .invalidOption {
            throw Failure.usage(error)
        } catch {
            throw Failure.failed(error)
        }
    }

    private func makeOptions(_ settings: Settings) throws -> ServerOptions {
        var options = ServerOptions(registry: settings.value("registry", registry) ?? Serve.defaultRegistry)
        if let listen = settings.value("listen", listen) {
            guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]) else {
                throw invalid("listen", listen, "an address and a port such as 127.0.0.1:5800")
            }
            let host = String(listen[..<colon])
            options.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
            options.port = port
        }
        options.certificatePath = settings.value("tls-cert", tlsCert)
        options.keyPath = settings.value("tls-key", tlsKey)
        options.usersPath = settings.value("users", users)
        if let text = settings.value("anonymous", anonymous) {
            guard text == "none" || AccessRule.Level(rawValue: text) != nil else {
                throw invalid("anonymous", text, "none, read, write or admin")
            }
            options.anonymous = AccessRule.Level(rawValue: text)
        }
        options.publicURL = settings.value("public-url", publicURL)
        options.keysPath = settings.value("keys", keys)
        options.upstream = settings.value("hf-upstream", hfUpstream)
        if let text = settings.value("read-only", nil) {
            guard let value = Serve.truths[text.lowercased()] else { throw invalid("read-only", text, "true or false") }
            options.isReadOnly = value
        }
        if readOnly { options.isReadOnly = true }
        options.cachePath = settings.value("cache", cache)
        if let text = settings.value("max-blob", maxBlob) {
            options.maximumBlobByteCount = try byteCount("max-blob", text)
        }
        if let text = settings.value("max-cache", maxCache) {
            options.maximumCacheByteCount = try byteCount("max-cache", text)
        }
        func count(_ name: String, _ given: String?, _ path: WritableKeyPath<ServerOptions, Int>, _ minimum: Int) throws
        {
            guard let text = settings.value(name, given) else { return }
            guard let value = Int(text), value >= minimum else {
                throw invalid(name, text, "a number from \(minimum) on")
            }
            options[keyPath: path] = value
        }
        try count("max-connections", maxConnections, \.maximumConnectionCount, 1)
        try count("max-requests", maxRequests, \.maximumRequestCount, 1)
        try count("rate", rate, \.requestRate, 0)
        try count("shutdown-timeout", shutdownTimeout, \.shutdownSeconds, 0)
        if let text = settings.value("head-timeout", headTimeout) {
            options.limits.headSeconds = try seconds("head-timeout", text)
        }
        if let text = settings.value("body-timeout", bodyTimeout) {
            options.limits.bodySeconds = try seconds("body-timeout", text)
        }
        return options
    }

    /// How YAML's versions and environments write a truth value.
    private static let truths = [
        "true": true, "yes": true, "on": true, "1": true, "false": false, "no": false, "off": false, "0": false,
    ]

    private func seconds(_ name: String, _ text: String) throws -> Double {
        guard let value = Double(text), value > 0, value < 1e6 else { throw invalid(name, text, "seconds above 0") }
        return value
    }

    private func byteCount(_ name: String, _ text: String) throws -> Int {
        let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
        let unit = text.last.flatMap { units[$0] }
        guard let number = Int(unit == nil ? text[...] : text.dropLast()), number > 0 else {
            throw invalid(name, text, "a size such as 20G")
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
        return overflow ? Int.max : product
    }

    private func makeLogger(_ settings: Settings) throws -> Logger {
        let level = settings.value("log-level", logLevel) ?? "info"
        guard let level = Logger.Level(rawValue: level) else {
            throw invalid("log-level", level, "trace, debug, info, warning or error")
        }
        let format = settings.value("log-format", logFormat) ?? "text"
        guard let format = LineLogHandler.Format(rawValue: format) else {
            throw invalid("log-format", format, "json or text")
        }
        return Logger(label: "adapterd") { _ in LineLogHandler(format: format, logLevel: level) }
    }

    private func invalid(_ name: String, _ text: String, _ expected: String) -> ServerError {
        ServerError(.invalidOption, "Unable to start: '\(text)' is no value of --\(name); \(expected) is expected.")
    }

    private static var defaultRegistry: String {
        let environment = ProcessInfo.processInfo.environment
        if let registry = environment["ADAPTERCTL_REGISTRY"], !registry.isEmpty { return registry }
        if let data = environment["XDG_DATA_HOME"], !data.isEmpty { return data + "/adapterctl" }
        return (environment["HOME"] ?? ".") + "/.local/share/adapterctl"
    }
}

/// How the program ends when it cannot do what it was asked.
enum Failure {
    /// Wrong usage: exit code 64.
    static func usage(_ error: ServerError) -> any Error { end(error.message, 64) }

    /// Anything else: exit code 1.
    static func failed(_ error: any Error) -> any Error { end("\(error)", 1) }

    private static func end(_ message: String, _ code: Int32) -> any Error {
        FileHandleOutput.standardError("adapterd: \(message)\n")
        return ExitCode(code)
    }
}
