import ByteCoding

/// The configuration of a ModelPack artifact (CNCF model specification): what the model is called and which files it has.
///
/// Its schema allows no further fields, so rank, α and targets stand in the manifest's annotations. It holds no date:
/// the same adapter gives the same bytes.
public struct ModelConfiguration: Hashable, Sendable {
    /// What the model is called.
    public var name: String?
    /// Its licences, as SPDX expressions.
    public var licenses: [String]
    /// The format of the weights, such as `adpt` or `safetensors`.
    public var format: String?
    /// The storage type of the weights, such as `bfloat16`.
    public var precision: String?
    /// The digests of the layers' content before any compression of the layer, in order.
    public var layers: [ContentDigest]

    /// Creates a configuration.
    public init(
        name: String? = nil, licenses: [String] = [], format: String? = nil, precision: String? = nil,
        layers: [ContentDigest]
    ) {
        self.name = name
        self.licenses = licenses
        self.format = format
        self.precision = precision
        self.layers = layers
    }

    /// Reads a configuration.
    ///
    /// - Throws: ``OCIError`` with code `invalidDocument`, `invalidReference` or `tooLarge`.
    public init(parsing bytes: [UInt8]) throws(OCIError) {
        let kind = "model configuration"
        let fields = try JSONFields(parsing: bytes, kind: kind, limit: ImageManifest.maximumByteCount)
        let descriptor = try JSONFields(fields.value("descriptor") ?? .map([:]), kind: kind)
        let config = try JSONFields(fields.value("config") ?? .map([:]), kind: kind)
        let files = try JSONFields(fields.value("modelfs") ?? .map([:]), kind: kind)
        name = try descriptor.string("name")
        licenses = try (descriptor.array("licenses") ?? []).compactMap(\.string)
        format = try config.string("format")
        precision = try config.string("precision")
        layers = []
        for element in try files.array("diffIds") ?? [] {
            guard let text = element.string else { throw fields.invalid("a digest of 'diffIds' is not text.") }
            layers.append(try ContentDigest(parsing: text))
        }
    }

    /// The configuration's bytes.
    public var bytes: [UInt8] {
        MetadataValue.object([
            "descriptor": .object([
                "name": name.map { .string($0) },
                "licenses": licenses.isEmpty ? nil as MetadataValue? : .array(licenses.map { .string($0) }),
            ]),
            "config": .object(["format": format.map { .string($0) }, "precision": precision.map { .string($0) }]),
            "modelfs": .object([
                "type": "layers", "diffIds": .array(layers.map { .string($0.description) }),
            ]),
        ]).canonicalBytes
    }
}
