internal import ByteCoding
public import FileSystem

/// A folder in the form of the OCI image layout 1.0, which travels where no network does.
///
/// ```
/// <folder>/oci-layout            {"imageLayoutVersion":"1.0.0"}
/// <folder>/index.json            the manifests, tags as annotations
/// <folder>/blobs/sha256/<hex>    everything, manifests too
/// ```
public struct ImageLayout: ArtifactRepository {
    static let tagKey = "org.opencontainers.image.ref.name"
    private static let markText = #"{"imageLayoutVersion":"1.0.0"}"#

    /// The folder.
    public let folder: String

    /// A layout in a folder.
    public init(_ folder: String) { self.folder = folder }

    /// What messages call it.
    public var location: String { folder }

    private var indexPath: String { "\(folder)/index.json" }
    private var markPath: String { "\(folder)/oci-layout" }

    private func path(of digest: ContentDigest) -> String {
        "\(folder)/blobs/\(digest.algorithm.rawValue)/\(digest.hexadecimal)"
    }

    // MARK: Reading

    /// What the layout holds.
    ///
    /// - Throws: ``OCIError`` with code `notFound` when the folder is no layout, `invalidDocument` and others.
    public func index() throws -> ImageIndex {
        guard Directory.kind(of: markPath) == .file, Directory.kind(of: indexPath) == .file else {
            throw OCIError(
                .notFound,
                "Unable to read '\(folder)': it is no OCI image layout, 'oci-layout' and 'index.json' are expected.")
        }
        let mark = try JSONFields(
            parsing: try InputFile.contents(of: markPath, limit: 4096), kind: "layout's mark", limit: 4096)
        let version = try mark.string("imageLayoutVersion")
        guard version?.hasPrefix("1.") == true else {
            throw mark.invalid("its version is '\(version ?? "missing")', 1.0.0 is expected.")
        }
        return try ImageIndex(parsing: try InputFile.contents(of: indexPath, limit: ImageIndex.maximumByteCount))
    }

    /// The tags in the order of the index.
    public func tags() throws -> [String] { try index().manifests.compactMap { $0.annotations[ImageLayout.tagKey] } }

    /// A manifest by a tag, by a digest, or the only one when the selector is empty.
    ///
    /// - Throws: ``OCIError`` with code `notFound`, `digestMismatch` and others.
    public func manifest(_ selector: String) throws -> FetchedManifest {
        let manifests = try index().manifests
        let found: Descriptor
        if selector.isEmpty {
            let tagged = manifests.filter { $0.annotations[ImageLayout.tagKey] != nil }
            let candidates = tagged.isEmpty ? manifests : tagged
            guard let first = candidates.first, Set(candidates.map(\.digest)).count == 1 else {
                throw OCIError(
                    .notFound,
                    "Unable to choose from '\(folder)': it holds \(candidates.count) artifacts. Name a tag: "
                        + "oci:\(folder):TAG.")
            }
            found = first
        } else if let digest = try? ContentDigest(parsing: selector) {
            // Manifests that an index within the layout names need not stand in its own.
            let path = path(of: digest)
            found =
                try manifests.first { $0.digest == digest }
                ?? Descriptor(
                    mediaType: .manifest, digest: digest,
                    byteCount: Directory.kind(of: path) == .file ? InputFile(opening: path).byteCount : 0)
        } else {
            guard let first = manifests.first(where: { $0.annotations[ImageLayout.tagKey] == selector }) else {
                throw OCIError(
                    .notFound, "Unable to find '\(selector.printable(limit: 80))' in '\(folder)': it has no such tag.")
            }
            found = first
        }
        return FetchedManifest(mediaType: found.mediaType, digest: found.digest, bytes: try blob(found))
    }

    /// A small blob, whose digest is checked.
    public func blob(_ descriptor: Descriptor) throws -> [UInt8] {
        let file = try open(descriptor)
        guard file.byteCount <= 16 << 20 else {
            throw OCIError(.tooLarge, "Unable to read \(descriptor.digest) in '\(folder)': it is too long.")
        }
        let bytes = try file.read(at: 0, count: file.byteCount)
        guard ContentDigest.hash(bytes, algorithm: descriptor.digest.algorithm) == descriptor.digest else {
            throw damaged(descriptor)
        }
        return bytes
    }

