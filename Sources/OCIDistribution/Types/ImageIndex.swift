public import ByteCoding

/// A list of manifests (OCI image specification 1.1, "Image Index"): what the referrers API answers, what an image layout
/// begins with.
public struct ImageIndex: Hashable, Sendable {
    /// The longest index that is accepted, in bytes.
    public static let maximumByteCount = ImageManifest.maximumByteCount

    /// ``MediaType/index``, or ``MediaType/dockerManifestList``.
    public var mediaType: MediaType = .index
    /// What kind of artifact it is.
    public var artifactType: MediaType?
    /// The manifests, in order.
    public var manifests: [Descriptor]
    /// The manifest that it is about, in the same repository.
    public var subject: Descriptor?
    /// What somebody wrote about it.
    public var annotations: [String: String]
    /// The fields that this program does not use, kept so that writing it again loses nothing.
    public var otherFields: [String: MetadataValue] = [:]

    /// Creates an index.
    public init(
        artifactType: MediaType? = nil, manifests: [Descriptor] = [], subject: Descriptor? = nil,
        annotations: [String: String] = [:]
    ) {
        self.artifactType = artifactType
        self.manifests = manifests
        self.subject = subject
        self.annotations = annotations
    }

    /// Reads an index.
    ///
    /// - Parameter mediaType: what the peer called it; used when the index does not say itself, and must agree with it
    ///   when it does.
    /// - Throws: ``OCIError`` with code `invalidDocument`, `invalidReference` or `tooLarge`.
    public init(parsing bytes: [UInt8], mediaType: MediaType? = nil) throws(OCIError) {
        let fields = try JSONFields(parsing: bytes, kind: "index", limit: ImageIndex.maximumByteCount)
        try fields.checkSchemaVersion()
        self.mediaType = try fields.ownMediaType(mediaType, default: .index)
        guard self.mediaType.isIndex else {
            throw fields.invalid("its media type is '\(self.mediaType)', an index's is expected.")
        }
        guard fields.value("layers") == nil, fields.value("config") == nil else {
            throw fields.invalid("it has 'layers' or 'config', which only a manifest has.")
        }
        artifactType = try fields.mediaType("artifactType")
        manifests = try fields.descriptors("manifests")
        subject = try fields.descriptor("subject")
        annotations = try fields.strings("annotations")
        otherFields = fields.others(than: ImageIndex.knownFields)
    }

    private static let knownFields: Set<String> = [
        "schemaVersion", "mediaType", "artifactType", "manifests", "subject", "annotations",
    ]

    /// The index's bytes: keys sorted, no white space.
    public var bytes: [UInt8] {
        MetadataValue.object(
            [
                "schemaVersion": 2, "mediaType": .string(mediaType.description),
                "artifactType": artifactType.map { .string($0.description) },
                "manifests": .array(manifests.map(\.value)), "subject": subject?.value,
                "annotations": .strings(annotations),
            ], others: otherFields
        ).canonicalBytes
    }
}
