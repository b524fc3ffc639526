internal import AdapterInterchange
internal import ByteCoding
public import Integrity

/// An artifact that holds an adapter, as its manifest says; the weights are not fetched yet.
public struct FetchedPackage: Sendable {
    /// Where the weights are.
    public enum Content: Hashable, Sendable {
        /// In a file of this project's format.
        case adapter(Descriptor)
        /// In safetensors with PEFT's configuration.
        case peft(configuration: Descriptor, tensors: Descriptor)
    }

    /// The manifest's bytes and what they are called.
    public let fetched: FetchedManifest
    /// The manifest.
    public let manifest: ImageManifest
    /// Where the weights are.
    public let content: Content

    /// Fetches a manifest and finds the adapter in it. An index is followed when it names a single one.
    ///
    /// - Throws: ``OCIError`` with code `wrongKind` when there is no adapter in it, `notFound` and others.
    public init(_ selector: String, from repository: any ArtifactRepository) throws {
        try self.init(try repository.manifest(selector), named: selector, from: repository)
    }

    /// Finds the adapter in a manifest that is there.
    ///
    /// - Parameter selector: what messages call it.
    public init(_ manifest: FetchedManifest, named selector: String, from repository: any ArtifactRepository) throws {
        var fetched = manifest
        if fetched.mediaType.isIndex {
            let index = try ImageIndex(parsing: fetched.bytes, mediaType: fetched.mediaType)
            guard index.manifests.count == 1, let only = index.manifests.first else {
                throw OCIError(
                    .wrongKind,
                    "Unable to use '\(selector)' of '\(repository.location)': it is a list of \(index.manifests.count) "
                        + "artifacts. Name one of them by its digest.")
            }
            fetched = try repository.manifest(only.digest.description)
        }
        self.fetched = fetched
        self.manifest = try ImageManifest(parsing: fetched.bytes, mediaType: fetched.mediaType)
        guard let content = FetchedPackage.content(of: self.manifest) else {
            throw OCIError(
                .wrongKind,
                "Unable to use '\(selector)' of '\(repository.location)': it holds no adapter (neither a layer "
                    + "'\(AdapterPackage.fileName)' nor '\(PEFT.tensorsName)' with '\(PEFT.configurationName)'), it is "
                    + "'\(self.manifest.effectiveArtifactType)'.")
        }
        self.content = content
    }

    /// Where the weights are in a manifest, whoever made it; nil when it holds no adapter.
    public static func content(of manifest: ImageManifest) -> Content? {
        // Compared, never used as a path.
        func name(_ layer: Descriptor) -> String {
            let path = layer.annotations[AdapterPackage.pathKey] ?? layer.annotations[AdapterPackage.titleKey] ?? ""
            return String(path.split(separator: "/").last ?? "")
        }
        let files = manifest.layers.filter {
            name($0).hasSuffix(".adpt") || $0.mediaType.description == "application/vnd.adapterctl.adapter.v1"
        }
        if files.count == 1, let file = files.first { return .adapter(file) }
        let configurations = manifest.layers.filter { name($0) == PEFT.configurationName }
        let tensors = manifest.layers.filter { name($0) == PEFT.tensorsName }
        guard files.isEmpty, configurations.count == 1, tensors.count == 1 else { return nil }
        return .peft(configuration: configurations[0], tensors: tensors[0])
    }

    /// The identity that the manifest promises.
    public var contentRoot: Digest? { manifest.annotations[AdapterPackage.contentKey].flatMap { Digest(parsing: $0) } }

    /// How many bytes the weights and their configuration have.
    public var byteCount: Int {
        switch content {
        case .adapter(let file): file.byteCount
        case .peft(let configuration, let tensors): configuration.byteCount + tensors.byteCount
        }
    }

    /// What the manifest says in an annotation of this project, such as `adapter.rank`.
    public func note(_ key: String) -> String? {
        manifest.annotations[AdapterPackage.namespace + key].map { $0.printable(limit: 200) }
    }
}
