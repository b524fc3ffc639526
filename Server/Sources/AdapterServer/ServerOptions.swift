import Glibc

/// How a server is set up.
public struct ServerOptions: Sendable {
    /// The registry's folder.
    public var registry: String
    /// Where to listen, an address or a name; with port 0 the system chooses.
    public var host = "127.0.0.1"
    /// The port.
    public var port = 5800
    /// The certificate chain, a PEM file; nil for plain HTTP.
    public var certificatePath: String?
    /// The certificate's key, a PEM file.
    public var keyPath: String?
    /// The file of users; nil when everybody may do what ``anonymous`` says.
    public var usersPath: String?
    /// What may be done without credentials; nil stands for nothing with users, and for everything without them, which
    /// is possible only where no other machine can connect.
    public var anonymous: AccessRule.Level?
    /// How clients reach the server, `https://models.example.org`, where that is not what they write into `Host`.
    public var publicURL: String?
    /// The folder of the keys whose signatures pages call valid; nil when none are trusted.
    public var keysPath: String?
    /// Where models that the registry does not have are asked for.
    public var upstream: String?
    /// Where converted adapters are kept; nil for a folder of the registry, or a temporary one when nothing may be changed.
    public var cachePath: String?
    /// How much room they may take, in bytes.
    public var maximumCacheByteCount = 20 << 30
    /// Whether nothing may be changed.
    public var isReadOnly = false
    /// The longest blob in bytes.
    public var maximumBlobByteCount = 1 << 40
    /// How many connections may be open.
    public var maximumConnectionCount = 1024
    /// How many requests may be under way; more are told to come again.
    public var maximumRequestCount = 256
    /// How many requests a second one address may send, and twice as many at once; 0 for any number.
    public var requestRate = 0
    /// How long connections may stand still.
    public var limits = ConnectionLimits()
    /// How long running requests have when the server is told to end.
    public var shutdownSeconds = 30

    /// Options with their defaults.
    public init(registry: String) {
        self.registry = registry
    }

    /// Throws for what cannot work or should not be done.
    ///
    /// - Throws: ``ServerError`` with code `invalidOption`.
    func check() throws {
        guard (certificatePath == nil) == (keyPath == nil) else {
            throw ServerError(
                .invalidOption, "Unable to start: a certificate and its key go together. Name both or neither.")
        }
        let isLocal = ["127.0.0.1", "localhost", "::1"].contains(host)
        guard isLocal || usersPath != nil || anonymous != nil else {
            throw ServerError(
                .invalidOption,
                "Unable to start: '\(host)' can be reached from other machines and everybody could change the registry. "
                    + "Name a file of users (--users), or say what strangers may do (--anonymous read).")
        }
        guard (0...65535).contains(port) else {
            throw ServerError(.invalidOption, "Unable to start: \(port) is no port. Choose one from 0 to 65535.")
        }
    }

    /// Where converted adapters are kept.
    var cacheFolder: String {
        cachePath ?? (isReadOnly ? "/tmp/adapterd-\(getuid())-cache" : "\(registry)/cache/peft")
    }

    /// What may be done without credentials.
    var anonymousRules: [AccessRule] {
        let level = anonymous ?? (usersPath == nil ? .admin : nil)
        return level.flatMap { AccessRule(prefix: "", level: $0) }.map { [$0] } ?? []
    }
}
