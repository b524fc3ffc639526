public import AdapterArithmetic
public import ArgumentParser
internal import ByteCoding

/// What `interpolate` is told besides its inputs and the position: the way, and how a point of it is stored.
struct PathArguments: ParsableArguments {
    @Option(help: "The way: linear or slerp.")
    var method: InterpolationPath = .linear

    @OptionGroup var ranks: RankArguments
    @OptionGroup var storage: StorageArguments

    func validate() throws { try options.checkUsage() }

    var options: MergeOptions { storage.sum(ranks) }

    /// What decides a point on the way, for its provenance.
    func settings(at position: Double) -> [String: MetadataValue] {
        var settings = options.metadata
        settings["method"] = .string(method.rawValue)
        settings["at"] = MetadataValue(position)
        if ranks.rank == .auto { settings["rank"] = .string("auto") }
        return settings
    }
}

extension InterpolationPath: ExpressibleByArgument {}

/// What `scale`, `negate` and `subtract` are told besides their inputs.
struct SumArguments: ParsableArguments {
    @OptionGroup var ranks: RankArguments
    @OptionGroup var storage: StorageArguments

    func validate() throws { try options.checkUsage() }

    var options: MergeOptions { storage.sum(ranks) }

    /// What decides the result, for its provenance.
    var settings: [String: MetadataValue] {
        var settings = options.metadata.filter { $0.key != "method" }
        if ranks.rank == .auto { settings["rank"] = .string("auto") }
        return settings
    }
}

extension StorageArguments {
    /// The options of a weighted sum: stacked factors, or the best approximation when a rank is asked for.
    fileprivate func sum(_ ranks: RankArguments) -> MergeOptions {
        var options = MergeOptions(
            method: ranks.isChosen ? .exact : .cat, dtype: dtype, absolute: absolute,
            allowDifferentBase: allowDifferentBase,
            // Their inputs have places of their own.
            order: .given)
        ranks.apply(to: &options)
        return options
    }
}
