import ByteCoding

/// The manifest of an artifact: its configuration, its layers and what somebody wrote about it (OCI image specification
/// 1.1, "Image Manifest").
public struct ImageManifest: Hashable, Sendable {
    /// The longest manifest that is accepted, in bytes; registries accept at least as much.
    public static let maximumByteCount = 4 << 20

    /// ``MediaType/manifest``, or ``MediaType/dockerManifest``.
    public var mediaType: MediaType
    /// What kind of artifact it is; nil when its configuration's media type says so.
    public var artifactType: MediaType?
    /// Its configuration.
    public var configuration: Descriptor
    /// Its content, in order.
    public var layers: [Descriptor]
    /// The manifest that it is about, in the same repository.
    public var subject: Descriptor?
    /// What somebody wrote about it.
    public var annotations: [String: String]

    /// Creates a manifest.
    public init(
        artifactType: MediaType? = nil, configuration: Descriptor, layers: [Descriptor], subject: Descriptor? = nil,
        annotations: [String: String] = [:]
    ) {
        mediaType = .manifest
        self.artifactType = artifactType
        self.configuration = configuration
        self.layers = layers
        self.subject = subject
        self.annotations = annotations
    }

    /// Reads a manifest.
    ///
    /// - Parameter mediaType: what the peer called it; used when the manifest does not say itself, and must agree with
    ///   it when it does.
    /// - Throws: ``OCIError`` with code `invalidDocument`, `invalidReference` or `tooLarge`.
    public init(parsing bytes: [UInt8], mediaType: MediaType? = nil) throws(OCIError) {
        let fields = try JSONFields(parsing: bytes, kind: "manifest", limit: ImageManifest.maximumByteCount)
        try fields.checkSchemaVersion()
        self.mediaType = try fields.ownMediaType(mediaType, default: .manifest)
        guard self.mediaType.isManifest else {
            throw fields.invalid("its media type is '\(self.mediaType)', a manifest's is expected.")
        }
        // A document that is a manifest to one reader and an index to another would be two things under one digest.
        guard fields.value("manifests") == nil else {
            throw fields.invalid("it has 'manifests', which only an index has.")
        }
        artifactType = try fields.mediaType("artifactType")
        guard let configuration = try fields.descriptor("config") else { throw fields.missing("config") }
        self.configuration = configuration
        layers = try fields.descriptors("layers")
        subject = try fields.descriptor("subject")
        annotations = try fields.strings("annotations")
    }

    /// The kind of artifact: ``artifactType``, else the configuration's media type (OCI distribution specification 1.1,
    /// "Listing Referrers").
    public var effectiveArtifactType: MediaType { artifactType ?? configuration.mediaType }

    /// The manifest's bytes: keys sorted, no white space, so equal manifests have equal digests.
    public var bytes: [UInt8] {
        MetadataValue.object([
            "schemaVersion": 2, "mediaType": .string(mediaType.description),
            "artifactType": artifactType.map { .string($0.description) }, "config": configuration.value,
            "layers": .array(layers.map(\.value)), "subject": subject?.value,
            "annotations": .strings(annotations),
        ]).canonicalBytes
    }
}

extension JSONFields {
    /// The media type that a document and its peer agree on.
    func ownMediaType(_ announced: MediaType?, default fallback: MediaType) throws(OCIError) -> MediaType {
        guard let own = try mediaType("mediaType") else { return announced ?? fallback }
        // Peers that know no better announce plain JSON or octets.
        if let announced, announced != own, announced != .json, announced != .octets {
            throw invalid("it says it is '\(own)', the peer says '\(announced)'.")
        }
        return own
    }
}
