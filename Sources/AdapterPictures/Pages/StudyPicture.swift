internal import Charts

/// The pictures that are made when somebody looks at them.
public enum StudyPicture: String, Sendable, CaseIterable {
    /// ‖ΔW‖ by kind of module and layer.
    case norms
    /// The effective ranks by kind of module and layer.
    case effectiveRanks = "effective-ranks"
    /// The singular values of each update.
    case values = "singular-values"
    /// The cosines of several adapters.
    case cosines
    /// How much their spaces overlap.
    case overlaps
    /// The shares of signs that conflict.
    case signs
    /// The distances of two adapters.
    case distances

    /// Whether it shows several adapters.
    public var isOfSeveral: Bool {
        switch self {
        case .norms, .effectiveRanks, .values: false
        case .cosines, .overlaps, .signs, .distances: true
        }
    }

    /// Those of one adapter.
    static let ofOne = allCases.filter { !$0.isOfSeveral }

    /// What is written above it while it is made.
    var title: String {
        switch self {
        case .norms: "Size of the update"
        case .effectiveRanks: "Effective rank"
        case .values: "Singular values"
        case .cosines: "Cosines"
        case .overlaps: "Overlap of subspaces"
        case .signs: "Sign conflicts"
        case .distances: "Difference of the updates"
        }
    }
}
