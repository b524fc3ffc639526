/// An option that some methods use and others do not, by the name that people give it.
enum MergeParameter: String, CaseIterable {
    case rank, energy, density, gamma, epsilon, lambda, seed, by, inner
    case majority = "majority-sign"
}

/// How PEFT's TIES elects the sign of an element.
public enum SignMajority: String, Sendable, Hashable, CaseIterable {
    /// The sign of the sum.
    case total
    /// The sign that more adapters have.
    case frequency
}

extension MergeMethod {
    /// The options that it uses.
    func parameters(_ options: MergeOptions) -> Set<MergeParameter> {
        switch self {
        case .cat, .compatLinear: []
        case .exact, .slerp, .multislerp, .karcher, .tsv, .iso: [.rank, .energy]
        case .nuslerp, .modelStock: [.rank, .energy, .by]
        case .ties, .magnitudePrune, .knotsTIES: [.rank, .energy, .density, .lambda]
        case .dareLinear, .dareTIES, .knotsDARE: [.rank, .energy, .density, .lambda, .seed]
        case .della, .dellaLinear: [.rank, .energy, .density, .lambda, .seed, .epsilon]
        case .breadcrumbs, .breadcrumbsTIES: [.rank, .energy, .density, .lambda, .gamma]
        case .sce: [.rank, .energy, .density]
        case .coreSpace, .compressThenMerge:
            // The rows and columns of a core depend on the bases.
            (options.innerMethod?.parameters(options) ?? []).subtracting([.by]).union([.rank, .energy, .inner])
        case .compatMagnitudePrune: [.density]
        case .compatTIES: [.density, .majority]
        case .compatDARELinear: [.density, .seed]
        case .compatDARETIES: [.density, .seed, .majority]
        case .compatMagnitudePruneSVD: [.rank, .density]
        case .compatTIESSVD: [.rank, .density, .majority]
        case .compatDARELinearSVD: [.rank, .density, .seed]
        case .compatDARETIESSVD: [.rank, .density, .seed, .majority]
        }
    }
}
