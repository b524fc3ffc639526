/// mergekit's definitions, with the adapters' ΔW in place of differences to a base model.
extension ElementSum {
    /// TIES: prune by magnitude, elect the sign of the weighted sum, divide by the weights that agree.
    static func ties(_ options: MergeOptions) -> ElementSum {
        ElementSum(
            sparsifier: LargestElements(density: options.shareKept, keepsOne: true), election: .weighted,
            divisor: .weights, lambda: factor(options))
    }

    /// DARE: drop at random, rescale to the same 1-norm, add.
    static func dareLinear(_ options: MergeOptions) -> ElementSum {
        ElementSum(sparsifier: random(options), rescaling: .norm, lambda: factor(options))
    }

    /// DARE with the sign of the weighted sum.
    static func dareTIES(_ options: MergeOptions) -> ElementSum {
        ElementSum(sparsifier: random(options), rescaling: .norm, election: .weighted, lambda: factor(options))
    }

    /// Prune by magnitude, add.
    static func magnitudePrune(_ options: MergeOptions) -> ElementSum {
        ElementSum(
            sparsifier: LargestElements(density: options.shareKept, keepsOne: true), lambda: factor(options))
    }

    /// DELLA: drop at random by rank, rescale to the same 1-norm, elect, divide by the weights that agree.
    static func della(_ options: MergeOptions) -> ElementSum {
        ElementSum(
            sparsifier: ranked(options), rescaling: .norm, election: .weighted, divisor: .weights,
            lambda: factor(options))
    }

    /// DELLA without election.
    static func dellaLinear(_ options: MergeOptions) -> ElementSum {
        ElementSum(sparsifier: ranked(options), rescaling: .norm, lambda: factor(options))
    }

    /// Breadcrumbs: drop outliers and small elements, add.
    static func breadcrumbs(_ options: MergeOptions) -> ElementSum {
        ElementSum(sparsifier: middle(options), lambda: factor(options))
    }

    /// Breadcrumbs with the sign of the weighted sum.
    static func breadcrumbsTIES(_ options: MergeOptions) -> ElementSum {
        ElementSum(sparsifier: middle(options), election: .weighted, lambda: factor(options))
    }

    private static func random(_ options: MergeOptions) -> any Sparsifier {
        RandomElements(density: options.shareKept, seed: options.seed ?? 0)
    }

    private static func ranked(_ options: MergeOptions) -> any Sparsifier {
        RankedRandomElements(
            density: options.shareKept, epsilon: options.probabilitySpread, seed: options.seed ?? 0)
    }

    private static func middle(_ options: MergeOptions) -> any Sparsifier {
        MiddleElements(density: options.shareKept, gamma: options.shareDropped)
    }

    private static func factor(_ options: MergeOptions) -> Float { Float(options.lambda ?? 1) }
}
