internal import AdapterArithmetic
internal import AdapterFormat
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import Integrity

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show spectra, effective ranks and norms of an adapter, or how several lie to each other.",
        discussion: """
            Computed from the factors in float64, without a base model and without forming ΔW. Stable rank: \
            ‖ΔW‖_F² / ‖ΔW‖₂² (Rudelson and Vershynin 2007). Effective rank: exp of the entropy of σ / Σσ (Roy and Vetterli \
            2007). Only A and B count.

            Of several adapters: cosines of ΔW, overlap and principal angles of the column spaces (what they write to) and \
            row spaces (what they read), the share of elements with conflicting signs, and the share of ‖ΔW‖² of their \
            merge that each rank keeps. Weights, REF=WEIGHT, and the options of methods count for the merge only; each \
            method takes those that it has. --seed also draws the sample of signs.

              adapterctl inspect team/a:v1
              adapterctl inspect team/a:v1 team/b:v1 --plot conflicts.html
              adapterctl inspect team/a:v1=0.7 team/b:v1=0.3 --method exact --method ties --at-rank 8 --at-rank 16 --json
            """)

    @Argument(help: "Stored adapters, .adpt files or PEFT folders; REF=WEIGHT for the weight in a merge.")
    var subjects: [String]

    @Option(
        name: .customLong("method"),
        help: "A merge method whose energy is shown; may be repeated. Default: exact. Not compat-peft-….")
    var methods: [MergeMethod] = []

    @Option(name: .customLong("at-rank"), help: "A rank at which energy is shown; may be repeated.")
    var ranks: [Int] = []

    @OptionGroup var parameters: MethodArguments

    @Flag(help: "Count the signs of all elements; otherwise 65536 are drawn of weights of more than a million.")
    var everySign = false

    @Flag(help: "Compare adapters that were trained on different base models.")
    var allowDifferentBase = false

    @Option(help: ArgumentHelp("Draw pictures into an SVG or HTML file.", valueName: "file"))
    var plot: String?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard !subjects.isEmpty else { throw ValidationError("Name an adapter.") }
        if ranks.contains(where: { $0 < 1 }) { throw ValidationError("--at-rank must be at least 1.") }
        let options = shownMethods.map(mergeOptions)
        for limited in options.map(\.limitedToMethod) { try limited.checkUsage() }
        let unused = options.map { Set($0.unused) }.reduce(Set(options[0].unused)) { $0.intersection($1) }
        if let name = unused.subtracting(["seed"]).min() {
            throw ValidationError("None of the methods has --\(name).")
        }
        if let plot { _ = try PictureFile(plot) }
    }

    func run() throws {
        let loaded = try subjects.map { text in
            let weighted = try WeightedReference(parsing: text)
            return (
                adapter: try LoadedAdapter(weighted.subject, label: weighted.text, options: options),
                weight: weighted.weight
            )
        }
        let inputs = loaded.map { adapter, weight in
            MergeInput(
                adapter: adapter.adapter, weight: weight, label: adapter.label, contentRoot: adapter.file?.contentRoot)
        }
        let methods = shownMethods
        let byteCount = inputs.reduce(0) { $0 + $1.adapter.tensorByteCount }
        let passes = 1 + (inputs.count > 1 ? 1 : 0) + methods.count
        let progress = options.console.progress("Inspecting", totalByteCount: passes * byteCount)
        let ranks = ranks.isEmpty ? InspectCommand.defaultRanks(inputs) : ranks
        let inspection = Inspection(
            subjects: loaded.map(\.adapter), weights: loaded.map(\.weight),
            spectra: try inputs.map { try AdapterSpectra(of: $0, progress: progress.advance) },
            comparison: inputs.count < 2
                ? nil
                : try AdapterComparison(
                    of: inputs, countsEverySign: everySign, seed: parameters.seed ?? 0,
                    allowsDifferentBase: allowDifferentBase,
                    progress: progress.advance),
            energies: try methods.map { method in
                try EnergyProfile(
                    of: inputs, options: mergeOptions(method).limitedToMethod, ranks: ranks, progress: progress.advance)
            })
        progress.finish()
        if let plot { try PictureFile(plot).write(inspection.charts, title: inspection.title) }
        try options.console.answer(
            inspection.document, identifiers: loaded.map { $0.adapter.digest?.description ?? $0.adapter.label },
            text: inspection.text)
    }

    private var shownMethods: [MergeMethod] { methods.isEmpty ? [.exact] : methods }

    private func mergeOptions(_ method: MergeMethod) -> MergeOptions {
        var options = MergeOptions(method: method, allowDifferentBase: allowDifferentBase)
        parameters.apply(to: &options)
        return options
    }

    /// Powers of two up to all ranks together.
    static func defaultRanks(_ inputs: [MergeInput]) -> [Int] {
        let largest = inputs.reduce(0) { $0 + ($1.adapter.ranks.last ?? 0) }
        var ranks: [Int] = []
        var rank = 1
        while rank < min(largest, 1024) {
            ranks.append(rank)
            rank *= 2
        }
        return ranks + [max(1, min(largest, 1024))]
    }
}
