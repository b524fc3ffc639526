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
              adapterctl merge team/a:v1 team/b:v1 --weights-for 'layers\\.[0-7]\\.=0.5' -t team/ab:late
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
        var inputs = parents.map(\.input)
        try ModuleWeights.apply(arguments.weightsFor, to: &inputs)
        let merged = try Merge.merge(inputs, options: arguments.options)
        let result = ComputedResult(
            operation: .merge, computed: merged, parents: parents, settings: arguments.settings,
            options: options, exactResult: arguments.options.exactResult)
        let document = try result.store(as: target, expecting: expectation.expectedTag, message: message)
        if options.json { try StandardOutput.write(JSON.text(document, indented: true) + "\n") }
    }
}
