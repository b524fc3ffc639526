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

    @OptionGroup var parameters: MethodArguments

    @Option(help: "How PEFT's ties elect signs: total or frequency. Default: total.")
    var majoritySign: SignMajority?

    @OptionGroup var modules: ModuleWeightsArguments

    @Option(
        help: ArgumentHelp(
            "In which order sums are formed: content-root, so that the same adapters give the same bits in whatever order "
                + "they are named, or given. PEFT's methods take the given one.", valueName: "order"))
    var order: InputOrder = .contentRoot

    @OptionGroup var storage: StorageArguments

    func validate() throws { try options.checkUsage() }

    var options: MergeOptions {
        var options = MergeOptions(
            method: method ?? (ranks.isChosen ? .exact : .cat), dtype: storage.dtype, absolute: storage.absolute,
            allowDifferentBase: storage.allowDifferentBase, order: order)
        parameters.apply(to: &options)
        options.majority = majoritySign
        ranks.apply(to: &options)
        return options
    }

    /// What decided the result, for its provenance.
    var settings: [String: MetadataValue] {
        var settings = options.metadata
        let weightsFor = modules.weightsFor
        if !weightsFor.isEmpty { settings["weightsFor"] = .array(weightsFor.map { .string($0.text) }) }
        return settings
    }
}

extension MergeMethod: ExpressibleByArgument {}
extension SignMajority: ExpressibleByArgument {}
extension CombinationUnit: ExpressibleByArgument {}
extension InputOrder: ExpressibleByArgument {}
