public import ByteCoding
public import Tensors

/// What decides the result of a merge besides the inputs and their weights.
public struct MergeOptions: Sendable, Hashable {
    /// How the updates become one low-rank update.
    public var method: MergeMethod
    /// The largest rank of a module. Nil keeps everything above rounding noise where the method's result has a low
    /// rank; methods on the elements of ΔW then keep the largest rank of the inputs.
    public var rank: Int?
    /// The share e of the squared Frobenius norm to keep, 0 < e ≤ 1: each module gets the smallest rank that keeps it,
    /// at most ``rank``. The matrices of a stack share the largest rank any of them needs.
    public var energy: Double?
    /// Whether modules get the smallest rank that loses nothing instead of stacked factors; always so for
    /// ``MergeMethod/exact``. Methods on the elements of ΔW, whose results have full rank, refuse it.
    public var reducesRank: Bool
    /// The share of elements to keep, 0 < d ≤ 1. Default: 0.5, for ``MergeMethod/sce`` 1.
    public var density: Double?
    /// The share of largest elements that breadcrumbs drop. Default: 0.01.
    public var gamma: Double?
    /// How far from the density DELLA's probabilities reach. Default: 0.15.
    public var epsilon: Double?
    /// What multiplies the merged elements. Default: 1.
    public var lambda: Double?
    /// The seed of random masks. Default: 0.
    public var seed: UInt64?
    /// How PEFT's TIES elects signs. Default: the sign of the sum.
    public var majority: SignMajority?
    /// What ``MergeMethod/nuslerp`` and ``MergeMethod/modelStock`` take for a vector. Default: all of ΔW.
    public var unit: CombinationUnit?
    /// What merges the cores. Default: ``MergeMethod/ties`` in the core space, ``MergeMethod/exact`` after compression.
    public var inner: MergeMethod?
    /// The element type of A, B and their biases: f32, f16 or bf16. Nil takes the one that all inputs share, else f32.
    /// Absolute parameters keep their own.
    public var dtype: DType?
    /// What becomes of parameters that are absolute values.
    public var absolute: AbsolutePolicy
    /// Whether adapters of different base models may be combined.
    public var allowDifferentBase: Bool
    /// In which order sums are formed.
    public var order: InputOrder
    /// The largest ranks of single modules, by name, in place of ``rank``.
    var ranks: [String: Int] = [:]
    /// What messages say could not be done.
    var verb = "merge"

    /// Creates options.
    public init(
        method: MergeMethod = .exact, rank: Int? = nil, energy: Double? = nil, reducesRank: Bool = false,
        density: Double? = nil, gamma: Double? = nil, epsilon: Double? = nil, lambda: Double? = nil,
        seed: UInt64? = nil, majority: SignMajority? = nil, unit: CombinationUnit? = nil,
        inner: MergeMethod? = nil, dtype: DType? = nil, absolute: AbsolutePolicy = .refuse,
        allowDifferentBase: Bool = false, order: InputOrder = .contentRoot
    ) {
        self.method = method
        self.rank = rank
        self.energy = energy
        self.reducesRank = reducesRank
        self.density = density
        self.gamma = gamma
        self.epsilon = epsilon
        self.lambda = lambda
        self.seed = seed
        self.majority = majority
        self.unit = unit
        self.inner = inner
        self.dtype = dtype
        self.absolute = absolute
        self.allowDifferentBase = allowDifferentBase
        self.order = order
    }

    /// What merges the cores of a method that has some; nil for the others, and for what cannot.
    var innerMethod: MergeMethod? {
        let chosen: MergeMethod? =
            switch method {
            case .coreSpace: inner ?? .ties
            case .compressThenMerge: inner ?? .exact
            default: nil
            }
        return chosen.flatMap { $0.isInner ? $0 : nil }
    }

    /// The options as entries of a provenance record; those that are not set are left out, but for defaults that decide
    /// the result.
    public var metadata: [String: MetadataValue] {
        var entries: [String: MetadataValue] = [
            "method": .string(method.rawValue), "absolute": .string(absolute.rawValue),
            "allowDifferentBase": .bool(allowDifferentBase),
        ]
        if let rank { entries["rank"] = MetadataValue(rank) } else if reducesRank { entries["rank"] = "auto" }
        entries["energy"] = energy.map { MetadataValue($0) }
        entries["dtype"] = dtype.map { .string($0.description) }
        let used = method.parameters(self)
        if used.contains(.density) { entries["density"] = MetadataValue(shareKept) }
        if used.contains(.gamma) { entries["gamma"] = MetadataValue(shareDropped) }
        if used.contains(.epsilon) { entries["epsilon"] = MetadataValue(probabilitySpread) }
        if used.contains(.seed) { entries["seed"] = .string(String(seed ?? 0)) }
        if used.contains(.majority) { entries["majoritySign"] = .string((majority ?? .total).rawValue) }
        if let innerMethod { entries["inner"] = .string(innerMethod.rawValue) }
        entries["by"] = unit.map { .string($0.rawValue) }
        entries["lambda"] = lambda.map { MetadataValue($0) }
        // The given order is what a record means that names none: those of before there was another.
        if inputOrder != .given { entries["order"] = .string(inputOrder.rawValue) }
        return entries
    }

    /// The largest rank of a module, nil for any.
    func rank(of module: String) -> Int? { ranks[module] ?? rank }

    /// The density or its default.
    var shareKept: Double { density ?? ((innerMethod ?? method) == .sce ? 1 : 0.5) }
    /// Gamma or its default.
    var shareDropped: Double { gamma ?? 0.01 }
    /// Epsilon or its default.
    var probabilitySpread: Double { epsilon ?? 0.15 }
}
