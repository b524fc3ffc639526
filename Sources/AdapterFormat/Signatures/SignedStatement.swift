public import ByteCoding
public import Integrity

/// An in-toto statement: plain, in a DSSE envelope, or in a sigstore bundle.
///
/// See: https://github.com/in-toto/attestation, https://github.com/secure-systems-lab/dsse
public struct SignedStatement: Sendable {
    /// What is stated.
    public let statement: MetadataValue
    /// The bytes that are signed.
    private let payload: [UInt8]
    private let signatures: [[UInt8]]

    /// Whether anybody has signed it.
    public var isSigned: Bool { !signatures.isEmpty }

    /// Reads a document.
    ///
    /// - Throws: `SignatureError` with code `malformedSignature`.
    public init(parsing text: String) throws(SignatureError) {
        let document = try SignedStatement.json(Array(text.utf8), "the document")
        guard let envelope = document["dsseEnvelope"] ?? (document["payload"].map { _ in document }) else {
            (statement, payload, signatures) = (document, Array(text.utf8), [])
            try SignedStatement.check(statement)
            return
        }
        guard envelope["payloadType"]?.string == ModelSigningBundle.payloadType,
            let payload = envelope["payload"]?.string.flatMap({ Base64.decode($0) }),
            let entries = envelope["signatures"]?.array, entries.count <= 100
        else { throw SignedStatement.malformed("the envelope lacks a payload of in-toto's type, or its signatures") }
        var signatures: [[UInt8]] = []
        for entry in entries {
            guard let signature = entry["sig"]?.string.flatMap({ Base64.decode($0) }) else {
                throw SignedStatement.malformed("a signature is not base64")
            }
            signatures.append(signature)
        }
        (self.payload, self.signatures) = (payload, signatures)
        statement = try SignedStatement.json(payload, "the payload")
        try SignedStatement.check(statement)
    }

    /// Whether one of the signatures is this key's.
    public func isSigned(by key: PublicKey) -> Bool {
        let message = ModelSigningBundle.preAuthenticationEncoding(payload)
        return signatures.contains { signature in
            let raw = key.algorithm == .p256 ? ECDSASignature.raw(signature) : signature
            return raw.map { key.isValid($0, for: message) } ?? false
        }
    }

    /// A statement in a DSSE envelope with one signature.
    ///
    /// - Throws: `SignatureError` with code `malformedSignature` when the text is no statement, or `cryptographyFailed`.
    public static func envelope(_ text: String, key: SigningKey) throws(SignatureError) -> String {
        let payload = Array(text.utf8)
        try check(json(payload, "the statement"))
        let raw = try key.signature(of: ModelSigningBundle.preAuthenticationEncoding(payload))
        let signature = key.publicKey.algorithm == .p256 ? ECDSASignature.der(raw) : raw
        let document: MetadataValue = [
            "payload": .string(Base64.encode(payload)), "payloadType": .string(ModelSigningBundle.payloadType),
            "signatures": [
                ["sig": .string(Base64.encode(signature)), "keyid": .string(key.publicKey.id.description)]
            ],
        ]
        return JSON.text(document, indented: true) + "\n"
    }

    private static func json(_ bytes: [UInt8], _ what: String) throws(SignatureError) -> MetadataValue {
        do {
            return try JSON.parse(bytes)
        } catch {
            throw malformed("\(what) is not JSON: \(error.message)")
        }
    }

    private static func check(_ statement: MetadataValue) throws(SignatureError) {
        guard statement["_type"]?.string == "https://in-toto.io/Statement/v1", statement["subject"]?.array != nil,
            statement["predicateType"]?.string != nil
        else { throw malformed("it is not an in-toto statement of version 1") }
    }

    private static func malformed(_ reason: String) -> SignatureError {
        SignatureError(.malformedSignature, "Unable to read the statement: \(reason).")
    }
}
