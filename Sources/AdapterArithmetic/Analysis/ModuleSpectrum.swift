public import Adapters
import Glibc
import LinearAlgebra

/// The singular values of one module's ΔW = s·B·A, and what they tell.
///
/// A stack of matrices (experts, the groups of a convolution) is one block-diagonal ΔW, so the values of its blocks stand
/// together.
public struct ModuleSpectrum: Hashable, Sendable {
    /// The module's name.
    public let name: String
    /// What kind of weight is changed.
    public let kind: WeightKind
    /// The rows of a block.
    public let rows: Int
    /// The columns of a block.
    public let columns: Int
    /// The number of blocks; 1 for most kinds.
    public let blockCount: Int
    /// The rank that the factors have room for, in each block.
    public let rank: Int
    /// The singular values that are not rounding noise, descending.
    public let values: [Double]

    /// Creates a spectrum.
    public init(
        name: String, kind: WeightKind, rows: Int, columns: Int, blockCount: Int = 1, rank: Int, values: [Double]
    ) {
        self.name = name
        self.kind = kind
        self.rows = rows
        self.columns = columns
        self.blockCount = blockCount
        self.rank = rank
        self.values = values
    }

    /// Where the module stands.
    public var position: ModulePosition { ModulePosition(of: name) }

    /// ‖ΔW‖_F, the root of the sum of all squared elements.
    public var frobeniusNorm: Double { Matrix.norm(values[...]) }

    /// ‖ΔW‖₂, the largest singular value.
    public var spectralNorm: Double { values.first ?? 0 }

    /// The number of singular values above rounding noise.
    public var numericalRank: Int { values.count }

    /// ‖ΔW‖_F² / ‖ΔW‖₂² (Rudelson and Vershynin, "Sampling from large matrices", 2007); 0 for ΔW = 0.
    public var stableRank: Double {
        values.reduce(0) { $0 + ($1 / spectralNorm) * ($1 / spectralNorm) }
    }

    /// exp of the entropy of the singular values over their sum (Roy and Vetterli, "The effective rank: a measure of
    /// effective dimensionality", 2007); 0 for ΔW = 0.
    public var effectiveRank: Double {
        guard let largest = values.first else { return 0 }
        // Relative to the largest, so that the sum cannot overflow.
        let sum = values.reduce(0) { $0 + $1 / largest }
        let entropy = values.reduce(0.0) { entropy, value in
            let share = value / largest / sum
            return share > 0 ? entropy - share * Glibc.log(share) : entropy
        }
        return Glibc.exp(entropy)
    }

    /// The smallest number of singular values that hold the share `energy` of ‖ΔW‖_F².
    public func rank(keeping energy: Double) -> Int { Spectrum.rank(keeping: energy, of: values) }
}
