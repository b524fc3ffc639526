internal import AdapterArithmetic
internal import ArgumentParser

/// Options that decide what merge methods compute; each has some of them.
struct MethodArguments: ParsableArguments {
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

    /// Sets the options of a method.
    func apply(to options: inout MergeOptions) {
        options.density = density
        options.gamma = gamma
        options.epsilon = epsilon
        options.lambda = lambda
        options.seed = seed
        options.unit = by
        options.inner = inner
    }
}
