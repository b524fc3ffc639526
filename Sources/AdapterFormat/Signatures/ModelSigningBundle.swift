internal import ByteCoding
public import Integrity

/// A signature of a folder's files that the verifiers of OpenSSF model signing 1.0 accept (signatures spec, section 7): a
/// sigstore bundle with a DSSE envelope over an in-toto statement.
public struct ModelSigningBundle: Sendable {
    /// The name under which verifiers look for the file.
    public static let fileName = "model.sig"
    /// Files and folders at the root of a model that are not signed.
    public static let ignoredPaths = [".git", ".gitattributes", ".github", ".gitignore", fileName]

    /// The text of the file.
    public let text: String

    /// Signs a folder's files.
    ///
    /// - Parameters:
    ///   - modelName: the folder's name, for information.
    ///   - files: the paths of the files, relative to the folder and separated by `/`, with their digests.
    ///   - ignoredPaths: what verifiers shall not look at.
    ///   - key: a P-256 key.
    /// - Throws: `SignatureError` with code `unsupportedKey` for an Ed25519 key, or `cryptographyFailed`.
    public init(
        modelName: String, files: [String: Digest], ignoredPaths: [String] = ModelSigningBundle.ignoredPaths,
        key: SigningKey
    ) throws(SignatureError) {
        guard key.publicKey.algorithm == .p256 else {
            throw SignatureError(
                .unsupportedKey,
                "Unable to sign for OpenSSF model signing: its verifiers know P-256, the key is Ed25519. Make another: "
                    + "adapterctl key generate NAME --algorithm p256.", keyID: key.publicKey.id)
        }
        let payload = Array(
            JSON.text(ModelSigningBundle.statement(modelName, files, ignoredPaths)).utf8)
        let signature = ECDSASignature.der(try key.signature(of: ModelSigningBundle.preAuthenticationEncoding(payload)))
        let bundle: MetadataValue = [
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": [
                // The digest of the PEM text, not of the DER that our own key ids are made of.
                "publicKey": ["hint": .string(ModelSigningBundle.hint(of: key.publicKey))],
                "tlogEntries": [],
            ],
            "dsseEnvelope": [
                "payload": .string(Base64.encode(payload)),
                "payloadType": .string(ModelSigningBundle.payloadType),
                "signatures": [["sig": .string(Base64.encode(signature)), "keyid": ""]],
            ],
        ]
        text = JSON.text(bundle, indented: true) + "\n"
    }

    static let payloadType = "application/vnd.in-toto+json"
    static let predicateType = "https://model_signing/signature/v1.0"

    /// How a bundle names a key.
    static func hint(of key: PublicKey) -> String { SHA256.hash(Array(key.pem.utf8)).hexadecimal }

    /// The in-toto statement: every file with its digest, and as subject the digest over these digests.
    private static func statement(
        _ modelName: String, _ files: [String: Digest], _ ignoredPaths: [String]
    ) -> MetadataValue {
        let resources = files.sorted { $0.key.precedesInUTF8($1.key) }
        let root = SHA256.hash(resources.flatMap(\.value.bytes))
        return [
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [["name": .string(modelName), "digest": ["sha256": .string(root.hexadecimal)]]],
            "predicateType": .string(predicateType),
            "predicate": [
                "serialization": [
                    "method": "files", "hash_type": "sha256", "allow_symlinks": false,
                    "ignore_paths": .array(ignoredPaths.map { .string($0) }),
                ],
                "resources": .array(
                    resources.map { name, digest in
                        [
                            "name": .string(name), "algorithm": "sha256", "digest": .string(digest.hexadecimal),
                        ]
                    }),
            ],
        ]
    }

    /// What DSSE signs in place of the payload (PAE of DSSE 1.0).
    static func preAuthenticationEncoding(_ payload: [UInt8]) -> [UInt8] {
        Array("DSSEv1 \(payloadType.utf8.count) \(payloadType) \(payload.count) ".utf8) + payload
    }
}
