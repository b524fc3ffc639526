internal import COpenSSL

/// A password as it is stored: PBKDF2 with HMAC-SHA-256 (RFC 8018 section 5.2) over a random salt.
public struct PasswordHash: Hashable, Sendable, CustomStringConvertible {
    /// How often the function is repeated for new passwords; some 60 ms.
    public static let defaultIterationCount = 210_000
    /// The most repetitions that a stored hash may ask for.
    static let maximumIterationCount = 10_000_000

    private let iterationCount: Int
    private let salt: [UInt8]
    private let key: [UInt8]

    /// Hashes a password with a new salt.
    public init(of password: String, iterationCount: Int = PasswordHash.defaultIterationCount) {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        self.iterationCount = max(1, min(iterationCount, PasswordHash.maximumIterationCount))
        self.salt = salt
        key = PasswordHash.derive(password, salt, self.iterationCount)
    }

    /// Reads what ``description`` wrote; nil for anything else.
    public init?(parsing text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "pbkdf2-sha256", let iterationCount = Int(parts[1]),
            (1...PasswordHash.maximumIterationCount).contains(iterationCount),
            let salt = Base64.decode(String(parts[2])), let key = Base64.decode(String(parts[3])), key.count == 32
        else { return nil }
        self.iterationCount = iterationCount
        self.salt = salt
        self.key = key
    }

    /// Whether a password is the one that was hashed; takes as long whatever the answer.
    public func matches(_ password: String) -> Bool {
        ConstantTime.areEqual(PasswordHash.derive(password, salt, iterationCount), key)
    }

    /// `pbkdf2-sha256$iterations$salt$key`, the last two in Base64.
    public var description: String {
        "pbkdf2-sha256$\(iterationCount)$\(Base64.encode(salt))$\(Base64.encode(key))"
    }

    private static func derive(_ password: String, _ salt: [UInt8], _ iterationCount: Int) -> [UInt8] {
        var key = [UInt8](repeating: 0, count: 32)
        let bytes = password.utf8.map { CChar(bitPattern: $0) }
        // Fails only for lengths that cannot occur here; then the key stays zero and the salt random.
        _ = unsafe PKCS5_PBKDF2_HMAC(
            bytes, Int32(bytes.count), salt, Int32(salt.count), Int32(iterationCount), EVP_sha256(), Int32(key.count),
            &key)
        return key
    }
}

/// Comparisons whose duration says nothing about where two secrets differ.
public enum ConstantTime {
    /// Whether two runs of bytes are equal; their lengths are no secret.
    public static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}

/// HMAC with SHA-256 (RFC 2104).
public enum HMACSHA256 {
    /// The code of a message under a key.
    public static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        let blockByteCount = 64
        var block = key.count > blockByteCount ? SHA256.hash(key).bytes : key
        block += [UInt8](repeating: 0, count: blockByteCount - block.count)
        let inner = SHA256.hash(block.map { $0 ^ 0x36 }, message)
        return SHA256.hash(block.map { $0 ^ 0x5C }, inner.bytes).bytes
    }
}
