/// PEFT 0.21.2's definitions, for the elements of ΔW (`*_svd`) and for those of A and B.
///
/// In binary32 and in this order of operations, so that results on A and B are PEFT's, bit for bit.
extension ElementSum {
    /// `task_arithmetic`.
    static let peftLinear = ElementSum(sparsifier: EveryElement())

    /// `ties`: signs are elected by unweighted values, and the sum is divided by the number that agree.
    static func peftTIES(_ options: MergeOptions) -> ElementSum {
        ElementSum(sparsifier: pruned(options), election: election(options), divisor: .count)
    }

    /// `dare_linear`.
    static func peftDARELinear(_ options: MergeOptions) -> ElementSum {
        ElementSum(sparsifier: random(options), rescaling: rescaling(options))
    }

    /// `dare_ties`.
    static func peftDARETIES(_ options: MergeOptions) -> ElementSum {
        ElementSum(
            sparsifier: random(options), rescaling: rescaling(options), election: election(options), divisor: .count)
    }

    /// `magnitude_prune`.
    static func peftMagnitudePrune(_ options: MergeOptions) -> ElementSum { ElementSum(sparsifier: pruned(options)) }

    private static func pruned(_ options: MergeOptions) -> any Sparsifier {
        LargestElements(density: options.shareKept, keepsOne: false)
    }

    private static func random(_ options: MergeOptions) -> any Sparsifier {
        RandomElements(density: options.shareKept, seed: options.seed ?? 0)
    }

    /// PEFT does nothing at all at a density of 1.
    private static func rescaling(_ options: MergeOptions) -> Rescaling {
        options.shareKept < 1 ? .density(options.shareKept) : .none
    }

    private static func election(_ options: MergeOptions) -> Election {
        options.majority == .frequency ? .frequency : .total
    }
}
