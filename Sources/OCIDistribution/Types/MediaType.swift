/// The type of content: `type/subtype` in the grammar of RFC 6838 section 4.2.
public struct MediaType: Hashable, Sendable, CustomStringConvertible {
    /// The longest media type in bytes: two names of at most 127 and the slash.
    public static let maximumByteCount = 255

    /// The media type as text.
    public let description: String

    /// Checks a media type. Parameters, which a `Content-Type` header may have, are not part of it.
    ///
    /// - Throws: ``OCIError`` with code `invalidReference`.
    public init(parsing text: String) throws(OCIError) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy(MediaType.isName) else {
            throw .invalidReference(text, "'type/subtype' is expected.", "media type")
        }
        description = text
    }

    /// The media type of a `Content-Type` header, without its parameters.
    ///
    /// - Throws: ``OCIError`` with code `invalidReference`.
    public init(parsingHeader text: String) throws(OCIError) {
        let value = text.utf8.prefix { $0 != UInt8(ascii: ";") }
        let trimmed = Substring(value).trimmingSpaces
        try self.init(parsing: trimmed.lowercased())
    }

    private init(_ text: String) { description = text }

    // RFC 6838 section 4.2, restricted-name.
    private static func isName(_ bytes: Substring.UTF8View) -> Bool {
        guard (1...127).contains(bytes.count), let first = bytes.first, isLetterOrDigit(first) else { return false }
        return bytes.allSatisfy { isLetterOrDigit($0) || "!#$&-^_.+".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

extension MediaType {
    /// An image manifest, which artifacts use too.
    public static let manifest = MediaType("application/vnd.oci.image.manifest.v1+json")
    /// A list of manifests.
    public static let index = MediaType("application/vnd.oci.image.index.v1+json")
    /// The configuration of a container image; here only the type of artifacts that name none of their own.
    public static let imageConfiguration = MediaType("application/vnd.oci.image.config.v1+json")
    /// The configuration `{}` of an artifact that has none.
    public static let empty = MediaType("application/vnd.oci.empty.v1+json")
    /// A manifest as Docker writes it; of the same form as ``manifest``.
    public static let dockerManifest = MediaType("application/vnd.docker.distribution.manifest.v2+json")
    /// A list of manifests as Docker writes it; of the same form as ``index``.
    public static let dockerManifestList = MediaType("application/vnd.docker.distribution.manifest.list.v2+json")
    /// Bytes of any kind.
    public static let octets = MediaType("application/octet-stream")
    /// A JSON document.
    public static let json = MediaType("application/json")

    /// ModelPack: the artifact type of a model.
    public static let model = MediaType("application/vnd.cncf.model.manifest.v1+json")
    /// ModelPack: the configuration of a model.
    public static let modelConfiguration = MediaType("application/vnd.cncf.model.config.v1+json")
    /// ModelPack: weights as they are.
    public static let modelWeight = MediaType("application/vnd.cncf.model.weight.v1.raw")
    /// ModelPack: a file that configures the weights, such as `adapter_config.json`.
    public static let modelWeightConfiguration = MediaType("application/vnd.cncf.model.weight.config.v1.raw")
    /// ModelPack: documentation.
    public static let modelDocument = MediaType("application/vnd.cncf.model.doc.v1.raw")

    /// A bundle of Sigstore, in which OpenSSF model signing keeps its signature.
    public static let sigstoreBundle = MediaType("application/vnd.dev.sigstore.bundle.v0.3+json")
    /// An in-toto statement or a DSSE envelope with one.
    public static let inToto = MediaType("application/vnd.in-toto+json")
    /// A CycloneDX bill of materials.
    public static let cycloneDX = MediaType("application/vnd.cyclonedx+json")

    /// Whether it is a manifest with layers, of OCI or of Docker.
    public var isManifest: Bool { self == .manifest || self == .dockerManifest }
    /// Whether it is a list of manifests, of OCI or of Docker.
    public var isIndex: Bool { self == .index || self == .dockerManifestList }
}

extension Substring {
    /// The text without spaces and tabs at its ends.
    var trimmingSpaces: Substring {
        var text = self
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
