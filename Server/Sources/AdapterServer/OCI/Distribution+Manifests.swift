import AdapterRegistry
import HTTPTypes
import HummingbirdCore
import Integrity
import OCIDistribution

// Manifests: end-3, end-7 and end-9.
extension Distribution {
    /// How many tags one request may set.
    private static let maximumTagCount = 100

    /// end-3: a manifest, byte for byte as it was pushed, or as it follows from an adapter of the registry's own.
    func manifest(_ selector: Selector, in name: RepositoryName, _ call: Call) async throws -> Reply {
        try call.require(.read, name)
        let found = try await work.run { () throws -> PackageManifest? in
            switch selector {
            case .digest(let digest):
                return try call.registry.packageManifest(digest.description, in: name)
                    ?? rendered.manifest(digest, in: name, of: call.registry)
            case .tag(let tag):
                switch try call.registry.taggedPackage(tag, in: name) {
                case .manifest(let manifest): return manifest
                case .adapter(let stored): return try rendered.manifest(of: stored, by: call.registry)
                case nil: return nil
                }
            }
        }
        guard let found else { throw unknown(selector, name) }
        let tag = "\"\(found.digest)\""
        let headers: HTTPFields = [
            .contentType: found.mediaType, .contentDigest: found.digest, .eTag: tag,
            .cacheControl: "no-cache",
        ]
        if let condition = call.request.headers[.ifNoneMatch], condition == tag || condition == "*" {
            return Reply(.notModified, headers)
        }
        return Reply(.ok, headers, body: .bytes(found.bytes))
    }

    /// end-7: stores a manifest and sets tags to it.
    func putManifest(_ selector: Selector, in name: RepositoryName, _ call: Call) async throws -> Reply {
        try call.require(.write, name)
        var body = try await call.body(limit: ImageManifest.maximumByteCount)
        let bytes = try await body.all()
        let algorithm: ContentDigest.Algorithm =
            if case .digest(let digest) = selector { digest.algorithm } else { .sha256 }
        let digest = ContentDigest.hash(bytes, algorithm: algorithm)
        var tags = try call.target.values("tag").map(Distribution.tag)
        switch selector {
        case .digest(let expected) where expected != digest:
            throw Failure(
                .badRequest, .digestInvalid,
                "Unable to store the manifest: it has the digest \(digest), \(expected) was announced.")
        case .digest: break
        case .tag(let tag): tags.append(tag)
        }
        guard tags.count <= Distribution.maximumTagCount else {
            throw Failure(
                HTTPResponse.Status(code: 414, reasonPhrase: "URI Too Long"), .unsupported,
                "Unable to set \(tags.count) tags at once, at most \(Distribution.maximumTagCount) are possible.")
        }
        let pushed = try PushedManifest(bytes, digest: digest, type: call.request.headers[.contentType])
        let wanted = tags
        do {
            try await work.run {
                var manifest = pushed.manifest
                try storeRendered(pushed, in: name, call.registry)
                if let layout = pushed.layout, let tag = wanted.first {
                    // Before the tag moves for the sake of a manifest that is refused.
                    try call.registry.checkPackage(needing: pushed.blobs, and: pushed.manifests, in: name)
                    manifest.adapter = try layout.store(
                        in: call.registry, as: Reference(name, tag: tag), through: options.cacheFolder)
                }
                try call.registry.push(
                    manifest, needing: pushed.blobs, and: pushed.manifests, tags: wanted, in: name)
                try attachDocuments(of: manifest, in: name, call.registry)
            }
        } catch let error as RegistryError where error.code == .notFound {
            throw Failure(.badRequest, .manifestBlobUnknown, error.message)
        } catch let error as RegistryError where error.code == .damagedBlob {
            throw Failure(.badRequest, .manifestInvalid, error.message)
        }
        var headers: HTTPFields = [
            .location: "/v2/\(name)/manifests/\(digest)", .contentDigest: digest.description,
        ]
        headers[.ociSubject] = pushed.manifest.subject
        if !call.target.values("tag").isEmpty { headers[.ociTag] = wanted.map(\.description).joined(separator: ", ") }
        return Reply(.created, headers)
    }

    /// Stores what a manifest needs and what clients see here although nobody has pushed it: they do not send that.
    private func storeRendered(_ pushed: PushedManifest, in name: RepositoryName, _ registry: Registry) throws {
        for digest in pushed.blobs where try registry.packageBlob(digest, in: name) == nil {
            try rendered.store(ContentDigest(parsing: digest), in: name, of: registry)
        }
        for digest in pushed.manifests where try registry.packageManifest(digest, in: name) == nil {
            try rendered.store(ContentDigest(parsing: digest), in: name, of: registry)
        }
    }

