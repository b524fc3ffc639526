public import AdapterFormat
import AdapterInterchange
import Adapters
import ByteCoding
import FileSystem
public import Integrity
import Tensors

/// An adapter as an OCI artifact (ModelPack): a manifest, and the documents that it names beside the adapter's file.
///
/// Everything follows from the file, so the same adapter has the same manifest wherever it is made, and registries that
/// have one need no other.
public struct AdapterPackage: Hashable, Sendable {
    /// The manifest.
    public let manifest: ImageManifest
    /// What the manifest names and is no file of its own: the configuration, and PEFT's configuration where the adapter
    /// can have one.
    public let documents: [ContentDigest: [UInt8]]

    /// What the annotations of this project begin with.
    static let namespace = "org.adapterctl."
    /// The name of the adapter's file in the package.
    public static let fileName = "adapter.adpt"

    /// How an adapter is laid out in a package.
    public enum Layout: String, Sendable, CaseIterable {
        /// The adapter's own file.
        case adpt
        /// A safetensors file, for consumers that know nothing else.
        case peft
    }

    /// The package of an adapter file.
    ///
    /// - Parameter digest: the SHA-256 of the whole file.
    /// - Throws: what reading the file throws.
    public init(_ file: AdapterFile, digest: Digest) throws {
        let weights = Descriptor(
            mediaType: .modelWeight, digest: ContentDigest(digest), byteCount: file.byteCount,
            annotations: AdapterPackage.names(AdapterPackage.fileName))
        try self.init(
            file, weights: weights, configuration: AdapterPackage.peftConfiguration(of: file.adapter), format: "adpt")
    }

    /// The package of an adapter that was written as a PEFT folder.
    ///
    /// - Throws: what reading the folder throws.
    public init(_ file: AdapterFile, peftFolder folder: String) throws {
        let tensors = try InputFile(opening: "\(folder)/\(PEFT.tensorsName)")
        var hasher = SHA256()
        try tensors.forEachPiece(in: 0..<tensors.byteCount) { hasher.update($0) }
        let weights = Descriptor(
            mediaType: .modelWeight, digest: ContentDigest(hasher.finalize()), byteCount: tensors.byteCount,
            annotations: AdapterPackage.names(PEFT.tensorsName))
        try self.init(
            file, weights: weights,
            configuration: InputFile.contents(
                of: "\(folder)/\(PEFT.configurationName)", limit: ImageManifest.maximumByteCount),
            format: "safetensors")
    }

    private init(_ file: AdapterFile, weights: Descriptor, configuration: [UInt8]?, format: String) throws {
        let adapter = file.adapter
        var documents: [ContentDigest: [UInt8]] = [:]
        var layers = [weights]
        if let configuration {
            let layer = Descriptor(
                of: configuration, mediaType: .modelWeightConfiguration,
                annotations: AdapterPackage.names(PEFT.configurationName))
            documents[layer.digest] = configuration
            layers.append(layer)
        }
        let model = ModelConfiguration(
            name: adapter.base.name.map { "\($0) adapter" }, licenses: adapter.notes.license.map { [$0] } ?? [],
            format: format, precision: AdapterPackage.precision(of: adapter), layers: layers.map(\.digest)
        ).bytes
        let description = Descriptor(of: model, mediaType: .modelConfiguration)
        documents[description.digest] = model
        manifest = ImageManifest(
            artifactType: .model, configuration: description, layers: layers,
            annotations: AdapterPackage.annotations(adapter, contentRoot: file.contentRoot))
        self.documents = documents
    }

    /// A file's name as ModelPack and as oras write it.
    private static func names(_ name: String) -> [String: String] { [pathKey: name, titleKey: name] }

    /// The annotation that other tools name files by.
    static let titleKey = "org.opencontainers.image.title"
    /// The annotation with the identity of the adapter.
    static let contentKey = "\(namespace)adapter.content-digest"

    /// ModelPack's annotation for the name of a layer's file.
    static let pathKey = "org.cncf.model.filepath"

    private static func peftConfiguration(of adapter: Adapter) throws -> [UInt8]? {
        do {
            return try PEFT.configurationBytes(of: adapter)
        } catch let error as InterchangeError where error.code == .notExpressible {
            return nil
        }
    }

    /// The storage type in ModelPack's words; nil when there are several.
    private static func precision(of adapter: Adapter) -> String? {
        guard adapter.dtypes.count == 1, let dtype = adapter.dtypes.first else { return nil }
        let names = ["f32": "float32", "f16": "float16", "bf16": "bfloat16", "f64": "float64"]
        return names[dtype.description] ?? dtype.description
    }

    private static func annotations(_ adapter: Adapter, contentRoot: Digest) -> [String: String] {
        var annotations = [
            contentKey: contentRoot.description,
            "\(namespace)adapter.targets": adapter.targetModules.joined(separator: ","),
        ]
        annotations["\(namespace)adapter.rank"] = range(adapter.ranks.map(String.init))
        annotations["\(namespace)adapter.alpha"] = range(adapter.alphas.map { "\($0)" })
        annotations["\(namespace)base.name"] = adapter.base.name
        annotations["\(namespace)base.revision"] = adapter.base.revision
        annotations["\(namespace)base.digest"] = adapter.base.digest?.description
        annotations["org.opencontainers.image.base.name"] = adapter.base.name
        annotations["org.opencontainers.image.base.digest"] = adapter.base.digest?.description
        annotations["org.opencontainers.image.description"] = adapter.notes.message
        annotations["org.opencontainers.image.licenses"] = adapter.notes.license
        return annotations
    }

    /// `8`, or `4-16` when modules differ; nil when there are none.
    private static func range(_ ascending: [String]) -> String? {
        guard let first = ascending.first, let last = ascending.last else { return nil }
        return first == last ? first : "\(first)-\(last)"
    }
}
