internal import AdapterArithmetic
internal import ArgumentParser

/// Options of commands whose weights may differ from module to module.
struct ModuleWeightsArguments: ParsableArguments {
    @Option(
        name: .customLong("weights-for"),
        help: ArgumentHelp(
            "Multiply the weights in modules whose full name matches a regular expression, by one number or by one for each adapter, in their order. Of several that match, the last counts.",
            valueName: "REGEX=W[,W…]"))
    var weightsFor: [ModuleWeights] = []

    /// Sets the factors of the inputs.
    ///
    /// - Throws: `InputError` when the numbers are not as many as the inputs or no module matches.
    func apply(to inputs: inout [MergeInput]) throws { try ModuleWeights.apply(weightsFor, to: &inputs) }
}
