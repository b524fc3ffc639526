public import ByteCoding
public import Tensors

/// What becomes of changed parameters that get no low-rank update: embeddings, the output layer, norms and biases.
public enum FullPolicy: String, Sendable, Hashable, CaseIterable {
    /// Each is kept whole, so nothing of the tuned model is lost.
    case changed
    /// Norms and biases are kept whole, which costs little; embeddings and the output layer are left out.
    case vectors
    /// All are left out.
    case none
}

/// How the difference of two models becomes an adapter: at least one of ``rank``, ``energy`` and ``error``.
public struct ExtractOptions: Sendable, Hashable {
    /// The largest rank of a module.
    public var rank: Int?
    /// The share e of ‖ΔW‖² that each module keeps, 0 < e ≤ 1, with the smallest rank that was found to; at most ``rank``.
    public var energy: Double?
    /// The largest ‖ΔW − B·A‖ / ‖ΔW‖ of each module, 0 ≤ e < 1, and so of all together; with at most ``rank``.
    public var error: Double?
    /// What becomes of other changed parameters.
    public var full: FullPolicy
    /// What keys the random sketches.
    public var seed: UInt64
    /// The element type of A and B: f32, f16 or bf16; nil for the one that the tuned weights share, else f32.
    public var dtype: DType?

    /// Creates options.
    public init(
        rank: Int? = nil, energy: Double? = nil, error: Double? = nil, full: FullPolicy = .changed, seed: UInt64 = 0,
        dtype: DType? = nil
    ) {
        self.rank = rank
        self.energy = energy
        self.error = error
        self.full = full
        self.seed = seed
        self.dtype = dtype
    }

    /// Throws when an option is outside its range or does not go with another.
    ///
    /// - Throws: ``ArithmeticError`` with code `invalidOption`.
    public func check() throws {
        if rank == nil, energy == nil, error == nil {
            throw invalid("no size is given. Use --rank, --energy or --error.")
        }
        if energy != nil, error != nil { throw invalid("--energy and --error exclude each other. Use one of them.") }
        if let rank, rank < 1 { throw invalid("the rank is \(rank), at least 1 is needed.") }
        if let energy, !(energy > 0 && energy <= 1) {
            throw invalid("the energy is \(energy), a share above 0 and up to 1 is needed.")
        }
        if let error, !(error >= 0 && error < 1) {
            throw invalid("the error is \(error), a share of at least 0 and below 1 is needed.")
        }
        if let dtype, ![.f32, .f16, .bf16].contains(dtype) {
            throw invalid("results cannot be written as \(dtype). Use --dtype f32, f16 or bf16.")
        }
    }

    /// The options as entries of a provenance record.
    public var metadata: [String: MetadataValue] {
        var entries: [String: MetadataValue] = ["full": .string(full.rawValue), "seed": .string(String(seed))]
        entries["rank"] = rank.map { MetadataValue($0) }
        entries["energy"] = energy.map { MetadataValue($0) }
        entries["error"] = error.map { MetadataValue($0) }
        entries["dtype"] = dtype.map { .string($0.description) }
        return entries
    }

    /// The share of ‖ΔW‖² that a module may miss; nil when only the rank counts.
    var missingShare: Double? { energy.map { 1 - $0 } ?? error.map { $0 * $0 } }

    private func invalid(_ reason: String) -> ArithmeticError {
        ArithmeticError(.invalidOption, "Unable to extract: \(reason)")
    }
}
