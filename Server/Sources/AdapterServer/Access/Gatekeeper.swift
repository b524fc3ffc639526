import AdapterRegistry
import FileSystem
import HTTPTypes
import Integrity
import Logging
import OCIDistribution
import Synchronization

/// Says who asks: checks passwords and tokens against the file of users, which is read again when it has changed.
final class Gatekeeper: Sendable {
    private struct State {
        var file = UserFile()
        var readAt: (byteCount: Int, modifiedMilliseconds: Int64)?
        /// Passwords that were found right, by a keyed hash, and when that was: the slow hash is not for every request.
        var verified: [Digest: ContinuousClock.Instant] = [:]
    }

    /// How long a Bearer token is valid.
    static let tokenSeconds = 300
    private static let verifiedLimit = 1024
    private static let verifiedDuration: Duration = .seconds(60)

    private let path: String?
    private let anonymous: [AccessRule]
    private let key = RandomText.bytes(32)
    private let state = Mutex(State())
    /// One slow hash at a time: more would let strangers take all processors.
    private let passwords = BlockingWork(threadCount: 1)
    /// How many wait for it.
    private let waiting = Atomic<Int>(0)
    private static let waitingLimit = 32
    /// Whoever tries passwords gets a few at once and then one a second.
    private let attempts = RateLimiter(rate: 1, burst: 20)
    private let logger: Logger

    /// - Parameters:
    ///   - path: the file of users; nil when there are none.
    ///   - anonymous: what may be done without credentials.
    init(users path: String?, anonymous: [AccessRule], logger: Logger) throws {
        self.path = path
        self.anonymous = anonymous
        self.logger = logger
        guard let path else { return }
        let status = Directory.status(of: path)
        let file = try UserFile(reading: path)
        state.withLock { ($0.file, $0.readAt) = (file, status) }
    }

    /// Whether credentials mean anything here.
    var hasUsers: Bool { path != nil }

    /// Whether strangers may read anything.
    var allowsAnonymous: Bool { !anonymous.isEmpty }

    /// The file of users, as it is now; the last one that could be read while it cannot.
    private func users() -> UserFile {
        guard let path else { return UserFile() }
        let status = Directory.status(of: path)
        return state.withLock { state in
            // One that has gone is no file of nobody: somebody is about to put it back.
            guard let status, state.readAt.map({ $0 != status }) ?? true else { return state.file }
            state.readAt = status
            do {
                state.file = try UserFile(reading: path)
                state.verified = [:]
            } catch {
                logger.error("The file of users cannot be read, the last one counts", metadata: ["error": "\(error)"])
            }
            return state.file
        }
    }

    /// Whether somebody's rules are about a repository by its name, and not just about all of them.
    func hasRule(about repository: String) -> Bool {
        users().users.values.contains { $0.rules.contains { !$0.prefix.isEmpty && $0.covers(repository) } }
    }

    /// Who sends these credentials.
    ///
    /// - Throws: ``Failure`` with `UNAUTHORIZED` when they are not right.
    func identity(_ authorization: String?, from address: String) async throws -> Identity {
        guard let authorization, hasUsers else { return Identity(user: nil, rules: anonymous) }
        let parts = authorization.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard parts.count == 2 else { throw wrongCredentials }
        switch parts[0].lowercased() {
        case "basic":
            guard let bytes = Base64.decode(String(parts[1])), let text = String(validating: bytes, as: UTF8.self),
                let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
            else { throw wrongCredentials }
            return try await identity(
                user: String(text[..<colon]), password: String(text[text.index(after: colon)...]), from: address)
        case "bearer":
            let token = String(parts[1])
            return try identity(secret: token) ?? bearer(token)
        default: throw wrongCredentials
        }
    }

    /// Who a name and a password, or a token in the place of one, stand for.
    ///
    /// - Parameter address: where they come from; that there are not too many tries.
    func identity(user name: String, password: String, from address: String) async throws -> Identity {
        let file = users()
        if let identity = try identity(secret: password) {
            // Any name goes with a token but another user's.
            guard identity.user == name || file.users[name] == nil else { throw wrongCredentials }
            return identity
        }
        let user = file.users[name]
        let stored = user?.password ?? Gatekeeper.nobodysPassword
        let mark = SHA256.hash(key, Array("\(name)\0\(password)\0\(stored)".utf8))
        let now = ContinuousClock.now
        let isKnown = state.withLock { state in
            state.verified[mark].map { now - $0 < Gatekeeper.verifiedDuration } ?? false
        }
        if !isKnown {
            // Also for users who do not exist: the time must not tell.
            let matches = try await matches(password, stored, from: address)
            guard matches, user?.password != nil else { throw wrongCredentials }
            state.withLock { state in
                if state.verified.count >= Gatekeeper.verifiedLimit { state.verified = [:] }
                state.verified[mark] = now
            }
        }
        guard let user else { throw wrongCredentials }
        return Identity(user: user.name, rules: user.rules + anonymous)
    }