    /// end-9: removes a tag, or a manifest with its tags.
    func removeManifest(_ selector: Selector, in name: RepositoryName, _ call: Call) async throws -> Reply {
        try call.require(.admin, name)
        do {
            try await work.run {
                switch selector {
                case .tag(let tag): try call.registry.removePackageTag(tag, in: name)
                case .digest(let digest):
                    let found = try rendered.manifest(digest, in: name, of: call.registry)
                    let own = found?.adapter
                    if try call.registry.packageManifest(digest.description, in: name) != nil {
                        try call.registry.removePackageManifest(digest.description, in: name)
                    } else if found == nil {
                        throw unknown(selector, name)
                    } else if own == nil {
                        throw Failure(
                            .methodNotAllowed, .unsupported,
                            "Unable to remove \(digest) from '\(name)': it is a document of an adapter and goes with that."
                        )
                    }
                    // The manifest of an adapter of the registry's own goes with the adapter.
                    if let own {
                        do {
                            try call.registry.remove(Reference(name, digest: own))
                        } catch let error as RegistryError where error.code == .notFound {
                            // It went with its last manifest.
                        }
                    }
                }
            }
        } catch let error as RegistryError where error.code == .notFound {
            throw Failure(.notFound, .manifestUnknown, error.message)
        }
        return Reply(.accepted)
    }

    private func unknown(_ selector: Selector, _ name: RepositoryName) -> Failure {
        let text =
            switch selector {
            case .tag(let tag): "\(name):\(tag)"
            case .digest(let digest): "\(name)@\(digest)"
            }
        return Failure(.notFound, .manifestUnknown, "Unable to find '\(text)': there is no such manifest.")
    }
}

/// A manifest or an index that a client pushes, and what it needs.
private struct PushedManifest: Sendable {
    var manifest: PackageManifest
    var blobs: [String] = []
    var manifests: [String] = []
    /// PEFT's files, when it has these and no file of our own.
    var layout: PEFTLayout?

    init(_ bytes: [UInt8], digest: ContentDigest, type: String?) throws {
        let announced: MediaType?
        let document: Document
        do {
            announced = try type.map { try MediaType(parsingHeader: $0) }
            document = try Document(bytes, announced)
        } catch let error as OCIError {
            throw Failure(.badRequest, .manifestInvalid, error.message)
        }
        manifest = PackageManifest(
            digest: digest.description, mediaType: document.mediaType.description,
            artifactType: document.artifactType?.description, subject: document.subject?.digest.description,
            annotations: document.annotations, bytes: bytes)
        switch document.content {
        case .manifest(let image):
            // What registries must not have, clients get elsewhere.
            blobs = ([image.configuration] + image.layers).filter { !$0.mediaType.isNondistributable }
                .map(\.digest.description)
            switch FetchedPackage.content(of: image) {
            case .adapter(let file): manifest.adapter = file.digest.sha256
            case .peft(let configuration, let tensors):
                layout = PEFTLayout(tensors: tensors.digest, configuration: configuration.digest)
            case nil: break
            }
        case .index(let index): manifests = index.manifests.map(\.digest.description)
        }
    }

    private struct Document {
        enum Content {
            case manifest(ImageManifest)
            case index(ImageIndex)
        }

        var content: Content
        var mediaType: MediaType
        var artifactType: MediaType?
        var subject: Descriptor?
        var annotations: [String: String]

        init(_ bytes: [UInt8], _ announced: MediaType?) throws(OCIError) {
            let isIndex: Bool
            if let announced, announced.isIndex || announced.isManifest {
                isIndex = announced.isIndex
            } else {
                // Whoever does not say what it is has written it into the document.
                do throws(OCIError) {
                    _ = try ImageIndex(parsing: bytes)
                    isIndex = true
                } catch {
                    isIndex = false
                }
            }
            if isIndex {
                let index = try ImageIndex(parsing: bytes, mediaType: announced)
                (content, mediaType, subject) = (.index(index), index.mediaType, index.subject)
                (artifactType, annotations) = (index.artifactType, index.annotations)
            } else {
                let image = try ImageManifest(parsing: bytes, mediaType: announced)
                (content, mediaType, subject) = (.manifest(image), image.mediaType, image.subject)
                (artifactType, annotations) = (image.effectiveArtifactType, image.annotations)
            }
        }
    }
}

extension MediaType {
    /// Whether registries may lack content of this type: layers with a licence against copying.
    var isNondistributable: Bool {
        description.hasPrefix("application/vnd.oci.image.layer.nondistributable.")
            || description == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    }
}