    /// Copies a blob to a file; the copy has its digest.
    public func download(
        _ descriptor: Descriptor, to output: OutputFile, isAdapterFile: Bool, progress: (@Sendable (Int) -> Void)?
    ) throws -> FetchedBlob {
        let file = try open(descriptor)
        try output.resize(to: 0)
        output.seek(to: 0)
        var hasher = ContentHasher(descriptor.digest.algorithm)
        try file.forEachPiece(in: 0..<file.byteCount) { piece in
            hasher.update(piece)
            try output.write(piece)
            progress?(piece.count)
        }
        guard hasher.finalize() == descriptor.digest else {
            output.discard()
            throw damaged(descriptor)
        }
        return FetchedBlob(verification: nil, fetchedByteCount: file.byteCount)
    }

    private func open(_ descriptor: Descriptor) throws -> InputFile {
        do {
            let file = try InputFile(opening: path(of: descriptor.digest))
            guard file.byteCount == descriptor.byteCount else { throw damaged(descriptor) }
            return file
        } catch let error as FileSystemError where error.code == .notFound {
            throw OCIError(
                .notFound,
                "Unable to find \(descriptor.digest) in '\(folder)': the layout is incomplete. Export it again.")
        }
    }

    private func damaged(_ descriptor: Descriptor) -> OCIError {
        OCIError(
            .digestMismatch,
            "Unable to read \(descriptor.digest) in '\(folder)': the file has another length or digest. Export it again."
        )
    }

    // MARK: Writing

    /// Whether a blob is there.
    public func hasBlob(_ digest: ContentDigest) throws -> Bool { Directory.kind(of: path(of: digest)) == .file }

    /// There is nowhere else to take it from.
    public func mountBlob(_ digest: ContentDigest) throws -> Bool { false }

    /// Copies a blob into the layout; what is stored has the digest.
    @discardableResult
    public func upload(
        _ content: BlobContent, _ digest: ContentDigest, progress: (@Sendable (Int) -> Void)?
    ) throws -> SentBlob {
        let target = path(of: digest)
        try Directory.create(split(target).folder)
        let output = try OutputFile(beside: target)
        var hasher = ContentHasher(digest.algorithm)
        try content.forEachPiece { piece in
            hasher.update(piece)
            try output.write(piece)
            progress?(piece.count)
        }
        guard hasher.finalize() == digest else {
            throw OCIError(.digestMismatch, "Unable to write \(digest) to '\(folder)': the source has another digest.")
        }
        try output.commit(as: target)
        return SentBlob(sentByteCount: content.byteCount)
    }

    /// Stores a manifest and names it in the index; a tag that stood elsewhere moves.
    public func put(_ bytes: [UInt8], mediaType: MediaType, tags: [String]) throws {
        let descriptor = Descriptor(of: bytes, mediaType: mediaType)
        try add(bytes, descriptor, tags: tags)
    }

    /// Stores a manifest that is about another one.
    public func putReferrer(_ manifest: ImageManifest) throws {
        let bytes = manifest.bytes
        try add(
            bytes,
            Descriptor(
                of: bytes, mediaType: manifest.mediaType, annotations: manifest.annotations,
                artifactType: manifest.effectiveArtifactType), tags: [])
    }

    private func add(_ bytes: [UInt8], _ descriptor: Descriptor, tags: [String]) throws {
        try upload(.bytes(bytes), descriptor.digest, progress: nil)
        if Directory.kind(of: markPath) == nil {
            let mark = try OutputFile(beside: markPath)
            try mark.write(Array(ImageLayout.markText.utf8))
            try mark.commit(as: markPath)
        }
        // Two processes that write one layout take turns.
        let lock = try FileLock(waitingFor: markPath)
        try withExtendedLifetime(lock) {
            var index = Directory.kind(of: indexPath) == nil ? ImageIndex() : try self.index()
            index.manifests.removeAll { entry in
                entry.annotations[ImageLayout.tagKey].map { tags.contains($0) }
                    ?? (entry.digest == descriptor.digest)
            }
            if tags.isEmpty, !index.manifests.contains(where: { $0.digest == descriptor.digest }) {
                index.manifests.append(descriptor)
            }
            for tag in tags {
                var entry = descriptor
                entry.annotations[ImageLayout.tagKey] = tag
                index.manifests.append(entry)
            }
            let output = try OutputFile(beside: indexPath)
            try output.write(index.bytes)
            try output.commit(as: indexPath)
        }
    }

    /// The manifests of the index that are about another one.
    public func referrers(of digest: ContentDigest) throws -> [Descriptor] {
        try index().manifests.filter { entry in
            guard entry.digest != digest, entry.mediaType.isManifest else { return false }
            return try ImageManifest(parsing: try blob(entry)).subject?.digest == digest
        }
    }
}
