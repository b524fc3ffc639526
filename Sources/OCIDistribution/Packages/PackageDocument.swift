public import AdapterRegistry

/// A document about an adapter, as a manifest of its own that refers to the adapter's.
public struct PackageDocument: Hashable, Sendable {
    /// The media type of documents that have none of their own.
    static let otherType = "application/vnd.adapterctl.document.v1"
    /// The longest document that is fetched, in bytes.
    public static let maximumByteCount = 16 << 20

    /// What it is.
    public var kind: AttachedDocument.Kind
    /// Its file name.
    public var name: String
    /// Its text.
    public var text: String

    /// Creates a document.
    public init(kind: AttachedDocument.Kind, name: String, text: String) {
        self.kind = kind
        self.name = name
        self.text = text
    }

    /// The media type of a kind.
    static func mediaType(of kind: AttachedDocument.Kind) throws -> MediaType {
        switch kind {
        case .provenance: .inToto
        case .bom: .cycloneDX
        case .modelSigning: .sigstoreBundle
        case .other: try MediaType(parsing: otherType)
        }
    }

    /// The kind of a referrer; nil for what is not a document about an adapter.
    static func kind(of artifactType: MediaType?) -> AttachedDocument.Kind? {
        switch artifactType {
        case .inToto: .provenance
        case .cycloneDX: .bom
        case .sigstoreBundle: .modelSigning
        case let type?: type.description == otherType ? .other : nil
        case nil: nil
        }
    }

    /// Stores the document beside the manifest that it is about.
    ///
    /// - Returns: the number of bytes that were sent.
    func push(about subject: Descriptor, to repository: any ArtifactRepository) throws -> Int {
        let type = try PackageDocument.mediaType(of: kind)
        let bytes = Array(text.utf8)
        let empty = Array("{}".utf8)
        let manifest = ImageManifest(
            artifactType: type, configuration: Descriptor(of: empty, mediaType: .empty),
            layers: [
                Descriptor(of: bytes, mediaType: type, annotations: [AdapterPackage.titleKey: name])
            ],
            subject: subject, annotations: [AdapterPackage.titleKey: name])
        var sent = 0
        for content in [empty, bytes] {
            let digest = ContentDigest.hash(content)
            guard try !repository.hasBlob(digest) else { continue }
            try repository.upload(.bytes(content), digest, progress: nil)
            sent += content.count
        }
        try repository.putReferrer(manifest)
        return sent
    }

    /// The documents about a manifest.
    ///
    /// - Parameter onSkip: called with a sentence for each that cannot be used.
    public static func fetch(
        about digest: ContentDigest, from repository: any ArtifactRepository, onSkip: (String) -> Void
    ) throws -> [PackageDocument] {
        var documents: [PackageDocument] = []
        for descriptor in try repository.referrers(of: digest) {
            guard let kind = kind(of: descriptor.artifactType) else { continue }
            do {
                let fetched = try repository.manifest(descriptor.digest.description)
                let manifest = try ImageManifest(parsing: fetched.bytes, mediaType: fetched.mediaType)
                guard manifest.subject?.digest == digest else {
                    onSkip("the document \(descriptor.digest) is about another artifact")
                    continue
                }
                for layer in manifest.layers {
                    guard let text = String(validating: try repository.blob(layer), as: UTF8.self) else {
                        onSkip("the document \(layer.digest) is not text")
                        continue
                    }
                    let name =
                        layer.annotations[AdapterPackage.titleKey] ?? manifest.annotations[AdapterPackage.titleKey]
                        ?? "\(kind.rawValue)-\(layer.digest.abbreviated).json"
                    documents.append(PackageDocument(kind: kind, name: name, text: text))
                }
            } catch let error as OCIError where [.notFound, .tooLarge, .invalidDocument].contains(error.code) {
                onSkip("the document \(descriptor.digest) cannot be used: \(error.message)")
            }
        }
        return documents
    }
}
