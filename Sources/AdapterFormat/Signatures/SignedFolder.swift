internal import ByteCoding
public import Integrity

/// What an OpenSSF model signing bundle says of a folder (signatures spec, section 7).
public struct SignedFolder: Sendable {
    /// The largest bundle that is read: some hundred bytes for each of very many files.
    public static let maximumByteCount = 16 << 20

    /// The files and folders at the root that are not signed.
    public let ignoredPaths: [String]
    private let statement: SignedStatement
    private let digests: [String: Digest]
    /// The digest of the signer's public key in PEM; nil where the bundle names no key.
    private let keyHint: String?

    /// Reads a bundle; whose signatures it has is not looked at.
    ///
    /// - Throws: `SignatureError` with code `malformedSignature`.
    public init(parsing text: [UInt8]) throws(SignatureError) {
        statement = try SignedStatement(parsing: String(decoding: text, as: UTF8.self))
        let predicate = statement.statement["predicate"]
        let serialization = predicate?["serialization"]
        guard statement.statement["predicateType"]?.string == ModelSigningBundle.predicateType,
            serialization?["method"]?.string == "files", serialization?["hash_type"]?.string == "sha256"
        else {
            throw SignedFolder.malformed(
                "a statement of OpenSSF model signing 1.0 with method 'files' and hash 'sha256' is expected")
        }
        var digests: [String: Digest] = [:]
        for resource in predicate?["resources"]?.array ?? [] {
            guard let name = resource["name"]?.string, resource["algorithm"]?.string == "sha256",
                let digest = resource["digest"]?.string.flatMap({ Digest(hexadecimal: $0) }),
                digests.updateValue(digest, forKey: name) == nil
            else { throw SignedFolder.malformed("a resource is not a file, named once, with its SHA-256") }
        }
        guard !digests.isEmpty else { throw SignedFolder.malformed("it lists no files") }
        self.digests = digests
        ignoredPaths = serialization?["ignore_paths"]?.array?.compactMap(\.string) ?? []
        do {
            keyHint = try JSON.parse(text)["verificationMaterial"]?["publicKey"]?["hint"]?.string
        } catch {
            throw SignedFolder.malformed("it is not JSON")
        }
    }

    /// Checks that a key has signed the bundle.
    ///
    /// - Throws: `SignatureError` with code `unsigned`, `wrongKey`, `invalidSignature` or `expiredKey`.
    public func check(_ key: TrustedKey, on today: UTCDate) throws(SignatureError) {
        func refused(_ code: SignatureError.Code, _ reason: String) -> SignatureError {
            SignatureError(
                code, "Unable to accept the folder as signed by '\(key.name)': \(reason)", keyID: key.publicKey.id)
        }
        guard statement.isSigned else { throw refused(.unsigned, "its statement has no signature. Have it signed.") }
        guard statement.isSigned(by: key.publicKey) else {
            guard keyHint == ModelSigningBundle.hint(of: key.publicKey) else {
                throw refused(.wrongKey, "another key has signed it. Have it signed by that key.")
            }
            throw refused(.invalidSignature, "the signature does not verify. The statement was changed; do not use it.")
        }
        if let expires = key.expires, key.isExpired(on: today) {
            throw refused(.expiredKey, "that key expired after \(expires). Have it signed by another key.")
        }
    }

    /// Checks that a folder holds the files that are signed, as they are signed, and no others.
    ///
    /// - Parameter files: the digests of all files but the ignored ones, by path relative to the folder.
    /// - Throws: `SignatureError` with code `otherContent` that names the first file by name.
    public func check(files: [String: Digest]) throws(SignatureError) {
        for name in Set(digests.keys).union(files.keys).sorted(by: { $0.precedesInUTF8($1) })
        where digests[name] != files[name] {
            let reason =
                switch (digests[name], files[name]) {
                case (nil, _): "it was not there when the folder was signed"
                case (_, nil): "it is signed and missing"
                default: "it is not the file that was signed"
                }
            throw SignatureError(
                .otherContent, "Unable to accept the folder as signed: '\(name)': \(reason). Fetch the folder again.")
        }
    }

    private static func malformed(_ reason: String) -> SignatureError {
        SignatureError(.malformedSignature, "Unable to read the signature of a folder: \(reason).")
    }
}
