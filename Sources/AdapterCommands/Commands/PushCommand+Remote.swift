internal import AdapterFormat
internal import AdapterInterchange
internal import AdapterRegistry
internal import Adapters
public import ArgumentParser
internal import ByteCoding
internal import FileSystem
internal import Integrity
public import OCIDistribution

extension PushCommand {
    /// Copies a stored adapter, or one on disk, to remote registries or image layouts.
    func pushRemote(to places: [RemotePlace]) throws {
        let registry = try options.openRegistry(.readWrite)
        let source = try PushSource(path, registry, options)
        let scratch = try remote.layout == .peft ? source.exportPEFT() : nil
        let package: AdapterPackage
        let weights: InputFile
        if let scratch {
            package = try AdapterPackage(source.file, peftFolder: scratch.temporaryPath)
            weights = try InputFile(opening: "\(scratch.temporaryPath)/\(PEFT.tensorsName)")
        } else {
            package = try AdapterPackage(source.file, digest: source.digest)
            weights = try InputFile(opening: source.file.path)
        }
        let documents = remote.noDocuments ? [] : try source.documents(registry)
        let noteFolder = try registry.transferFolder()
        var results: [MetadataValue] = []
        var lines: [String] = []
        var digest = ContentDigest(source.digest)
        var earlier: [RemoteReference] = []
        for place in places {
            var clientOptions = connection.clientOptions()
            clientOptions.chunkByteCount = remote.chunkSize?.byteCount
            let sources = try remote.mountFrom.map { try RepositoryName(parsing: $0) }
            let neighbours = place.neighbours(among: earlier)
            let repository = try place.repository(
                connection, clientOptions, noteFolder: noteFolder, mountSources: sources + neighbours)
            let progress = options.console.progress("Pushing", totalByteCount: weights.byteCount)
            let push = try PackagePush(
                package, weights: weights, documents: documents, to: repository, tags: place.tags,
                progress: { progress.advance(by: $0) })
            progress.finish()
            if case .registry(let reference) = place { earlier.append(reference) }
            digest = push.digest
            results.append(push.metadata(at: place))
            lines.append(
                """
                Pushed \(path) to \(place.description)
                  digest        \(push.digest)
                  content root  \(source.file.contentRoot)
                  \(push.summary)
                """)
        }
        withExtendedLifetime(scratch) {}
        let document: MetadataValue = [
            "source": .string(path), "digest": .string(digest.description),
            "contentRoot": .string(source.file.contentRoot.description), "layout": .string(remote.layout.rawValue),
            "pushed": .array(results),
        ]
        try options.console.answer(
            document, identifiers: [digest.description], text: lines.joined(separator: "\n"))
    }
}

/// The adapter that is pushed: stored, or on disk.
private struct PushSource {
    let file: AdapterFile
    let digest: Digest
    private let stored: StoredAdapter?
    /// Holds the file that was made from a folder.
    private let temporary: OutputFile?
    private let scratchFolder: String

    init(_ text: String, _ registry: Registry, _ options: GlobalOptions) throws {
        scratchFolder = try registry.transferFolder()
        switch try Subject(parsing: text) {
        case .reference(let reference):
            let stored = try registry.resolve(reference)
            file = try registry.open(stored)
            digest = stored.digest
            self.stored = stored
            temporary = nil
        case .path:
            let loaded = try LoadedAdapter(.path(text), label: text, options: options)
            stored = nil
            if let file = loaded.file {
                self.file = file
                temporary = nil
                digest = try file.verify()
            } else {
                let output = try OutputFile(in: scratchFolder)
                _ = try AdapterFileWriter.write(loaded.adapter, to: output)
                file = try AdapterFile(opening: output.temporaryPath, limits: options.limits)
                digest = try file.digest()
                temporary = output
            }
        }
    }

    /// Writes the adapter as a PEFT folder that goes with the result.
    func exportPEFT() throws -> OutputDirectory {
        // The file itself is not sent, so no upload compares it with its name.
        if let stored, try file.digest() != digest {
            throw FormatError(
                .digestMismatch,
                "Unable to push '\(stored.reference)': the stored file does not have the digest \(digest). Push or pull "
                    + "it again.")
        }
        return try PEFT.prepare(file.adapter, asFolder: "\(scratchFolder)/peft-\(file.contentRoot.hexadecimal)")
    }

    func documents(_ registry: Registry) throws -> [PackageDocument] {
        guard let stored else { return [] }
        return try registry.documents(of: stored).map { document in
            PackageDocument(kind: document.kind, name: document.name, text: try registry.text(of: document))
        }
    }
}

extension RemotePlace {
    /// Other repositories of the same registry.
    fileprivate func neighbours(among references: [RemoteReference]) -> [RepositoryName] {
        guard case .registry(let reference) = self else { return [] }
        return references.filter { $0.host == reference.host && $0.repository != reference.repository }
            .map(\.repository)
    }
}

extension PackagePush {
    fileprivate func metadata(at place: RemotePlace) -> MetadataValue {
        [
            "destination": .string(place.description), "digest": .string(digest.description),
            "sentByteCount": MetadataValue(sentByteCount), "presentByteCount": MetadataValue(presentByteCount),
            "resumedByteCount": MetadataValue(resumedByteCount),
            "mountedByteCount": MetadataValue(mountedByteCount), "documentCount": MetadataValue(documentCount),
        ]
    }

    fileprivate var summary: String {
        [
            "\(Format.bytes(sentByteCount)) sent",
            resumedByteCount > 0 ? "\(Format.bytes(resumedByteCount)) were sent before" : nil,
            presentByteCount > 0 ? "\(Format.bytes(presentByteCount)) were there" : nil,
            mountedByteCount > 0 ? "\(Format.bytes(mountedByteCount)) taken over" : nil,
            documentCount > 0 ? "\(documentCount) document\(documentCount == 1 ? "" : "s")" : nil,
        ].compactMap { $0 }.joined(separator: " · ")
    }
}

/// What `push` is told about remote places.
struct RemotePushArguments: ParsableArguments {
    @Option(
        help: "What a remote registry gets: adpt (default) or peft, safetensors for consumers that know nothing else.")
    var layout: AdapterPackage.Layout = .adpt

    @Flag(help: "Push no provenance statements, bills of materials and signatures along.")
    var noDocuments = false

    @Option(
        help: ArgumentHelp(
            "A repository of the same registry that may have the bytes already; may be repeated.", valueName: "name"))
    var mountFrom: [String] = []

    @Option(
        help: ArgumentHelp(
            "Upload in requests of at most this many bytes (suffixes k, M, G); default: one.", valueName: "bytes"))
    var chunkSize: ByteLimit?
}

extension AdapterPackage.Layout: ExpressibleByArgument {}
