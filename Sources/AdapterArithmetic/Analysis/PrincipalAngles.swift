import Glibc
import LinearAlgebra

/// The principal angles between two subspaces.
enum PrincipalAngles {
    /// The angles in radians, ascending, as many as the smaller subspace has dimensions.
    ///
    /// Cosines tell nothing of angles below 1e-8, and sines nothing of those near π/2; so each decides where it is exact
    /// (Björck and Golub, 1973; Knyazev and Argentati, "Principal angles between subspaces in an A-based scalar product",
    /// 2002, algorithm 3.1).
    ///
    /// - Parameters: orthonormal bases of equally many rows, as columns.
    static func between(_ first: Matrix, _ second: Matrix) throws -> [Double] {
        let (larger, smaller) = first.columns >= second.columns ? (first, second) : (second, first)
        guard smaller.columns > 0 else { return [] }
        let inner = try larger.product(smaller, transposingSelf: true)
        let cosines = try inner.singularValues()
        let residual = try smaller.subtracting(larger.product(inner))
        let sines = try residual.qrTriangle().singularValues().reversed()
        return zip(cosines, sines).map { cosine, sine in
            cosine * cosine < 0.5 ? acos(min(1, max(0, cosine))) : asin(min(1, max(0, sine)))
        }
    }
}

/// How two subspaces of one space lie to each other.
public struct SubspaceRelation: Hashable, Sendable {
    /// The principal angles in radians, ascending, as many as the smaller subspace has dimensions.
    public let angles: [Double]
    /// The dimensions of both.
    public let dimensions: [Int]
    /// The dimension of the space.
    public let spaceDimension: Int

    /// The share of the smaller subspace that lies in the larger: the mean of the squared cosines,
    /// ‖U₁ᵀU₂‖_F² / min(r₁, r₂); 0 when one has no dimension.
    public var overlap: Double {
        angles.isEmpty ? 0 : angles.reduce(0) { $0 + cos($1) * cos($1) } / Double(angles.count)
    }

    /// The overlap that random subspaces of these dimensions have on average: max(r₁, r₂) / n.
    public var overlapByChance: Double {
        spaceDimension == 0 || angles.isEmpty ? 0 : Double(dimensions.max() ?? 0) / Double(spaceDimension)
    }
}

extension SubspaceRelation {
    /// The relation of sums of subspaces of orthogonal spaces, such as the blocks of a block-diagonal matrix.
    init(_ blocks: [SubspaceRelation]) {
        dimensions = blocks.reduce([0, 0]) { [$0[0] + $1.dimensions[0], $0[1] + $1.dimensions[1]] }
        spaceDimension = blocks.reduce(0) { $0 + $1.spaceDimension }
        let angles = blocks.flatMap(\.angles).sorted()
        // In each block the smaller subspace decides, in the whole the smaller sum: what finds nothing is orthogonal.
        let missing = max(0, (dimensions.min() ?? 0) - angles.count)
        self.angles = angles + [Double](repeating: .pi / 2, count: missing)
    }

    /// The relation of the column spaces of two bases.
    init(_ first: Matrix, _ second: Matrix) throws {
        angles = try PrincipalAngles.between(first, second)
        dimensions = [first.columns, second.columns]
        spaceDimension = first.rows
    }
}
