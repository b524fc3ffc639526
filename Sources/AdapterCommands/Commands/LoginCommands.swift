internal import ArgumentParser
internal import ByteCoding
internal import Glibc
internal import OCIDistribution

struct LoginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login",
        abstract: "Keep credentials for a remote registry.",
        discussion: """
            They are tried first, and kept where Docker keeps them: in the helper that its configuration names, else in its \
            config.json, which only its owner can read.

              adapterctl login registry.example.com
              echo "$TOKEN" | adapterctl login registry.example.com -u robot --password-stdin
            """)

    @Argument(help: "The registry: HOST or HOST:PORT.")
    var host: String

    @Option(name: [.customShort("u"), .customLong("username")], help: "The user; asked for when it is left out.")
    var user: String?

    @Flag(help: "Read the password from standard input instead of asking for it.")
    var passwordStdin = false

    @OptionGroup(title: "Remote registries") var connection: RemoteArguments
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let (host, scheme) = try RegistryHost.parsing(argument: host)
        guard !passwordStdin || user != nil else {
            throw ValidationError("--password-stdin needs --username.")
        }
        guard passwordStdin || isatty(STDIN_FILENO) == 1 else {
            throw ValidationError("There is no terminal to ask. Use --username and --password-stdin.")
        }
        let user = try user ?? Terminal.ask("Username: ", isSecret: false)
        let password = try passwordStdin ? Terminal.readLine() : Terminal.ask("Password: ", isSecret: true)
        guard !user.isEmpty, !user.utf8.contains(UInt8(ascii: ":")), !password.isEmpty else {
            throw ValidationError("A user without ':' and a password are expected.")
        }
        let client = try RegistryClient(
            host, scheme: scheme, credentials: nil, credential: .password(user: user, password: password),
            options: connection.clientOptions())
        let wasAsked = try client.ping()
        if !wasAsked {
            options.console.warn("\(host) does not ask for credentials; nothing shows that these are right")
        }
        let place = try connection.credentials.store(user: user, password: password, for: host)
        try options.console.answer(
            ["host": .string(host.description), "user": .string(user), "keptIn": .string(place)],
            identifiers: [host.description], text: "Logged in to \(host) as \(user), kept in \(place)")
    }
}

struct LogoutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout", abstract: "Forget the credentials for a remote registry.",
        discussion: "  adapterctl logout registry.example.com")

    @Argument(help: "The registry: HOST or HOST:PORT.")
    var host: String

    @OptionGroup(title: "Remote registries") var connection: RemoteArguments
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let (host, _) = try RegistryHost.parsing(argument: host)
        let places = try connection.credentials.erase(host)
        try options.console.answer(
            ["host": .string(host.description), "removedFrom": .array(places.map { .string($0) })],
            identifiers: [host.description],
            text: places.isEmpty
                ? "There are no credentials for \(host)"
                : "Logged out of \(host), removed from \(places.joined(separator: ", "))")
    }
}

extension RegistryHost {
    /// A host as people write it: alone, or as in a reference.
    fileprivate static func parsing(argument text: String) throws -> (RegistryHost, RemoteReference.Scheme) {
        for scheme in [RemoteReference.Scheme.automatic, .http, .https] where text.hasPrefix(scheme.rawValue + "://") {
            return (try RegistryHost(parsing: String(text.dropFirst(scheme.rawValue.utf8.count + 3))), scheme)
        }
        for (prefix, scheme) in [("https://", RemoteReference.Scheme.https), ("http://", .http)]
        where text.hasPrefix(prefix) {
            var rest = text.dropFirst(prefix.utf8.count)
            while rest.last == "/" { rest.removeLast() }
            return (try RegistryHost(parsing: String(rest)), scheme)
        }
        return (try RegistryHost(parsing: text), .automatic)
    }
}

/// Questions to the person at the terminal.
private enum Terminal {
    private static let maximumByteCount = 64 << 10

    /// Asks on standard error and reads a line; what is secret is not shown.
    static func ask(_ question: String, isSecret: Bool) throws -> String {
        StandardError.write(question)
        var before = termios()
        guard isSecret, unsafe tcgetattr(STDIN_FILENO, &before) == 0 else { return try readLine() }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
            StandardError.write("\n")
        }
        return try readLine()
    }

    /// A line of standard input without its end.
    static func readLine() throws -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count < maximumByteCount, unsafe read(STDIN_FILENO, &byte, 1) == 1, byte != UInt8(ascii: "\n") {
            bytes.append(byte)
        }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ValidationError("What was read is not UTF-8.")
        }
        return text
    }
}
