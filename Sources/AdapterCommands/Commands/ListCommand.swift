public import AdapterRegistry
internal import Adapters
public import ArgumentParser
internal import ByteCoding
internal import Integrity
internal import OCIDistribution
internal import Tensors

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List stored adapters, or the tags of a remote repository.",
        discussion: """
            Prints the first hundred and says how to go on, unless --limit or --everything says otherwise.

              adapterctl list
              adapterctl list 'team/*' --target q_proj --sort created
              adapterctl list oci://registry.example.com/team/support
              adapterctl list oci://registry.example.com/
              adapterctl list --search 'customer support german*' --dtype bf16 --limit 20
            """)

    @Argument(
        help:
            "A name, or a pattern in which * stands for any text; oci://HOST/NAME for a remote repository's tags; oci://HOST/ for its repositories."
    )
    var pattern: String?

    @Option(help: ArgumentHelp("Only adapters over this base model.", valueName: "model"))
    var base: String?

    @Option(help: "Only adapters that were computed by this operation, such as merge or train.")
    var operation: String?

    @Option(
        name: .customLong("target"),
        help: "Only adapters that change a module of this name, such as q_proj; may be repeated.")
    var targets: [String] = []

    @Option(help: "Only adapters with this rank.")
    var rank: Int?

    @Option(name: .customLong("label"), help: "Only adapters with this label, KEY or KEY=VALUE; may be repeated.")
    var labels: [String] = []

    @Option(name: .customLong("dtype"), help: "Only adapters that hold this element type; may be repeated.")
    var dtypes: [DType] = []

    @Option(help: "Only entries with this tag; * stands for any text.")
    var tag: String?

    @Option(
        help:
            "Only adapters whose name, message, licence, base, modules or labels have all these words; WORD* matches beginnings."
    )
    var search: String?

    @Option(help: "The order: name, created, size, rank or parameters.")
    var sort: ListQuery.Order = .name

    @Flag(help: "Turn the order around.")
    var reverse = false

    @Option(help: "At most this many.")
    var limit: Int?

    @Flag(help: "All of them.")
    var everything = false

    @Option(help: "Go on after this reference, the last of the page before.")
    var after: String?

    @OptionGroup(title: "Remote registries") var connection: RemoteArguments
    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if limit != nil, everything { throw ValidationError("--limit and --everything exclude each other.") }
    }

    func run() throws {
        if let pattern, let remote = try RemoteReference.registry(parsing: pattern) {
            try refuseFilters(of: pattern)
            return try listRepositories(remote.scheme, remote.host)
        }
        if let pattern, let place = try RemotePlace(parsing: pattern) {
            try refuseFilters(of: pattern)
            return try listRemote(place)
        }
        let registry = try options.openRegistry(.readOnly)
        let pageSize = everything ? nil : limit ?? 100
        let query = ListQuery(
            pattern: pattern, base: base, operation: operation, targets: targets, ranks: rank.map { $0...$0 },
            dtypes: dtypes, tag: tag,
            text: search,
            labels: labels.map { label in
                let parts = label.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return ListQuery.Label(key: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : nil)
            }, order: sort, isReversed: reverse, limit: pageSize.map { $0 < .max ? $0 + 1 : $0 },
            after: try after.map { try Reference(parsing: $0) })
        var entries = try registry.list(query)
        let hasMore = pageSize.map { entries.count > $0 } ?? false
        if hasMore { entries.removeLast() }
        try options.console.answer(
            .array(entries.map(document)), identifiers: entries.map(\.reference.description), text: table(entries))
        if hasMore, limit == nil, let last = entries.last {
            options.console.warn("there are more; go on with --after \(last.reference), or use --everything")
        }
    }

    private func table(_ entries: [StoredAdapter]) -> String {
        guard !entries.isEmpty else { return "No adapters. Store one: adapterctl push FOLDER NAME" }
        var table = TextTable(
            ["NAME", "TAG", "RANK", "ALPHA", "PARAMS", "DTYPE", "SIZE", "BASE", "AGE", "DIGEST"],
            rightAligned: [2, 3, 4, 6, 8], fixed: [9], faint: [9], dispensable: [5, 4, 9, 3, 8, 7, 6])
        let now = Timestamp.now()
        for entry in entries {
            let summary = entry.summary
            table.add([
                entry.reference.repository.description, entry.reference.tag?.description ?? "",
                Format.range(summary.ranks, { String($0) }), Format.range(summary.alphas, Format.number),
                Format.count(summary.parameterCount), summary.dtypes.map(\.description).joined(separator: ", "),
                Format.bytes(entry.byteCount), summary.base.summary,
                Format.age(seconds: Int(now.milliseconds - entry.createdAt.milliseconds) / 1000),
                entry.digest.abbreviated,
            ])
        }
        return table.text
    }

    private func document(_ entry: StoredAdapter) -> MetadataValue {
        let summary = entry.summary
        return [
            "reference": .string(entry.reference.description), "digest": .string(entry.digest.description),
            "contentRoot": .string(entry.contentRoot.description), "base": summary.base.document,
            "ranks": .array(summary.ranks.map { [MetadataValue($0.lowerBound), MetadataValue($0.upperBound)] } ?? []),
            "alphas": .array(
                summary.alphas.map { [MetadataValue($0.lowerBound), MetadataValue($0.upperBound)] } ?? []),
            "parameterCount": MetadataValue(summary.parameterCount), "moduleCount": MetadataValue(summary.moduleCount),
            "targetModules": .array(summary.targetModules.map { .string($0) }),
            "dtypes": .array(summary.dtypes.map { .string($0.description) }),
            "byteCount": MetadataValue(entry.byteCount), "createdAt": .string(entry.createdAt.description),
            "message": MetadataValue(summary.message), "license": MetadataValue(summary.license),
            "labels": .map(summary.labels.mapValues { .string($0) }),
            "operation": MetadataValue(summary.operation), "kind": .string(entry.kind.rawValue),
            "immutable": .bool(entry.tag?.isImmutable ?? false),
        ]
    }
}

extension ListQuery.Order: ExpressibleByArgument {}
