internal import AdapterFormat
internal import AdapterRegistry
internal import ArgumentParser
internal import Glibc

/// Options of every command.
struct GlobalOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The registry's folder; default: $ADAPTERCTL_REGISTRY, else $XDG_DATA_HOME/adapterctl, else "
                + "~/.local/share/adapterctl.", valueName: "dir"))
    var registry: String?

    @Option(
        help: ArgumentHelp(
            "Who changes the registry, for its log; default: $ADAPTERCTL_ACTOR, else the user's name.",
            valueName: "name"))
    var actor: String?

    @Flag(help: "Print one JSON document.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print identifiers only.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Say on standard error what is being done.")
    var verbose = false

    @Option(
        help: ArgumentHelp(
            "Read files whose tensors decode to up to this many bytes (suffixes k, M, G), at most 64G; default: 64M or "
                + "1024 times the file's length, whichever is more.", valueName: "bytes"))
    var maxDecoded: ByteLimit?

    @Flag(help: "Write to a registry on a network file system, which only this machine uses.")
    var allowNetworkRegistry = false

    @Flag(help: "Do not tell how far work has come.")
    var noProgress = false

    func validate() throws {
        guard actor?.isEmpty != true else { throw ValidationError("--actor must name somebody.") }
        guard let maxDecoded, maxDecoded.byteCount > ReadLimits.maximumDecodedByteCount else { return }
        throw ValidationError("--max-decoded is at most 64G, which is all that the format has room for.")
    }

    var limits: ReadLimits { ReadLimits(decodedByteCount: maxDecoded?.byteCount) }

    var console: Console { Console(options: self) }

    /// Opens the registry, making it when a command that writes finds none.
    func openRegistry(_ mode: Registry.Mode) throws -> Registry {
        let directory = try registryDirectory()
        if verbose { StandardError.write("adapterctl: registry \(directory)\n") }
        do {
            return try open(directory, mode)
        } catch let error as RegistryError where error.code == .olderSchema {
            // The first command after an upgrade of this program; opening for writing migrates the catalog.
            if verbose { StandardError.write("adapterctl: upgrading the catalog\n") }
            _ = try open(directory, .readWrite)
            return try open(directory, mode)
        }
    }

    private func open(_ directory: String, _ mode: Registry.Mode) throws -> Registry {
        // In a container everyone is root.
        try Registry(
            opening: directory, mode: mode, actor: actor ?? GlobalOptions.environment("ADAPTERCTL_ACTOR"),
            limits: limits,
            isOnNetworkAllowed: allowNetworkRegistry)
    }

    /// The arguments with the global options that stand before the subcommand moved behind it, where the parser expects
    /// them: `adapterctl --registry DIR list` is `adapterctl list --registry DIR`.
    static func movedBehindCommand(_ arguments: [String]) -> [String] {
        let count = leadingCount(arguments)
        let rest = arguments.dropFirst(count)
        guard let command = rest.first else { return arguments }
        // These have commands of their own.
        let depth = ["key", "document"].contains(command) ? 2 : 1
        return Array(rest.prefix(depth) + arguments.prefix(count) + rest.dropFirst(depth))
    }

    /// How many of the arguments are global options that stand before the subcommand.
    static func leadingCount(_ arguments: [String]) -> Int {
        let flags = ["--json", "-q", "--quiet", "-v", "--verbose", "--no-progress", "--allow-network-registry"]
        let valued = ["--registry", "--actor", "--max-decoded"]
        var count = 0
        while count < arguments.count {
            let argument = arguments[count]
            if flags.contains(argument) || valued.contains(where: { argument.hasPrefix($0 + "=") }) {
                count += 1
            } else if valued.contains(argument), count + 1 < arguments.count {
                count += 2
            } else {
                break
            }
        }
        return count
    }

    private func registryDirectory() throws -> String { try GlobalOptions.registryDirectory(named: registry) }

    /// The registry's folder.
    ///
    /// - Parameter registry: the value of `--registry`.
    static func registryDirectory(named registry: String?) throws -> String {
        if let registry { return registry }
        if let path = GlobalOptions.environment("ADAPTERCTL_REGISTRY") { return path }
        if let path = GlobalOptions.environment("XDG_DATA_HOME") { return path + "/adapterctl" }
        if let path = GlobalOptions.environment("HOME") { return path + "/.local/share/adapterctl" }
        throw ValidationError("No registry is named and HOME is not set. Use --registry DIR.")
    }

    /// A variable of the environment that is set and not empty.
    static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }
}
