internal import AdapterArithmetic
internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding

struct ScaleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "Multiply an adapter's effect by a number.",
        discussion: """
            The factors stay bit for bit; alpha takes the number.

              adapterctl scale team/a:v1 --by 0.5 -t team/a:half
              adapterctl scale team/a:v1=1.5 -t team/a:strong
            """)

    @Argument(help: "The adapter; REF=FACTOR in place of --by.")
    var subject: String

    @Option(parsing: .unconditional, help: "What the effect is multiplied by; any number but 0.")
    var by: Double?

    @OptionGroup var result: ResultArguments

    func run() throws {
        let weighted = try WeightedReference(parsing: subject)
        guard (by == nil) == (weighted.text != subject) else {
            throw ValidationError("Give the factor once: REF=FACTOR or --by FACTOR.")
        }
        try result.storeSum([(weighted.text, by ?? weighted.weight)], of: .scale)
    }
}

struct NegateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "negate",
        abstract: "Turn an adapter's effect round: ΔW becomes −ΔW.",
        discussion: """
              adapterctl negate team/toxic:v1 -t team/detox:v1
            """)

    @Argument(help: "The adapter.")
    var subject: String

    @OptionGroup var result: ResultArguments

    func run() throws { try result.storeSum([(subject, -1)], of: .negate) }
}

struct SubtractCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subtract",
        abstract: "Take one adapter's effect out of another's: ΔW = ΔW_A − ΔW_B.",
        discussion: """
            Ranks add up unless --rank or --energy is given. Near-equal adapters lose no digits: cores are float64.

              adapterctl subtract team/ab:v1 team/b:v1 -t team/a-again:v1 --rank auto
            """)

    @Argument(help: "The adapter to subtract from.")
    var minuend: String

    @Argument(help: "The adapter to subtract.")
    var subtrahend: String

    @OptionGroup var result: ResultArguments

    func run() throws { try result.storeSum([(minuend, 1), (subtrahend, -1)], of: .subtract) }
}

/// Where the result of a sum goes and how it is stored.
struct ResultArguments: ParsableArguments {
    @Option(name: .shortAndLong, help: "The name of the result.")
    var target: String

    @Option(name: .shortAndLong, help: "What the result is, in a sentence.")
    var message: String?

    @OptionGroup var arguments: SumArguments
    @OptionGroup var recompute: RecomputeOption
    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    /// Computes a weighted sum and stores it.
    func storeSum(_ terms: [(text: String, weight: Double)], of operation: Operation) throws {
        let target = try Reference(parsing: target)
        let parents = try terms.map { text, weight in
            try StoredParent(
                Subject(parsing: text), text: text, weight: weight, verb: operation.rawValue, options: options)
        }
        let result = ComputedResult(
            operation: operation, computed: try Merge.merge(parents.map(\.input), options: arguments.options),
            parents: parents,
            settings: arguments.settings, options: options)
        let document = try result.store(
            as: target, expecting: expectation.expectedTag, message: message, recomputing: recompute.isSet)
        if options.json { try StandardOutput.write(JSON.text(document, indented: true) + "\n") }
    }
}
