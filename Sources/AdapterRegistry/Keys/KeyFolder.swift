import ByteCoding
import FileSystem
public import Integrity

/// The folder of a user's keys (signatures spec, clause 4.3): `NAME.json` is a key that the user trusts, `NAME.pem` the
/// private key, where the user has it.
public struct KeyFolder: Sendable {
    private static let type = "adapterctl-key-v1"
    private static let maximumByteCount = 16 << 10

    /// The folder; it need not exist before a key is stored.
    public let directory: String

    /// Names a folder.
    public init(_ directory: String) {
        self.directory = directory
    }

    // MARK: Reading

    /// The names of the trusted keys, ascending; none when the folder does not exist.
    ///
    /// - Throws: `FileSystemError` when the folder cannot be listed.
    public func names() throws -> [KeyName] {
        guard Directory.kind(of: directory) != nil else { return [] }
        // Other people's files may lie here too.
        return try Directory.names(in: directory).compactMap { file in
            file.hasSuffix(".json") ? try? KeyName(parsing: String(file.dropLast(5))) : nil
        }.sorted()
    }

    /// All trusted keys, ascending by name.
    ///
    /// - Throws: as ``trustedKey(_:)``.
    public func trustedKeys() throws -> [TrustedKey] {
        try names().map(trustedKey)
    }

    /// The key that the user trusts under a name.
    ///
    /// - Throws: ``RegistryError`` with code `notFound`; `SignatureError` with code `malformedKey` or `unsupportedKey`
    ///   for a damaged file; `FileSystemError` when it cannot be read.
    public func trustedKey(_ name: KeyName) throws -> TrustedKey {
        guard let key = try existingKey(name) else {
            let names = try names().map(\.description).joined(separator: ", ")
            let known = names.isEmpty ? "no key is there" : "there are \(names)"
            throw RegistryError(
                .notFound,
                "Unable to find the key '\(name)' in '\(directory)': \(known). Trust it: adapterctl key trust \(name) "
                    + "PUBLIC.pem.")
        }
        return key
    }

    /// Whether the private key of a name is here.
    public func hasPrivateKey(_ name: KeyName) -> Bool { Directory.kind(of: privatePath(name)) == .file }

    /// The private key of a name.
    ///
    /// - Throws: ``RegistryError`` with code `notFound` when only its public half is here or nothing; `SignatureError`
    ///   with code `malformedKey` or `unsupportedKey`, or with `wrongKey` when it does not belong to the trusted one.
    public func signingKey(_ name: KeyName) throws -> SigningKey {
        let trusted = try trustedKey(name)
        guard hasPrivateKey(name) else {
            throw RegistryError(
                .notFound,
                "Unable to sign with '\(name)': its private key is not in '\(directory)'. Name the key's file, or make "
                    + "a key of your own: adapterctl key generate NAME.")
        }
        let key = try KeyFolder.signingKey(readingFile: privatePath(name))
        guard key.publicKey == trusted.publicKey else {
            throw SignatureError(
                .wrongKey,
                "Unable to sign with '\(name)': the private key is \(key.publicKey.id), the trusted one "
                    + "\(trusted.publicKey.id). Restore the folder '\(directory)'.", keyID: key.publicKey.id)
        }
        return key
    }

    /// A private key from a PEM file anywhere.
    ///
    /// - Throws: `SignatureError` with code `malformedKey` or `unsupportedKey`; `FileSystemError`.
    public static func signingKey(readingFile path: String) throws -> SigningKey {
        try SigningKey(pem: text(of: path))
    }

    /// A public key from a PEM file anywhere.
    ///
    /// - Throws: `SignatureError` with code `malformedKey` or `unsupportedKey`; `FileSystemError`.
    public static func publicKey(readingFile path: String) throws -> PublicKey {
        try PublicKey(pem: text(of: path))
    }

