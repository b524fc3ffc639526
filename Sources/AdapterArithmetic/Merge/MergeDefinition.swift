/// What a method does with the updates of a module, by the room it works in.
enum MergeDefinition {
    /// The weighted sum.
    case sum
    /// A linear combination, of what is taken for a vector.
    case combination(any CombinationRule, by: CombinationUnit)
    /// On the elements of A and of B.
    case factors(FactorRule)
    /// On the elements of ΔW.
    case elements(any ElementRule)
    /// On a small core.
    case core(any ApproximationRule)

    /// Whether one module keeps all processors busy.
    var usesAllProcessors: Bool {
        if case .elements = self { return true }
        return false
    }

    /// The numbers of adapters it is defined for.
    var inputCounts: ClosedRange<Int> {
        switch self {
        case .combination(let rule, _): rule.inputCounts
        case .core(let rule): rule.inputCounts
        case .sum, .factors, .elements: 1...Int.max
        }
    }
}

extension MergeMethod {
    /// The definition with the options' parameters or the method's defaults.
    func definition(_ options: MergeOptions) -> MergeDefinition {
        switch self {
        case .cat, .exact: .sum
        case .slerp: .combination(Slerp(), by: .whole)
        case .nuslerp: .combination(Slerp.spherical, by: options.unit ?? .whole)
        case .multislerp: .combination(MultiSlerp(), by: .whole)
        case .karcher: .combination(Karcher(), by: .whole)
        case .modelStock: .combination(ModelStock(), by: options.unit ?? .whole)
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
        case .coreSpace: .core(CoreSpace(inner: innerMerge(options)))
        case .tsv: .core(TaskSingularVectors())
        case .iso: .core(Isotropic())
        case .compressThenMerge: .core(CompressThenMerge(inner: innerMerge(options)))
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

    /// What merges the cores.
    private func innerMerge(_ options: MergeOptions) -> CoreMerge {
        switch options.innerMethod?.definition(options) {
        case .combination(let rule, _): .combination(rule)
        case .elements(let rule): .elements(rule)
        case .core(let rule as any CoreRule): .factors(rule)
        case .core, .sum, .factors, nil: .sum()
        }
    }

    /// Whether it can merge the cores of another method.
    var isInner: Bool {
        switch definition(MergeOptions()) {
        case .sum: self == .exact
        case .combination, .elements: true
        case .core(let rule): rule is any CoreRule
        case .factors: false
        }
    }
}
