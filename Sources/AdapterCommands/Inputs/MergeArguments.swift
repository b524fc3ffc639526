public import AdapterArithmetic
public import ArgumentParser
internal import ByteCoding

/// Options of `merge`: the method and what decides its result.
struct MergeArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How adapters become one; default: cat, or exact with --rank or --energy.",
            discussion: """
                exact sums: cat, exact
                on the sphere, exact: slerp, nuslerp, multislerp, karcher, model-stock
                on elements of ΔW: ties, dare-linear, dare-ties, magnitude-prune, della, della-linear, breadcrumbs, \
                breadcrumbs-ties, sce
                on small cores: knots-ties, knots-dare, core-space, tsv, iso, ctm
                as PEFT: compat-peft-linear, -ties, -dare-linear, -dare-ties, -magnitude-prune, the last four also \
                with -svd
                """, valueName: "method"))
    var method: MergeMethod?

    @OptionGroup var ranks: RankArguments

    @Option(help: "The part of the elements to keep, above 0, at most 1. Default: 0.5, for sce 1.")
    var density: Double?

    @Option(help: "The part of largest elements that breadcrumbs drop. Default: 0.01.")
    var gamma: Double?

    @Option(help: "How far della's probabilities reach from the density. Default: 0.15.")
    var epsilon: Double?

    @Option(parsing: .unconditional, help: "What multiplies merged elements. Default: 1.")
    var lambda: Double?

    @Option(help: "The seed of random masks. Default: 0.")
    var seed: UInt64?

    @Option(help: "How PEFT's ties elect signs: total or frequency. Default: total.")
    var majoritySign: SignMajority?

    @Option(
        help: """
            What nuslerp and model-stock take for a vector: whole, row (an output's weights) or column (an input's; nuslerp \
            alone). Default: whole.
            """)
    var by: CombinationUnit?

    @Option(
        help: """
            What merges the cores of core-space and ctm: exact (add), a method on the sphere, on elements or on other \
            cores. Defaults: ties, exact.
            """)
    var inner: MergeMethod?

    @Option(
        name: .customLong("weights-for"),
        help: ArgumentHelp(
            "Multiply the weights in modules whose full name matches a regular expression, by one number or by one for each adapter, in their order. Of several that match, the last counts.",
            valueName: "REGEX=W[,W…]"))
    var weightsFor: [ModuleWeights] = []

    @OptionGroup var storage: StorageArguments

    func validate() throws { try options.checkUsage() }

    var options: MergeOptions {
        var options = MergeOptions(
            method: method ?? (ranks.isChosen ? .exact : .cat), density: density, gamma: gamma, epsilon: epsilon,
            lambda: lambda, seed: seed, majority: majoritySign, unit: by, inner: inner,
            dtype: storage.dtype, absolute: storage.absolute, allowDifferentBase: storage.allowDifferentBase)
        ranks.apply(to: &options)
        return options
    }

    /// What decided the result, for its provenance.
    var settings: [String: MetadataValue] {
        var settings = options.metadata
        if !weightsFor.isEmpty { settings["weightsFor"] = .array(weightsFor.map { .string($0.text) }) }
        return settings
    }
}

extension MergeMethod: ExpressibleByArgument {}
extension SignMajority: ExpressibleByArgument {}
extension CombinationUnit: ExpressibleByArgument {}
