public import ByteCoding
public import Tensors

/// How an adapter's ranks are chosen: at least one of ``rank``, ``energy``, ``error`` and ``budget``.
///
/// Energy, error and budget exclude each other; a rank beside one of them limits every module's rank.
public struct ResizeOptions: Sendable, Hashable {
    /// The largest rank of a module.
    public var rank: Int?
    /// The share e of ‖ΔW‖² that each module keeps by itself, 0 < e ≤ 1, with the smallest rank that does.
    public var energy: Double?
    /// The largest ‖ΔW − ΔW'‖ / ‖ΔW‖ over all modules together, 0 ≤ e < 1, with the fewest parameters that do.
    public var error: Double?
    /// The most parameters that A and B of all modules may have together, with the smallest error that they allow.
    public var budget: Int?
    /// The element type of A, B and their biases: f32, f16 or bf16; nil for the adapter's own.
    public var dtype: DType?

    /// Creates options.
    public init(
        rank: Int? = nil, energy: Double? = nil, error: Double? = nil, budget: Int? = nil, dtype: DType? = nil
    ) {
        self.rank = rank
        self.energy = energy
        self.error = error
        self.budget = budget
        self.dtype = dtype
    }

    /// Throws when an option is outside its range or does not go with another.
    ///
    /// - Throws: ``ArithmeticError`` with code `invalidOption`.
    public func check() throws {
        switch [energy != nil, error != nil, budget != nil].count(where: { $0 }) {
        case 0 where rank == nil: throw invalid("no size is given. Use --rank, --energy, --error or --budget.")
        case 0, 1: break
        default: throw invalid("--energy, --error and --budget exclude each other. Use one of them.")
        }
        if let error, !(error >= 0 && error < 1) {
            throw invalid("the error is \(error), a share of at least 0 and below 1 is needed.")
        }
        if let budget, budget < 1 { throw invalid("the budget is \(budget), at least 1 parameter is needed.") }
        try mergeOptions.check()
    }

    /// The options as entries of a provenance record.
    public var metadata: [String: MetadataValue] {
        var entries: [String: MetadataValue] = [:]
        entries["rank"] = rank.map { MetadataValue($0) }
        entries["energy"] = energy.map { MetadataValue($0) }
        entries["error"] = error.map { MetadataValue($0) }
        entries["budget"] = budget.map { MetadataValue($0) }
        entries["dtype"] = dtype.map { .string($0.description) }
        return entries
    }

    /// The same as options of a merge of one adapter, but for what concerns several modules at once.
    var mergeOptions: MergeOptions {
        var options = MergeOptions(method: .exact, rank: rank, energy: energy, dtype: dtype)
        options.verb = "resize"
        return options
    }

    private func invalid(_ reason: String) -> ArithmeticError {
        ArithmeticError(.invalidOption, "Unable to resize: \(reason)")
    }
}
