internal import AdapterArithmetic
internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding

struct MergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Make one adapter of several, by default ΔW = Σ weight·scaling·B·A, with an error certificate.",
        discussion: """
            Ranks, alphas, scaling rules and target modules may differ; weights may be negative. Methods on the elements of ΔW \
            have a result of full rank, of which --rank keeps the best part. The result records its \
            parents and what it lost.

              adapterctl merge team/a:v1=0.7 team/b:v1=0.3 -t team/ab:v1
              adapterctl merge team/a:v1 team/b:v1=-0.4 --rank 16 -t team/ab:small
              adapterctl merge team/a:v1 team/b:v1 --method ties --density 0.3 --rank 32 -t team/ab:ties
              adapterctl merge team/a:v1 team/b:v1 --search --base ./model --data val.jsonl -t team/ab:best
              adapterctl merge team/a:v1 team/b:v1 --weights-for 'layers\\.[0-7]\\.=0.5' -t team/ab:late
            """)

    @Argument(help: "REF=WEIGHT; the weight is 1 when it is left out.")
    var inputs: [String]

    @Option(name: .shortAndLong, help: "The name of the result.")
    var target: String

    @Option(name: .shortAndLong, help: "What the result is, in a sentence.")
    var message: String?

    @OptionGroup var arguments: MergeArguments
    @OptionGroup var searching: SearchArguments
    @OptionGroup var recompute: RecomputeOption
    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let target = try Reference(parsing: target)
        let weighted = try inputs.map(WeightedReference.init(parsing:))
        let found = try search(weighted)
        let weights = found?.best.weights ?? weighted.map(\.weight)
        let parents = try parents(weighted, weights)
        var settings = arguments.settings
        settings[SearchRecord.name] = (found?.record.document).map { .map($0) }
        let result = ComputedResult(
            operation: .merge, computed: try merged(parents), parents: parents, others: found?.record.parents ?? [],
            settings: settings, options: options, exactResult: arguments.options.exactResult)
        if let found, !options.json, !options.quiet { try StandardOutput.write(table(found.search, found.best)) }
        var document =
            try result.store(
                as: target, expecting: expectation.expectedTag, message: message, recomputing: recompute.isSet
            ).map ?? [:]
        if let found { document["search"] = .map(description(found.search, found.best, found.record)) }
        if options.json { try StandardOutput.write(JSON.text(.map(document), indented: true) + "\n") }
    }

    private func parents(_ weighted: [WeightedReference], _ weights: [Double]) throws -> [StoredParent] {
        try zip(weighted, weights).map {
            try StoredParent($0.subject, text: $0.text, weight: $1, verb: "merge", options: options)
        }
    }

    private func merged(_ parents: [StoredParent]) throws -> ComputedAdapter {
        var inputs = parents.map(\.input)
        try arguments.modules.apply(to: &inputs)
        return try Merge.merge(inputs, options: arguments.options)
    }

    /// The best weights, when they are to be found.
    private func search(_ weighted: [WeightedReference]) throws -> (
        best: WeightSearch.Evaluation, search: WeightSearch, record: SearchRecord
    )? {
        guard searching.search else { return nil }
        var opened = try parents(weighted, weighted.map(\.weight))
        return try searching.run(from: weighted.map(\.weight), options) { weights in
            for (index, weight) in weights.enumerated() { opened[index].weight = weight }
            return try merged(opened).adapter
        }
    }

    private func table(_ search: WeightSearch, _ best: WeightSearch.Evaluation) -> String {
        var table = TextTable(inputs.map { Console.printable($0) } + ["LOSS", ""], rightAligned: Set(0...inputs.count))
        for evaluation in search.evaluations {
            table.add(
                evaluation.weights.map { Format.decimal($0, places: 4) } + [
                    Format.decimal(evaluation.loss, places: 5), evaluation == best ? "best" : "",
                ])
        }
        return table.text + "\n"
    }

    private func description(
        _ search: WeightSearch, _ best: WeightSearch.Evaluation, _ record: SearchRecord
    ) -> [String: MetadataValue] {
        func entry(_ evaluation: WeightSearch.Evaluation) -> MetadataValue {
            ["weights": .array(evaluation.weights.map(MetadataValue.double)), "loss": .double(evaluation.loss)]
        }
        var document = record.document
        document["best"] = entry(best)
        document["evaluations"] = .array(search.evaluations.map(entry))
        return document
    }
}
