internal import AdapterFormat
internal import AdapterInterchange
internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import FileSystem
internal import Integrity
internal import OCIDistribution

extension PullCommand {
    /// Fetches an adapter from a remote registry or an image layout, into this registry or to disk.
    func pullRemote(_ place: RemotePlace) throws {
        let repository = try place.repository(connection)
        if let outputPath {
            guard target == nil else {
                throw ValidationError("Pull to a name or with -o to disk, one at a time.")
            }
            return try pull(from: repository, place, toDisk: outputPath)
        }
        guard layoutArguments.layout == nil, !force else {
            throw ValidationError("--as and --force are for pulling to disk with -o.")
        }
        try pull(from: repository, place, as: try targetReference(place))
    }

    /// The name in this registry.
    private func targetReference(_ place: RemotePlace) throws -> Reference {
        if let target { return try Reference(parsing: target) }
        switch place {
        case .registry(let remote) where remote.tag != nil || remote.digest == nil:
            return Reference(remote.repository, tag: remote.tag ?? .latest)
        case .registry:
            throw ValidationError("Under which name? A digest is none: adapterctl pull \(reference) NAME:TAG.")
        case .layout:
            throw ValidationError("Under which name? adapterctl pull \(reference) NAME:TAG.")
        }
    }

    // MARK: To this registry

    private func pull(from repository: any ArtifactRepository, _ place: RemotePlace, as target: Reference) throws {
        let package = try FetchedPackage(place.selector, from: repository)
        let registry = try options.openRegistry(.readWrite)
        let expected = try expectation.expectedTag
        let message = "pulled from \(place.description)"
        let stored: StoredAdapter
        var fetchedByteCount = 0
        var isPresent = false
        if case .adapter(let descriptor) = package.content, let digest = descriptor.digest.sha256,
            let found = try registry.adopt(digest, as: target, expected: expected, message: message)
        {
            stored = found
            isPresent = true
        } else {
            let progress = options.console.progress("Pulling", totalByteCount: package.byteCount)
            let fetched = try FetchedAdapter(
                package, from: repository, in: try registry.transferFolder(), limits: options.limits, progress: progress
            )
            progress.finish()
            fetchedByteCount = fetched.fetchedByteCount
            do {
                stored = try registry.receive(
                    fetched.output, digest: fetched.digest, verification: fetched.verification, as: target,
                    expected: expected, message: message)
            } catch let error as FormatError {
                // It has its digest and is no valid adapter file: fetching it again would not help.
                fetched.output.discard()
                throw error
            }
        }
        let documentCount =
            noDocuments ? 0 : try attachDocuments(about: package, from: repository, to: stored, registry)
        try options.console.answer(
            [
                "source": .string(place.description), "reference": .string(target.description),
                "manifest": .string(package.fetched.digest.description), "digest": .string(stored.digest.description),
                "contentRoot": .string(stored.contentRoot.description),
                "fetchedByteCount": MetadataValue(fetchedByteCount),
                "documentCount": MetadataValue(documentCount),
            ], identifiers: [stored.digest.description],
            text: """
                Pulled \(place.description) as \(target), verified
                  digest        \(stored.digest)
                  content root  \(stored.contentRoot)
                  \(isPresent ? "was here already" : Format.bytes(fetchedByteCount) + " fetched")\
                \(documentCount > 0 ? " · \(documentCount) document\(documentCount == 1 ? "" : "s")" : "")
                """)
    }

    /// Attaches what came along and is about the adapter; says what is not.
    private func attachDocuments(
        about package: FetchedPackage, from repository: any ArtifactRepository, to stored: StoredAdapter,
        _ registry: Registry
    ) throws -> Int {
        let documents = try PackageDocument.fetch(about: package.fetched.digest, from: repository) {
            options.console.warn($0)
        }
        var count = 0
        for document in documents {
            do {
                try registry.attach(document.text, named: document.fileName, kind: document.kind, to: stored.pinned)
                count += 1
            } catch let error as RegistryError where error.code == .wrongKind {
                options.console.warn(error.message)
            }
        }
        return count
    }

    // MARK: To disk

    private func pull(from repository: any ArtifactRepository, _ place: RemotePlace, toDisk output: String) throws {
        let layout = layoutArguments.layout(for: output)
        if layout == .adpt { try checkFree(output) }
        let package = try FetchedPackage(place.selector, from: repository)
        let (folder, _) = split(output)
        try Directory.create(folder)
        // Beside the result, so that the last step is a rename; hidden, and gone on with after an interruption.
        let transfers = "\(folder)/.adapterctl-transfers"
        try Directory.create(transfers)
        let answer = try write(package, from: repository, to: output, layout, in: transfers)
        if try Directory.names(in: transfers).isEmpty { try Directory.remove(transfers) }
        var document = answer
        document["source"] = .string(place.description)
        try options.console.answer(
            .map(document), identifiers: [output],
            text: "Pulled \(place.description) to \(output) as \(layout.name), verified as "
                + "\(document["contentRoot"]?.string ?? "")")
    }

    private func write(
        _ package: FetchedPackage, from repository: any ArtifactRepository, to output: String, _ layout: OutputLayout,
        in transfers: String
    ) throws -> [String: MetadataValue] {
        let progress = options.console.progress("Pulling", totalByteCount: package.byteCount)
        let fetched = try FetchedAdapter(
            package, from: repository, in: transfers, limits: options.limits, progress: progress)
        progress.finish()
        try fetched.file.verifyContent(arrived: fetched.verification)
        switch (layout, fetched.folder) {
        case (.adpt, _): try fetched.output.commit(as: output)
        case (.foreign(.peft), let files?):
            // As it came, byte for byte.
            let target = try OutputDirectory(creating: output, replacing: force)
            for name in try Directory.names(in: files.temporaryPath) {
                _ = try Directory.move("\(files.temporaryPath)/\(name)", to: "\(target.temporaryPath)/\(name)")
            }
            try target.commit()
        case (.foreign, _):
            let export = AdapterExport(
                adapter: fetched.file.adapter, layout: layout, path: output,
                writing: try layoutArguments.loss.writing(base: baseArguments.base, replacing: force), options: options)
            try export.prepare().commit()
            fetched.output.discard()
        }
        return [
            "manifest": .string(package.fetched.digest.description), "digest": .string(fetched.digest.description),
            "contentRoot": .string(fetched.file.contentRoot.description), "path": .string(output),
            "layout": .string(layout.name), "fetchedByteCount": MetadataValue(fetched.fetchedByteCount),
        ]
    }
}