    private func matches(_ password: String, _ hash: PasswordHash, from address: String) async throws -> Bool {
        func busy(_ seconds: Int) -> Failure {
            Failure(
                .tooManyRequests, .tooManyRequests,
                "Unable to check the password now: too many are being tried. Try again later.",
                headers: [.retryAfter: String(seconds)])
        }
        if let seconds = attempts.refusal(for: address) { throw busy(seconds) }
        defer { waiting.wrappingSubtract(1, ordering: .relaxed) }
        guard waiting.wrappingAdd(1, ordering: .relaxed).newValue <= Gatekeeper.waitingLimit else { throw busy(1) }
        return try await passwords.run { hash.matches(password) }
    }

    private static let nobodysPassword = PasswordHash(of: RandomText.hexadecimal(byteCount: 16))

    /// Who a personal token stands for; nil when it is none.
    private func identity(secret: String) throws -> Identity? {
        let file = users()
        // Found by its hash: how long that takes says nothing about the secret.
        guard let token = file.tokens[SHA256.hash(Array(secret.utf8))], let user = file.users[token.user] else {
            return nil
        }
        if let expiresAt = token.expiresAt, expiresAt <= Timestamp.now() { throw expired }
        return Identity(user: user.name, rules: user.rules + anonymous, ceiling: token.level ?? .admin)
    }

    /// A Bearer token for somebody, good for some minutes and for the named scopes only.
    func makeBearer(_ identity: Identity, scopes: [AccessRule]) -> String {
        let expiry = Timestamp.now().milliseconds + Int64(Gatekeeper.tokenSeconds) * 1000
        let fields = [
            identity.user ?? "", identity.ceiling.rawValue, String(expiry),
            scopes.map(\.description).joined(separator: " "),
        ]
        let payload = Array(fields.joined(separator: "\n").utf8)
        let code = HMACSHA256.code(of: payload, key: key)
        return "adb_" + Base64URL.encode(payload) + "." + Base64URL.encode(code)
    }

    private func bearer(_ token: String) throws -> Identity {
        guard token.hasPrefix("adb_") else { throw wrongCredentials }
        let parts = token.dropFirst(4).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let payload = Base64URL.decode(String(parts[0])),
            let code = Base64URL.decode(String(parts[1])),
            ConstantTime.areEqual(code, HMACSHA256.code(of: payload, key: key))
        else { throw wrongCredentials }
        let fields = String(decoding: payload, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 4, let expiry = Int64(fields[2]), let ceiling = AccessRule.Level(rawValue: fields[1])
        else { throw wrongCredentials }
        guard expiry > Timestamp.now().milliseconds else { throw expired }
        let scopes = fields[3].split(separator: " ").compactMap { AccessRule(parsing: String($0)) }
        guard !fields[0].isEmpty else { return Identity(user: nil, rules: anonymous, scopes: scopes) }
        // The user may have lost rights, or gone, since the token was made.
        guard let user = users().users[fields[0]] else { throw wrongCredentials }
        return Identity(user: user.name, rules: user.rules + anonymous, ceiling: ceiling, scopes: scopes)
    }

    private var wrongCredentials: Failure {
        Failure(.unauthorized, .unauthorized, "Unable to continue: the credentials are not right.")
    }

    private var expired: Failure {
        Failure(.unauthorized, .unauthorized, "Unable to continue: the token has expired. Get a new one.")
    }
}

/// Base64 with the alphabet for URLs and without padding (RFC 4648 section 5).
enum Base64URL {
    static func encode(_ bytes: [UInt8]) -> String {
        String(
            decoding: Base64.encode(bytes).utf8.compactMap { byte -> UInt8? in
                switch byte {
                case UInt8(ascii: "+"): UInt8(ascii: "-")
                case UInt8(ascii: "/"): UInt8(ascii: "_")
                case UInt8(ascii: "="): nil
                default: byte
                }
            }, as: UTF8.self)
    }

    static func decode(_ text: String) -> [UInt8]? {
        var standard = text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: byte
            }
        }
        while standard.count % 4 != 0 { standard.append(UInt8(ascii: "=")) }
        return Base64.decode(String(decoding: standard, as: UTF8.self))
    }
}
