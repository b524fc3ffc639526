public import AdapterRegistry
import ByteCoding
import FileSystem
public import Integrity

/// Who may use a server: users with hashed passwords and rules, and their tokens, of which only hashes are kept.
///
/// A JSON file that only its owner may read; it is written whole, so a server that reads it meanwhile sees the old or
/// the new one.
public struct UserFile: Sendable {
    /// Somebody who may use the server.
    public struct User: Sendable {
        /// The name.
        public var name: String
        /// The password; nil for one who only has tokens.
        public var password: PasswordHash?
        /// What the user may do.
        public var rules: [AccessRule]

        /// Creates a user.
        public init(name: String, password: PasswordHash?, rules: [AccessRule]) {
            self.name = name
            self.password = password
            self.rules = rules
        }
    }

    /// A secret that stands for a user, in place of the password.
    public struct Token: Sendable {
        /// The name by which it is listed and removed; no secret.
        public var id: String
        /// Whose it is.
        public var user: String
        /// SHA-256 of the secret, which has 256 random bits and so needs no slower hash.
        public var hash: Digest
        /// When it ceases to be valid; nil for never.
        public var expiresAt: Timestamp?
        /// The most that it allows; nil for all that the user may do.
        public var level: AccessRule.Level?
    }

    /// The users by name.
    public var users: [String: User] = [:]
    /// The tokens by the hash of their secret.
    public var tokens: [Digest: Token] = [:]

    private static let maximumByteCount = 16 << 20

    /// Nobody.
    public init() {}

    /// Reads a file; one that does not exist holds nobody.
    ///
    /// - Throws: ``ServerError`` with code `invalidUsers`; `FileSystemError`.
    public init(reading path: String) throws {
        guard Directory.kind(of: path) != nil else { return }
        let bytes = try InputFile.contents(of: path, limit: UserFile.maximumByteCount)
        func invalid(_ reason: String) -> ServerError {
            ServerError(
                .invalidUsers,
                "Unable to read the users in '\(path)': \(reason) Restore the file or make it anew with 'adapterd user'."
            )
        }
        let document: MetadataValue
        do {
            document = try JSON.parse(bytes)
        } catch {
            throw invalid("it is not JSON (\(error.description)).")
        }
        for entry in document["users"]?.array ?? [] {
            guard let name = entry["name"]?.string, UserFile.isName(name) else { throw invalid("a user has no name.") }
            let rules = try (entry["rules"]?.array ?? []).map { rule in
                guard let rule = rule.string.flatMap(AccessRule.init(parsing:)) else {
                    throw invalid("a rule of '\(name)' is none.")
                }
                return rule
            }
            let password = entry["password"]?.string
            let hash = password.flatMap(PasswordHash.init(parsing:))
            guard password == nil || hash != nil else { throw invalid("the password of '\(name)' is not a hash.") }
            users[name] = User(name: name, password: hash, rules: rules)
        }
        for entry in document["tokens"]?.array ?? [] {
            guard let id = entry["id"]?.string, let user = entry["user"]?.string,
                let hash = entry["hash"]?.string.flatMap(Digest.init(parsing:))
            else { throw invalid("a token is incomplete.") }
            let level = entry["level"]?.string
            guard level == nil || level.flatMap(AccessRule.Level.init(rawValue:)) != nil else {
                throw invalid("the level of the token '\(id)' is none.")
            }
            tokens[hash] = Token(
                id: id, user: user, hash: hash,
                expiresAt: entry["expiresAt"]?.integer.map { Timestamp(milliseconds: Int64($0)) },
                level: level.flatMap(AccessRule.Level.init(rawValue:)))
        }
    }

    /// Writes the file in place of what is there.
    public func write(to path: String) throws {
        let users = users.values.sorted { $0.name < $1.name }.map { user in
            MetadataValue.map([
                "name": .string(user.name), "password": MetadataValue(user.password?.description),
                "rules": .array(user.rules.map { .string($0.description) }),
            ])
        }
        let tokens = tokens.values.sorted { $0.id < $1.id }.map { token in
            MetadataValue.map([
                "id": .string(token.id), "user": .string(token.user), "hash": .string(token.hash.description),
                "expiresAt": token.expiresAt.map { .integer($0.milliseconds) } ?? .null,
                "level": MetadataValue(token.level?.rawValue),
            ])
        }
        let document = MetadataValue.map(["users": .array(users), "tokens": .array(tokens)])
        let output = try OutputFile(beside: path)
        try output.write(Array((JSON.text(document, indented: true) + "\n").utf8))
        try output.commit(as: path, mode: 0o600)
    }

    /// Makes a token for a user and returns its secret, which is nowhere stored.
    public mutating func addToken(
        for user: String, id: String, expiresAt: Timestamp? = nil, level: AccessRule.Level? = nil
    ) -> String {
        let secret = "adt_" + RandomText.hexadecimal(byteCount: 32)
        let hash = SHA256.hash(Array(secret.utf8))
        tokens[hash] = Token(id: id, user: user, hash: hash, expiresAt: expiresAt, level: level)
        return secret
    }

    /// Whether a text may be a user's or a token's name: letters, digits, `.`, `_`, `-` and `@`.
    public static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
                    UInt8(ascii: "@"):
                    true
                default: false
                }
            }
    }
}

/// Random text for secrets and names.
public enum RandomText {
    /// Random bytes as hexadecimal digits.
    public static func hexadecimal(byteCount: Int) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes(byteCount).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Random bytes of the system's generator.
    static func bytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// A random UUID (RFC 9562 section 5.4).
    static func uuid() -> String {
        var bytes = bytes(16)
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
            text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: text, as: UTF8.self)
    }
}
