public import Tensors

/// How α and the rank make the scaling s of ΔW = s·B·A.
public enum ScalingRule: UInt8, Sendable, Hashable, CaseIterable {
    /// s = α / r (LoRA, arXiv 2106.09685, section 4.1).
    case alphaOverRank = 0
    /// s = α / √r (rsLoRA, arXiv 2312.03732).
    case alphaOverSquareRootOfRank = 1

    /// The scaling for an alpha and a positive rank.
    public func scaling(alpha: Double, rank: Int) -> Double {
        switch self {
        case .alphaOverRank: alpha / Double(rank)
        case .alphaOverSquareRootOfRank: alpha / Double(rank).squareRoot()
        }
    }
}

/// What kind of weight a low-rank update changes, which fixes the shapes of A and B.
///
/// The orientation is always ΔW = s·B·A with B (out × r) and A (r × in); importers and exporters transpose.
public enum WeightKind: UInt8, Sendable, Hashable, CaseIterable {
    /// A weight stored [out, in]. A [r, in], B [out, r].
    case linear = 1
    /// A weight stored [in, out], such as GPT-2's Conv1D. A [r, in], B [out, r].
    case transposedLinear = 2
    /// A convolution with weight [out, in/groups, k…]. A [r, in, k…], B [out, r/groups, 1…].
    case convolution = 3
    /// An embedding with weight [vocabulary, dimension]. A [r, vocabulary], B [dimension, r].
    case embedding = 4
    /// A stack of E matrices, such as the experts of a mixture. A [E, r, in], B [E, out, r].
    case experts = 5
}

/// One low-rank update ΔW = s·B·A.
public struct LowRankUpdate: Sendable {
    /// The largest rank.
    public static let maximumRank = 65_536

    /// What kind of weight it changes.
    public let kind: WeightKind
    /// The down-projection, shaped as ``WeightKind`` says.
    public let a: Tensor
    /// The up-projection, shaped as ``WeightKind`` says.
    public let b: Tensor
    /// The rank r, 1 … 65 536.
    public let rank: Int
    /// The numerator α of the scaling; any finite number.
    public let alpha: Double
    /// How α and r make s.
    public let scalingRule: ScalingRule

    /// Creates an update and checks that its parts fit each other.
    ///
    /// - Throws: ``AdapterError`` with code `shapeMismatch` or `invalidScaling`.
    public init(kind: WeightKind, a: Tensor, b: Tensor, rank: Int, alpha: Double, scalingRule: ScalingRule) throws {
        guard rank >= 1, rank <= LowRankUpdate.maximumRank else {
            throw AdapterError(.invalidScaling, "the rank is \(rank), 1 to \(LowRankUpdate.maximumRank) are possible")
        }
        guard alpha.isFinite else {
            throw AdapterError(.invalidScaling, "alpha is \(alpha), a finite number is needed")
        }
        guard LowRankUpdate.fits(kind, a: a.shape, b: b.shape, rank: rank) else {
            throw AdapterError(
                .shapeMismatch, "A \(a.shape) and B \(b.shape) do not fit rank \(rank) of a \(kind) weight")
        }
        self.kind = kind
        self.a = a
        self.b = b
        self.rank = rank
        self.alpha = alpha
        self.scalingRule = scalingRule
    }

    /// The scaling s.
    public var scaling: Double { scalingRule.scaling(alpha: alpha, rank: rank) }

    /// The number of trained values in A and B.
    public var parameterCount: Int { a.shape.elementCount + b.shape.elementCount }

    private static func fits(_ kind: WeightKind, a: Shape, b: Shape, rank: Int) -> Bool {
        switch kind {
        case .linear, .transposedLinear, .embedding:
            a.rank == 2 && b.rank == 2 && a[0] == rank && b[1] == rank
        case .convolution:
            a.rank >= 3 && a.rank == b.rank && a[0] == rank && b[1] > 0 && rank % b[1] == 0
                && b[0] % (rank / b[1]) == 0 && b.extents.dropFirst(2).allSatisfy { $0 == 1 }
        case .experts:
            a.rank == 3 && b.rank == 3 && a[0] == b[0] && a[1] == rank && b[2] == rank
        }
    }
}