    private static func text(of path: String) throws -> String {
        let bytes = try InputFile.contents(of: path, limit: maximumByteCount)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SignatureError(.malformedKey, "Unable to read the key '\(path)': it is not text. Name a PEM file.")
        }
        return text
    }

    // MARK: Writing

    /// Makes a key pair and trusts it; nothing that exists is overwritten.
    ///
    /// - Parameter expires: the last day on which it is trusted.
    /// - Throws: ``RegistryError`` with code `conflict` when the name is taken; `FileSystemError`; `SignatureError` with
    ///   code `cryptographyFailed`.
    public func generate(_ name: KeyName, _ algorithm: SignatureAlgorithm, expires: UTCDate? = nil) throws -> TrustedKey
    {
        guard Directory.kind(of: path(name)) == nil, Directory.kind(of: privatePath(name)) == nil else {
            throw RegistryError(
                .conflict,
                "Unable to make the key '\(name)': there is one of that name in '\(directory)', and keys are never "
                    + "overwritten. Choose another name.")
        }
        let key = try SigningKey(generating: algorithm)
        let trusted = TrustedKey(name: name.description, publicKey: key.publicKey, expires: expires)
        // The private key first: without it, the trusted one would be of no use.
        try store(key.pem(), at: privatePath(name), mode: 0o600, replacing: false)
        try store(text(trusted), at: path(name), mode: 0o644, replacing: false)
        return trusted
    }

    /// Trusts a public key under a name, or changes until when it is trusted.
    ///
    /// - Throws: ``RegistryError`` with code `conflict` when the name stands for another key; `FileSystemError`.
    public func trust(_ publicKey: PublicKey, as name: KeyName, expires: UTCDate? = nil) throws -> TrustedKey {
        let trusted = TrustedKey(name: name.description, publicKey: publicKey, expires: expires)
        let existing = try existingKey(name)
        if let existing, existing.publicKey != publicKey {
            throw RegistryError(
                .conflict,
                "Unable to trust \(publicKey.id) as '\(name)': the name stands for \(existing.publicKey.id). Choose "
                    + "another name, or remove that key: adapterctl key remove \(name).")
        }
        if existing != trusted {
            try store(text(trusted), at: path(name), mode: 0o644, replacing: existing != nil)
        }
        return trusted
    }

    /// Trusts a key no longer.
    ///
    /// - Parameter withPrivateKey: whether its private key goes too, for good.
    /// - Throws: ``RegistryError`` with code `notFound`, or `conflict` when a private key would be left behind.
    public func remove(_ name: KeyName, withPrivateKey: Bool = false) throws {
        let hasPrivateKey = hasPrivateKey(name)
        // A record that cannot be read can still be removed.
        guard Directory.kind(of: path(name)) != nil || hasPrivateKey else {
            _ = try trustedKey(name)
            return
        }
        guard !hasPrivateKey || withPrivateKey else {
            throw RegistryError(
                .conflict,
                "Unable to remove the key '\(name)': its private key is here and would be lost. Add "
                    + "--with-private-key to remove both.")
        }
        try Directory.remove(path(name))
        try Directory.remove(privatePath(name))
        try Directory.synchronize(directory)
    }

    private func store(_ text: String, at path: String, mode: UInt32, replacing: Bool) throws {
        try Directory.create(directory)
        let file = try OutputFile(beside: path)
        try file.write(Array(text.utf8))
        try file.commit(as: path, mode: mode, replacing: replacing)
    }

    // MARK: The record

    private func path(_ name: KeyName) -> String { "\(directory)/\(name).json" }

    /// Where the private key of a name is or would be.
    public func privatePath(_ name: KeyName) -> String { "\(directory)/\(name).pem" }

    private func existingKey(_ name: KeyName) throws -> TrustedKey? {
        guard Directory.kind(of: path(name)) != nil else { return nil }
        func malformed(_ reason: String) -> SignatureError {
            SignatureError(
                .malformedKey,
                "Unable to read the trusted key '\(path(name))': \(reason). Remove it and trust the key again.")
        }
        let document: MetadataValue
        do {
            document = try JSON.parse(InputFile.contents(of: path(name), limit: KeyFolder.maximumByteCount))
        } catch let error as ByteCodingError {
            throw malformed(error.message)
        }
        guard let entries = document.map, entries["type"]?.string == KeyFolder.type,
            Set(entries.keys).subtracting(["expires"]) == ["name", "publicKey", "type"],
            let pem = entries["publicKey"]?.string
        else { throw malformed("it is not a document of type '\(KeyFolder.type)' with 'name' and 'publicKey'") }
        guard entries["name"]?.string == name.description else { throw malformed("it is the key of another name") }
        let expires: UTCDate?
        switch entries["expires"] {
        case nil: expires = nil
        case .string(let text)?:
            guard let date = try? UTCDate(parsing: text) else { throw malformed("'expires' is not a date") }
            expires = date
        default: throw malformed("'expires' is not a date")
        }
        do {
            return TrustedKey(name: name.description, publicKey: try PublicKey(pem: pem), expires: expires)
        } catch {
            throw SignatureError(error.code, "\(error.message) (in '\(path(name))')")
        }
    }

    private func text(_ key: TrustedKey) -> String {
        var entries: [String: MetadataValue] = [
            "type": .string(KeyFolder.type), "name": .string(key.name), "publicKey": .string(key.publicKey.pem),
        ]
        entries["expires"] = key.expires.map { .string($0.description) }
        return JSON.text(.map(entries), indented: true) + "\n"
    }
}
