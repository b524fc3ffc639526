internal import AdapterFormat
internal import AdapterPictures
internal import AdapterRegistry
internal import AdapterTraining
internal import ArgumentParser
internal import ByteCoding
internal import Charts
internal import Integrity

struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "List the training runs in the registry, or show one with its loss curve.",
        discussion: """
              adapterctl runs
              adapterctl runs team/support:v1
              adapterctl runs team/support:v1 --plot loss.svg
            """)

    @Argument(help: "The adapter whose run is shown; default: all that were trained.")
    var reference: String?

    @Option(help: ArgumentHelp("Draw the losses into an SVG or HTML file.", valueName: "file"))
    var plot: String?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if plot != nil, reference == nil { throw ValidationError("--plot draws one run: name the adapter.") }
        if let plot { _ = try PictureFile(plot) }
    }

    func run() throws {
        let registry = try options.openRegistry(.readOnly)
        guard let reference else { return try list(registry) }
        let stored = try registry.resolve(Reference(parsing: reference))
        guard let run = StoredRun(try registry.open(stored).provenance(), digest: stored.digest) else {
            throw InputError(description: "Unable to show the run of '\(reference)': the adapter was not trained here.")
        }
        if let plot {
            try PictureFile(plot).write([LineChart(run.record)], title: "Loss of \(reference)")
        }
        let description = RunDescription(run: run)
        var document = description.document
        document["digest"] = .string(stored.digest.description)
        let settings = run.settings.sorted { $0.key.precedesInUTF8($1.key) }.map { key, value in
            "  \(key) = \(Format.printable(JSON.text(value)))"
        }
        try options.console.answer(
            .map(document), identifiers: [stored.digest.description],
            text: ([reference, description.text, "settings"] + settings).joined(separator: "\n"))
    }

    private func list(_ registry: Registry) throws {
        var table = TextTable(
            ["NAME", "STEPS", "LOSS", "VALIDATION", "TOKENS/S", "DIGEST"], rightAligned: [1, 2, 3, 4], fixed: [5],
            faint: [5], dispensable: [5, 4])
        var documents: [MetadataValue] = []
        var names: [String] = []
        for stored in try registry.list(ListQuery(operation: StoredRun.operation)) {
            guard let run = StoredRun(try registry.open(stored).provenance(), digest: stored.digest) else { continue }
            func decimal(_ value: Double?) -> String { value.map { Format.decimal($0, places: 4) } ?? "–" }
            table.add([
                stored.reference.description, "\(run.step)" + (run.isFinal ? "" : "…"),
                decimal(run.record.steps.last?.loss), decimal(run.record.best?.loss),
                Format.count(run.tokensPerSecond), stored.digest.abbreviated,
            ])
            var document = RunDescription(run: run).document
            document["record"] = nil
            document["reference"] = .string(stored.reference.description)
            document["digest"] = .string(stored.digest.description)
            documents.append(.map(document))
            names.append(stored.reference.description)
        }
        try options.console.answer(.array(documents), identifiers: names, text: table.text)
    }
}
