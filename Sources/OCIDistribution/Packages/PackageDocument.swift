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

    /// A name under which it can be attached: the last part of its own, or one that is made up.
    public var fileName: String {
        let last = String(name.split(separator: "/").last ?? "")
        if (try? Tag(parsing: last)) != nil { return last }
        return "\(kind.rawValue)-\(ContentDigest.hash(Array(text.utf8)).abbreviated).json"
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
    public static func kind(of artifactType: MediaType?) -> AttachedDocument.Kind? {
        switch artifactType {
        case .inToto: .provenance
        case .cycloneDX: .bom
        case .sigstoreBundle: .modelSigning
        case let type?: type.description == otherType ? .other : nil
        case nil: nil
        }
    }

    /// The content of the configuration that a document's manifest has, which says nothing.
    public static let configuration = Array("{}".utf8)

    /// The manifest of the document.
    ///
    /// It follows from the document and the subject alone, so the same document has the same manifest everywhere.
    public func manifest(about subject: Descriptor) throws -> ImageManifest {
        let bytes = Array(text.utf8)
        return try PackageDocument.manifest(
            kind: kind, name: name, digest: .hash(bytes), byteCount: bytes.count, about: subject)
    }

    /// The manifest of an attached document, whose text need not be read for it.
    public static func manifest(of document: AttachedDocument, about subject: Descriptor) throws -> ImageManifest {
        try manifest(
            kind: document.kind, name: document.name, digest: ContentDigest(document.digest),
            byteCount: document.byteCount, about: subject)
    }

    private static func manifest(
        kind: AttachedDocument.Kind, name: String, digest: ContentDigest, byteCount: Int, about subject: Descriptor
    ) throws -> ImageManifest {
        let type = try mediaType(of: kind)
        let names = [AdapterPackage.titleKey: name]
        return ImageManifest(
            artifactType: type, configuration: Descriptor(of: configuration, mediaType: .empty),
            layers: [Descriptor(mediaType: type, digest: digest, byteCount: byteCount, annotations: names)],
            subject: subject, annotations: names)
    }

    /// Stores the document beside the manifest that it is about.
    ///
    /// - Returns: the number of bytes that were sent.
    func push(about subject: Descriptor, to repository: any ArtifactRepository) throws -> Int {
        let manifest = try manifest(about: subject)
        var sent = 0
        for content in [PackageDocument.configuration, Array(text.utf8)] {
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
                documents += try PackageDocument.documents(in: manifest, kind, onSkip: onSkip, blob: repository.blob)
            } catch let error as OCIError where [.notFound, .tooLarge, .invalidDocument].contains(error.code) {
                onSkip("the document \(descriptor.digest) cannot be used: \(error.message)")
            }
        }
        return documents
    }

    /// The documents that a manifest holds.
    ///
    /// - Parameters:
    ///   - onSkip: called with a sentence for each that cannot be used.
    ///   - blob: gives the bytes of a layer.
    public static func documents(
        in manifest: ImageManifest, _ kind: AttachedDocument.Kind, onSkip: (String) -> Void,
        blob: (Descriptor) throws -> [UInt8]
    ) rethrows -> [PackageDocument] {
        var documents: [PackageDocument] = []
        for layer in manifest.layers {
            guard let text = String(validating: try blob(layer), as: UTF8.self) else {
                onSkip("the document \(layer.digest) is not text")
                continue
            }
            let name =
                layer.annotations[AdapterPackage.titleKey] ?? manifest.annotations[AdapterPackage.titleKey]
                ?? "\(kind.rawValue)-\(layer.digest.abbreviated).json"
            documents.append(PackageDocument(kind: kind, name: name, text: text))
        }
        return documents
    }
}
