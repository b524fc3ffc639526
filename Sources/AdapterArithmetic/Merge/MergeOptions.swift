public import ByteCoding
public import Tensors

/// What decides the result of a merge besides the inputs and their weights.
public struct MergeOptions: Sendable, Hashable {
    /// How the sum becomes one low-rank update.
    public var method: MergeMethod
    /// The largest rank of a module, for ``MergeMethod/exact``. Nil keeps everything above rounding noise.
    public var rank: Int?
    /// The share e of the squared Frobenius norm to keep, 0 < e ≤ 1, for ``MergeMethod/exact``: each module gets the
    /// smallest rank that keeps it, at most ``rank``. The matrices of a stack share the largest rank any of them needs.
    public var energy: Double?
    /// The element type of A, B and their biases: f32, f16 or bf16. Nil takes the one that all inputs share, else f32.
    /// Absolute parameters keep their own.
    public var dtype: DType?
    /// What becomes of parameters that are absolute values.
    public var absolute: AbsolutePolicy
    /// Whether adapters of different base models may be combined.
    public var allowDifferentBase: Bool

    /// Creates options.
    public init(
        method: MergeMethod = .exact, rank: Int? = nil, energy: Double? = nil, dtype: DType? = nil,
        absolute: AbsolutePolicy = .refuse, allowDifferentBase: Bool = false
    ) {
        self.method = method
        self.rank = rank
        self.energy = energy
        self.dtype = dtype
        self.absolute = absolute
        self.allowDifferentBase = allowDifferentBase
    }

    /// The options as entries of a provenance record; those that are not set are left out.
    public var metadata: [String: MetadataValue] {
        var entries: [String: MetadataValue] = [
            "method": .string(method.rawValue), "absolute": .string(absolute.rawValue),
            "allowDifferentBase": .bool(allowDifferentBase),
        ]
        entries["rank"] = rank.map { MetadataValue($0) }
        entries["energy"] = energy.map { MetadataValue($0) }
        entries["dtype"] = dtype.map { .string($0.description) }
        return entries
    }

    /// Throws when an option is outside its range or does not go with another.
    func check() throws {
        if method == .cat, rank != nil || energy != nil {
            throw ArithmeticError(
                .invalidOption,
                "Unable to merge: the method cat keeps every rank, so it has no --rank and no --energy. "
                    + "Use --method exact.")
        }
        if let rank, rank < 1 {
            throw ArithmeticError(.invalidOption, "Unable to merge: the rank is \(rank), at least 1 is needed.")
        }
        if let energy, !(energy > 0 && energy <= 1) {
            throw ArithmeticError(
                .invalidOption, "Unable to merge: the energy is \(energy), a share above 0 and up to 1 is needed.")
        }
        if let dtype, ![.f32, .f16, .bf16].contains(dtype) {
            throw ArithmeticError(
                .invalidOption, "Unable to merge: results cannot be written as \(dtype). Use --dtype f32, f16 or bf16.")
        }
    }
}
