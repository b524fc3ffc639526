import Adapters
import Integrity
import LinearAlgebra
import Tensors

/// How the change of one weight becomes a low-rank update, or is left out with its loss stated.
struct ExtractPlan: ModuleComputation {
    /// The ranks that are tried until one keeps enough: this one and its doubles.
    private static let firstRank = 64

    /// The module's name.
    let name: String
    /// The change, as the weight is stored.
    let difference: WeightDifference
    /// Whether the weight is stored inputs × outputs.
    let isTransposed: Bool
    /// What keys the sketch.
    let seed: UInt64
    /// The type of the factors.
    let dtype: DType
    /// The rank; 0 leaves the change out.
    var rank = 0

    // A single weight keeps all processors busy, and no more than its tiles and factors are in memory.
    var usesAllProcessors: Bool { true }
    var elementCount: Int { difference.base.shape.elementCount }

    /// The shape that the factors are for.
    var layout: SliceLayout {
        isTransposed
            ? SliceLayout(rows: difference.columns, columns: difference.rows)
            : SliceLayout(rows: difference.rows, columns: difference.columns)
    }

    /// The largest rank there is.
    private var extent: Int { min(difference.rows, difference.columns) }

    func computed() throws -> ComputedModule {
        try describing {
            guard rank > 0 else { return ComputedModule(a: [], b: [], certificate: try omission()) }
            let found = try Approximation(try approximate(rank), rank: rank)
            let factors =
                isTransposed
                ? FactorPair(b: found.factors.aTransposed, aTransposed: found.factors.b) : found.factors
            let stored = try layout.store(factors, rank: rank, as: dtype, found.loss)
            return ComputedModule(
                a: stored.a, b: stored.b, certificate: Loss.certificate([stored.loss], name: name, rank: rank))
        }
    }

    /// The smallest rank that was found to miss at most a share of ‖ΔW‖², but not more than a limit; at least 1.
    func requiredRank(missing share: Double, limit: Int?) throws -> Int {
        try describing {
            let limit = min(limit ?? extent, extent)
            var rank = min(ExtractPlan.firstRank, limit)
            while true {
                let found = try approximate(rank)
                let spectrum = try found.factors.spectrum()
                let (total, missed) = (found.norm * found.norm, found.residual * found.residual)
                // All directions that the sketch found count, also those beyond the rank.
                if missed <= share * total {
                    return max(1, min(limit, Spectrum.rank(keeping: 1 - share, of: spectrum, missing: missed)))
                }
                guard rank < limit else { return limit }
                rank = min(2 * rank, limit)
            }
        }
    }

    private func approximate(_ rank: Int) throws -> RangeFinder.Result {
        guard layout.fitsMemory(inner: max(2 * rank, rank + 24), storesAll: false) else {
            throw ArithmeticError(
                .limitExceeded,
                "Unable to extract the module '\(name)': rank \(rank) for a weight of \(layout.rows) × \(layout.columns) is "
                    + "too much to compute with. Use a smaller --rank.", module: name)
        }
        return try RangeFinder(rank: rank, stream: stream).approximate(difference)
    }

    /// What leaving the change out costs.
    private func omission() throws -> ErrorCertificate.Module {
        let found = try approximate(1)
        let largest = extent == 1 ? found.norm : try found.factors.spectrum().first ?? 0
        return ErrorCertificate.Module(
            name: name, rank: 0, deltaNorm: found.norm, truncationError: found.norm,
            largestDroppedSingularValue: largest, roundingError: 0)
    }

    private func describing<Result>(_ body: () throws -> Result) throws -> Result {
        try ArithmeticError.describing(
            "extract", module: name, overflowRemedy: "Use --dtype f32 or bf16.", dtype: dtype, body)
    }

    /// The sketch's random stream: Philox4x32-10, keyed by the seed and the module.
    ///
    /// Key and counter are the first 16 bytes of SHA-256 over `adapterctl sketch 1`, a zero byte, the seed (8 bytes,
    /// little-endian) and the module's name in UTF-8.
    private var stream: [UInt32] {
        let seed = (0..<8).map { UInt8(truncatingIfNeeded: self.seed >> (8 * UInt64($0))) }
        let digest = SHA256.hash(Array("adapterctl sketch 1\0".utf8), seed, Array(name.utf8)).bytes
        return (0..<4).map { word in
            (0..<4).reduce(0) { $0 | UInt32(digest[4 * word + $1]) << (8 * UInt32($1)) }
        }
    }
}
