internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import Integrity
internal import OCIDistribution
internal import Tensors

extension ListCommand {
    /// Throws when the adapters shall be chosen by what only the local registry knows.
    func refuseFilters(of place: String) throws {
        let given: [(String, Bool)] = [
            ("--base", base != nil), ("--operation", operation != nil), ("--target", !targets.isEmpty),
            ("--rank", rank != nil), ("--label", !labels.isEmpty), ("--dtype", !dtypes.isEmpty), ("--tag", tag != nil),
            ("--search", search != nil), ("--sort", sort != .name), ("--reverse", reverse), ("--after", after != nil),
        ]
        guard let option = given.first(where: \.1)?.0 else { return }
        throw ValidationError(
            "\(option) is for the local registry: '\(place)' is listed in its own order. Choose from --json instead.")
    }

    /// Lists the repositories of a remote registry.
    func listRepositories(_ scheme: RemoteReference.Scheme, _ host: RegistryHost) throws {
        let client = try RegistryClient(
            host, scheme: scheme, credentials: connection.credentials, options: connection.clientOptions())
        let progress = options.console.progress("Listing repositories")
        progress.count(0, of: 0)
        let names = try client.repositories { progress.advance(by: $0) }.map(\.description)
        progress.finish()
        let shown = everything ? names : Array(names.prefix(limit ?? 100))
        if names.count > shown.count, !options.quiet {
            options.console.warn("\(names.count - shown.count) more repositories; list them with --everything")
        }
        try options.console.answer(
            .array(shown.map { ["repository": .string($0)] }), identifiers: options.quiet ? names : shown,
            text: shown.isEmpty ? "No repositories." : shown.joined(separator: "\n"))
    }

    /// Lists the tags of a remote repository or of an image layout.
    func listRemote(_ place: RemotePlace) throws {
        let repository = try place.repository(connection)
        let tags: [String]
        switch place {
        case .registry(let reference):
            let client = try connection.client(for: reference)
            let progress = options.console.progress("Listing tags")
            progress.count(0, of: 0)
            tags = try client.tags(reference.repository) { progress.advance(by: $0) }.map(\.description)
            progress.finish()
        case .layout(let layout, _): tags = try layout.tags()
        }
        // Only names are asked for: no manifest need be fetched.
        if options.quiet, !options.json {
            return try options.console.answer(.null, identifiers: tags, text: "")
        }
        let shown = everything ? tags : Array(tags.prefix(limit ?? 100))
        let progress = options.console.progress("Reading manifests")
        progress.count(0, of: shown.count)
        let entries = try Concurrent.map(shown, workerCount: 8) { tag in
            let entry = try RemoteEntry(tag, from: repository)
            progress.advance(by: 1)
            return entry
        }
        progress.finish()
        if tags.count > shown.count {
            options.console.warn(
                "\(tags.count - shown.count) more tags; list them with --everything, or their names alone with --quiet")
        }
        var table = TextTable(
            ["TAG", "RANK", "ALPHA", "SIZE", "BASE", "DIGEST"], rightAligned: [3], fixed: [1, 2, 5], faint: [5],
            dispensable: [2, 5, 4])
        for entry in entries { table.add(entry.row) }
        try options.console.answer(.array(entries.map(\.metadata)), identifiers: tags, text: table.text)
    }
}

/// A tag of a remote repository and what its manifest says.
private struct RemoteEntry: Sendable {
    let tag: String
    let digest: ContentDigest
    let package: FetchedPackage?

    init(_ tag: String, from repository: any ArtifactRepository) throws {
        self.tag = tag
        let fetched = try repository.manifest(tag)
        digest = fetched.digest
        do {
            package = try FetchedPackage(fetched, named: tag, from: repository)
        } catch let error as OCIError where [.wrongKind, .invalidDocument].contains(error.code) {
            // Other people's artifacts, which a repository may hold too.
            package = nil
        }
    }

    var row: [String] {
        guard let package else { return [tag, "–", "–", "–", "–", digest.abbreviated] }
        return [
            tag, package.note("adapter.rank") ?? "–", package.note("adapter.alpha") ?? "–",
            Format.bytes(package.byteCount), package.note("base.name") ?? "–", digest.abbreviated,
        ]
    }

    var metadata: MetadataValue {
        var entries: [String: MetadataValue] = ["tag": .string(tag), "digest": .string(digest.description)]
        if let package {
            entries["byteCount"] = MetadataValue(package.byteCount)
            entries["contentRoot"] = package.contentRoot.map { .string($0.description) }
            for (name, key) in [
                ("rank", "adapter.rank"), ("alpha", "adapter.alpha"), ("targets", "adapter.targets"),
                ("base", "base.name"),
            ] {
                entries[name] = package.note(key).map { .string($0) }
            }
        }
        return .map(entries)
    }
}
