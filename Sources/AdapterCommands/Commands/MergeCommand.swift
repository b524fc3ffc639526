internal import AdapterArithmetic
internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding

struct MergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Add adapters up, ΔW = Σ weight·scaling·B·A, with an error certificate.",
        discussion: """
            Ranks, alphas, scaling rules and target modules may differ; weights may be negative. The result records its \
            parents and what it lost.

              adapterctl merge team/a:v1=0.7 team/b:v1=0.3 -t team/ab:v1
              adapterctl merge team/a:v1 team/b:v1=-0.4 --method exact --rank 16 -t team/ab:small
            """)

    @Argument(help: "REF=WEIGHT; the weight is 1 when it is left out.")
    var inputs: [String]

    @Option(name: .shortAndLong, help: "The name of the result.")
    var target: String

    @Option(name: .shortAndLong, help: "What the result is, in a sentence.")
    var message: String?

    @OptionGroup var arguments: MergeArguments
    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let target = try Reference(parsing: target)
        let parents = try inputs.map { text in
            let weighted = try WeightedReference(parsing: text)
            return try StoredParent(
                weighted.subject, text: weighted.text, weight: weighted.weight, verb: "merge", options: options)
        }
        let merged = try Merge.merge(parents.map(\.input), options: arguments.options)
        let result = ComputedResult(
            operation: .merge, computed: merged, parents: parents, settings: arguments.options.metadata,
            options: options)
        let document = try result.store(as: target, expecting: expectation.expectedTag, message: message)
        if options.json { try StandardOutput.write(JSON.text(document, indented: true) + "\n") }
    }
}
