/// What a method does with the updates of a module, by the room it works in.
enum MergeDefinition {
    /// The weighted sum.
    case sum
    /// A linear combination.
    case combination(any CombinationRule)
    /// On the elements of A and of B.
    case factors(FactorRule)
    /// On the elements of ΔW.
    case elements(any ElementRule)
    /// On a small core.
    case core(any ApproximationRule)
}

extension MergeMethod {
    /// The definition with the options' parameters or the method's defaults.
    func definition(_ options: MergeOptions) -> MergeDefinition {
        switch self {
        case .cat, .exact: .sum
        case .slerp: .combination(Slerp())
        case .nuslerp: .combination(Slerp.spherical)
        case .multislerp: .combination(MultiSlerp())
        case .karcher: .combination(Karcher())
        case .modelStock: .combination(ModelStock())
        case .ties: .elements(ElementSum.ties(options))
        case .dareLinear: .elements(ElementSum.dareLinear(options))
        case .dareTIES: .elements(ElementSum.dareTIES(options))
        case .magnitudePrune: .elements(ElementSum.magnitudePrune(options))
        case .della: .elements(ElementSum.della(options))
        case .dellaLinear: .elements(ElementSum.dellaLinear(options))
        case .breadcrumbs: .elements(ElementSum.breadcrumbs(options))
        case .breadcrumbsTIES: .elements(ElementSum.breadcrumbsTIES(options))
        case .sce: .elements(VarianceSelection(options))
        case .knotsTIES: .core(KnOTS(inner: ElementSum.ties(options)))
        case .knotsDARE: .core(KnOTS(inner: ElementSum.dareTIES(options)))
        case .coreSpace: .core(CoreSpace(inner: innerRule(options)))
        case .tsv: .core(TaskSingularVectors())
        case .iso: .core(Isotropic())
        case .compressThenMerge: .core(CompressThenMerge(inner: innerRule(options)))
        case .compatLinear: .factors(.linear)
        case .compatTIES: .factors(.ties(options))
        case .compatDARELinear: .factors(.dareLinear(options))
        case .compatDARETIES: .factors(.dareTIES(options))
        case .compatMagnitudePrune: .factors(.magnitudePrune(options))
        case .compatTIESSVD: .elements(ElementSum.peftTIES(options))
        case .compatDARELinearSVD: .elements(ElementSum.peftDARELinear(options))
        case .compatDARETIESSVD: .elements(ElementSum.peftDARETIES(options))
        case .compatMagnitudePruneSVD: .elements(ElementSum.peftMagnitudePrune(options))
        }
    }

    /// The rule that merges the cores; nil adds them.
    private func innerRule(_ options: MergeOptions) -> (any ElementRule)? {
        guard case .elements(let rule) = options.innerMethod?.definition(options) else { return nil }
        return rule
    }

    /// Whether it can merge the cores of another method.
    var isInner: Bool {
        if case .elements = definition(MergeOptions()) { return true }
        return self == .exact
    }
}
