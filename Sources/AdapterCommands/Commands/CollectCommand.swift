internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import Integrity

struct CollectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Remove stored files that nothing needs; a dry run unless --apply.",
        discussion: """
            A file is needed while a repository has it as a version, while a running command works with it, and, unless \
            --drop-parents, while an adapter in use was computed from it. With --keep-last or --keep-younger untagged \
            versions are retired first, but for those that either keeps; tagged ones always stay.

              adapterctl gc
              adapterctl gc --apply --grace 0
              adapterctl gc --apply --keep-last 5 --keep-younger 30d --names 'team/*'
            """)

    @Flag(help: "Remove them.")
    var apply = false

    @Option(
        help: ArgumentHelp("Keep files for so long after nothing needs them: 90s, 30m, 24h, 7d, 0.", valueName: "time"))
    var grace = TimeSpan.day

    @Option(help: ArgumentHelp("Retire untagged versions but the last so many of each name.", valueName: "n"))
    var keepLast: Int?

    @Option(help: ArgumentHelp("Retire untagged versions but those younger than this.", valueName: "time"))
    var keepYounger: TimeSpan?

    @Option(help: ArgumentHelp("Retire only versions of these names; * stands for any text.", valueName: "pattern"))
    var names: String?

    @Flag(help: "Also remove what adapters in use were computed from; these can then not be computed again.")
    var dropParents = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let keepLast, keepLast < 0 { throw ValidationError("--keep-last must be at least 0.") }
        guard names == nil || keepLast != nil || keepYounger != nil else {
            throw ValidationError("--names goes with --keep-last or --keep-younger.")
        }
    }

    func run() throws {
        let isRetiring = keepLast != nil || keepYounger != nil
        let rules = CollectionRules(
            grace: grace.duration, keepsParents: !dropParents,
            retention: isRetiring
                ? .init(pattern: names, keepLast: keepLast, keepYounger: keepYounger?.duration) : nil)
        let report: CollectionReport
        if apply {
            let drawing = options.console.progress("Removing")
            report = try options.openRegistry(.readWrite).collect(rules) { drawing.count($0, of: $1) }
            drawing.finish()
        } else {
            let drawing = options.console.progress("Examining")
            report = try options.openRegistry(.readOnly).previewCollection(rules)
            drawing.finish()
        }
        try options.console.answer(
            document(report), identifiers: report.files.map(\.digest.description), text: text(report))
    }

    private func document(_ report: CollectionReport) -> MetadataValue {
        [
            "applied": .bool(apply), "byteCount": MetadataValue(report.byteCount),
            "retired": .array(report.retired.map { .string($0.description) }),
            "files": .array(
                report.files.map { file in
                    [
                        "digest": .string(file.digest.description), "byteCount": MetadataValue(file.byteCount),
                        "unknown": .bool(file.isUnknown),
                    ]
                }),
            "waiting": MetadataValue(report.waitingCount), "parents": MetadataValue(report.parentCount),
            "leased": MetadataValue(report.leasedCount),
        ]
    }

    private func text(_ report: CollectionReport) -> String {
        var lines = report.retired.map { "\(apply ? "retired" : "would retire")  \($0)" }
        lines += report.files.map { file in
            "\(apply ? "removed" : "would remove")  \(file.digest)  \(Format.bytes(file.byteCount))"
                + (file.isUnknown ? "  (not in the catalog)" : "")
        }
        lines.append(
            "\(report.files.count) files, \(Format.bytes(report.byteCount)) \(apply ? "freed" : "to free with --apply")"
        )
        let kept = [
            (report.waitingCount, "unused for less than \(grace.description)"),
            (report.parentCount, "needed to compute adapters in use again"),
            (report.leasedCount, "in use by running commands"),
        ]
        lines += kept.filter { $0.0 > 0 }.map { "\($0.0) kept: \($0.1)" }
        return lines.joined(separator: "\n")
    }
}
