internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import Integrity
internal import OCIDistribution

struct TagCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag",
        abstract: "Give a stored adapter another name or move a tag.",
        discussion: """
            The move is recorded with time and user; see 'adapterctl history'.

              adapterctl tag team/support:v3 team/support:production
              adapterctl tag team/support:v3 team/support:production --expect sha256:…
            """)

    @Argument(help: "The stored adapter.")
    var reference: String

    @Argument(help: "The new reference.")
    var new: String

    @Option(name: .shortAndLong, help: "Why, for the history.")
    var message: String?

    @Flag(help: "Never let the new tag move or be removed.")
    var immutable = false

    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let registry = try options.openRegistry(.readWrite)
        let target = try Reference(parsing: new)
        let stored = try registry.tag(
            try Reference(parsing: reference), as: target, expected: try expectation.expectedTag,
            immutable: immutable, message: message)
        try options.console.answer(
            ["reference": .string(target.description), "digest": .string(stored.digest.description)],
            identifiers: [stored.digest.description], text: "\(target) → \(stored.digest)")
    }
}

struct UntagCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "untag", abstract: "Remove a tag; the adapter stays and can be reached by its digest.",
        discussion: "  adapterctl untag team/support:old")

    @Argument(help: "The tag to remove, NAME:TAG.")
    var reference: String

    @Option(name: .shortAndLong, help: "Why, for the history.")
    var message: String?

    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let reference = try Reference(parsing: reference)
        let registry = try options.openRegistry(.readWrite)
        let stored = try registry.resolve(reference)
        try registry.untag(reference, expected: try expectation.expectedTag, message: message)
        try options.console.answer(
            ["reference": .string(reference.description), "digest": .string(stored.digest.description)],
            identifiers: [stored.digest.description],
            text: "Removed the tag \(reference), which pointed to \(stored.digest)")
    }
}

struct RemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove an adapter from a repository, with the tags that point to it.",
        discussion: """
            The history stays, and so do the bytes until the registry is collected. A remote tag is removed alone; a remote
            digest is, with the tags that point to it.

              adapterctl rm team/support:v1
              adapterctl rm team/support:v1 --expect sha256:… -m 'learned from the wrong tickets'
              adapterctl rm oci://registry.example.com/team/support:v1
            """)

    @Argument(help: "The stored adapter, or oci://HOST/NAME with :TAG or @DIGEST.")
    var reference: String

    @Option(name: .shortAndLong, help: "Why, for the history.")
    var message: String?

    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup(title: "Remote registries") var connection: RemoteArguments
    @OptionGroup var options: GlobalOptions

    func run() throws {
        if RemoteReference.isRemote(reference) { return try removeRemote() }
        let reference = try Reference(parsing: reference)
        let registry = try options.openRegistry(.readWrite)
        let stored = try registry.resolve(reference)
        try registry.remove(reference, expected: try expectation.expectedTag, message: message)
        try options.console.answer(
            ["reference": .string(reference.description), "digest": .string(stored.digest.description)],
            identifiers: [stored.digest.description],
            text: "Removed \(stored.digest) from \(reference.repository)")
    }

    private func removeRemote() throws {
        let place = try RemoteReference(parsing: reference)
        guard place.tag != nil || place.digest != nil else {
            throw ValidationError("Name what to remove: \(place):TAG, or \(place)@DIGEST.")
        }
        guard message == nil, expectation.expect == nil else {
            throw ValidationError(
                "A remote registry keeps no history and compares nothing: leave out --message and --expect.")
        }
        let client = try connection.client(for: place)
        let digest = try place.digest ?? client.manifest(place.repository, place.selector).digest
        do {
            try client.deleteManifest(place.repository, place.selector)
        } catch var error as OCIError where place.digest == nil && [.unsupported, .rejected].contains(error.code) {
            error.message +=
                " Some registries remove no tags: \(place.pinned(digest)) is the manifest, with all of its tags."
            throw error
        }
        try options.console.answer(
            ["reference": .string(place.description), "digest": .string(digest.description)],
            identifiers: [digest.description], text: "Removed \(place), which pointed to \(digest)")
    }
}

struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show who moved which tag when, newest first.",
        discussion: """
            Prints the newest hundred and says how to go on, unless --limit or --everything says otherwise.

              adapterctl history team/support
              adapterctl history team/support:production
            """)

    @Argument(help: "NAME for all its tags, or NAME:TAG.")
    var name: String

    @Option(help: "At most this many, the newest.")
    var limit: Int?

    @Flag(help: "All of them.")
    var everything = false

    @Option(help: ArgumentHelp("Go on after this entry of the log, the last of the page before.", valueName: "entry"))
    var after: Int?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if limit != nil, everything { throw ValidationError("--limit and --everything exclude each other.") }
    }

    func run() throws {
        let registry = try options.openRegistry(.readOnly)
        let reference = try Reference(parsing: name)
        let hasTag = name.split(separator: "/").last?.contains(":") ?? false
        let pageSize = everything ? nil : limit ?? 100
        var events = try registry.history(
            reference.repository, tag: hasTag ? reference.tag : nil, after: after,
            limit: pageSize.map { $0 < .max ? $0 + 1 : $0 })
        let hasMore = pageSize.map { events.count > $0 } ?? false
        if hasMore { events.removeLast() }
        var table = TextTable(
            ["CHANGE", "TIME (UTC)", "ACTOR", "TAG", "ACTION", "FROM", "TO", "MESSAGE"], rightAligned: [0],
            fixed: [1, 4, 5, 6],
            faint: [5, 6], dispensable: [5, 2, 4, 0])
        for event in events {
            table.add([
                "\(event.generation)", Format.time(event.date), event.actor, event.reference.tag?.description ?? "",
                event.operation.rawValue,
                event.oldDigest?.abbreviated ?? "–", event.newDigest?.abbreviated ?? "–",
                Format.shortened(event.message ?? ""),
            ])
        }
        let documents = events.map { event -> MetadataValue in
            [
                "at": .string(event.date.description), "actor": .string(event.actor),
                "tag": MetadataValue(event.reference.tag?.description), "change": MetadataValue(event.generation),
                "entry": MetadataValue(event.id),
                "operation": .string(event.operation.rawValue),
                "from": MetadataValue(event.oldDigest?.description), "to": MetadataValue(event.newDigest?.description),
                "message": MetadataValue(event.message),
            ]
        }
        try options.console.answer(
            .array(documents), identifiers: events.compactMap(\.newDigest?.description), text: table.text)
        if hasMore, limit == nil, let last = events.last {
            options.console.warn("there are more; go on with --after \(last.id), or use --everything")
        }
    }
}
