public import ByteCoding

/// Says of content what it is, what it is called and how long it is (OCI image specification 1.1, "Descriptors").
public struct Descriptor: Hashable, Sendable {
    /// What the content is.
    public var mediaType: MediaType
    /// The digest of its bytes.
    public var digest: ContentDigest
    /// Its length in bytes.
    public var byteCount: Int
    /// What somebody wrote about it.
    public var annotations: [String: String]
    /// What kind of artifact the manifest that it describes is.
    public var artifactType: MediaType?
    /// The fields that this program does not use, kept so that writing it again loses nothing.
    public var otherFields: [String: MetadataValue] = [:]

    /// Creates a descriptor.
    public init(
        mediaType: MediaType, digest: ContentDigest, byteCount: Int, annotations: [String: String] = [:],
        artifactType: MediaType? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.byteCount = byteCount
        self.annotations = annotations
        self.artifactType = artifactType
    }

    /// The descriptor of bytes.
    public init(
        of bytes: [UInt8], mediaType: MediaType, annotations: [String: String] = [:], artifactType: MediaType? = nil
    ) {
        self.init(
            mediaType: mediaType, digest: .hash(bytes), byteCount: bytes.count, annotations: annotations,
            artifactType: artifactType)
    }

    /// Reads a descriptor.
    ///
    /// - Throws: ``OCIError`` with code `invalidDocument` or `invalidReference`.
    public init(_ value: MetadataValue) throws(OCIError) {
        let fields = try JSONFields(value, kind: "descriptor")
        guard let mediaType = try fields.mediaType("mediaType") else { throw fields.missing("mediaType") }
        guard let digest = try fields.string("digest") else { throw fields.missing("digest") }
        guard let byteCount = try fields.integer("size") else { throw fields.missing("size") }
        guard byteCount >= 0 else { throw fields.invalid("'size' is \(byteCount).") }
        try self.init(
            mediaType: mediaType, digest: ContentDigest(parsing: digest), byteCount: byteCount,
            annotations: fields.strings("annotations"), artifactType: fields.mediaType("artifactType"))
        otherFields = fields.others(than: Descriptor.knownFields)
    }

    private static let knownFields: Set<String> = ["mediaType", "digest", "size", "annotations", "artifactType"]

    /// The descriptor as JSON.
    public var value: MetadataValue {
        .object(
            [
                "mediaType": .string(mediaType.description), "digest": .string(digest.description),
                "size": MetadataValue(byteCount), "annotations": .strings(annotations),
                "artifactType": artifactType.map { .string($0.description) },
            ], others: otherFields)
    }
}
