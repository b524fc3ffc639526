internal import AdapterArithmetic
internal import AdapterFormat
internal import AdapterRegistry
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import Integrity

struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show how two adapters differ: what is said of them, modules, and ‖ΔW_A − ΔW_B‖.",
        discussion: """
            ΔW is compared, not the factors: two adapters with other factors of the same product do the same. The \
            distance of a module is relative to the larger of both norms, so it goes from 0 to 2. Biases, magnitudes and \
            replaced weights are compared by value. What only one adapter has counts as changed by all of its norm.

            Ends with 0. With --exit-code it ends with 2, a mismatch, when the adapters do different things: another base \
            model or behaviour, or a distance above --tolerance anywhere. Names, messages, ranks and types alone do not count.

              adapterctl diff team/a:v1 team/a:v2
              adapterctl diff ./before ./after.adpt --exit-code --tolerance 1e-6
              adapterctl diff team/a:v1 team/a:v2 --json
            """)

    @Argument(help: "A stored adapter, an .adpt file or a PEFT folder.")
    var first: String

    @Argument(help: "The other one.")
    var second: String

    @Flag(help: "End with 2 when the adapters do different things.")
    var exitCode = false

    @Option(help: "The relative distance up to which two modules count as equal.")
    var tolerance = 0.0

    @Option(
        help: ArgumentHelp(
            "Draw the distances by layer and kind of module into an SVG or HTML file.", valueName: "file"))
    var plot: String?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard tolerance >= 0, tolerance.isFinite else { throw ValidationError("--tolerance must be at least 0.") }
        if let plot { _ = try PictureFile(plot) }
    }

    func run() throws {
        let sides = try [first, second].map {
            try LoadedAdapter(try Subject(parsing: $0), label: $0, options: options)
        }
        let byteCount = sides.reduce(0) { $0 + $1.adapter.tensorByteCount }
        let progress = options.console.progress("Comparing", totalByteCount: byteCount)
        let inputs = sides.map { MergeInput(adapter: $0.adapter, label: $0.label) }
        let description = DifferenceDescription(
            first: sides[0], second: sides[1],
            fields: FieldDifference.between(try DiffCommand.fields(sides[0]), try DiffCommand.fields(sides[1])),
            difference: try AdapterDifference(inputs[0], inputs[1], progress: progress.advance), tolerance: tolerance)
        progress.finish()
        if let plot {
            try PictureFile(plot).write([description.chart], title: "\(first) and \(second)")
        }
        try options.console.answer(
            description.document, identifiers: description.changedModules.map { Format.printable($0.name) },
            text: description.text)
        try Failure.endDamaged(if: exitCode && description.verdict == .different)
    }

    /// What is said of an adapter besides its modules.
    private static func fields(_ side: LoadedAdapter) throws -> MetadataValue {
        var fields: [String: MetadataValue] = [
            "base": side.adapter.base.document, "behaviour": .map(side.adapter.behaviour),
            "notes": side.adapter.notes.metadata,
        ]
        if let provenance = try side.file?.provenance() {
            // Losses step by step and certificates follow from the rest.
            fields["provenance"] = [
                "operation": .string(provenance.operation),
                "options": .map(provenance.options.filter { $0.key != "record" }),
                "parents": .array(provenance.parents.map { .string($0.contentRoot.description) }),
            ]
        }
        return .map(fields)
    }
}
