import AdapterTesting
import Adapters
import Tensors
import Testing

struct ScalingRuleTests {
    /// The numbers are the file format's (clause 6.3).
    @Test func `rules keep their numbers`() {
        #expect(ScalingRule.allCases.map(\.rawValue) == [0, 1])
        #expect(ScalingRule(rawValue: 0) == .alphaOverRank)
    }

    @Test(
        arguments: [
            (.alphaOverRank, 16, 8, 2), (.alphaOverRank, 1, 4, 0.25), (.alphaOverRank, -3, 2, -1.5),
            (.alphaOverRank, 0, 7, 0),
            (.alphaOverRank, 1, 3, 1.0 / 3), (.alphaOverSquareRootOfRank, 16, 4, 8),
            (.alphaOverSquareRootOfRank, 1, 65_536, 1 / 256.0),
            (.alphaOverSquareRootOfRank, 3, 1, 3), (.alphaOverSquareRootOfRank, 2, 2, 1.4142135623730951),
        ] as [(ScalingRule, Double, Int, Double)])
    func `alpha and rank make the scaling`(rule: ScalingRule, alpha: Double, rank: Int, scaling: Double) {
        #expect((rule.scaling(alpha: alpha, rank: rank) - scaling).magnitude <= scaling.magnitude * 0x1p-52)
    }
}

struct LowRankUpdateTests {
    private struct Unread: TensorSource {
        struct Read: Error {}
        func bytes(in range: Range<Int>) throws -> [UInt8] { throw Read() }
    }

    private func update(
        _ kind: WeightKind, _ a: [Int], _ b: [Int], rank: Int, alpha: Double = 1, rule: ScalingRule = .alphaOverRank
    ) throws -> LowRankUpdate {
        try LowRankUpdate(
            kind: kind, a: Tensor(dtype: .f32, shape: #require(Shape(a)), source: Unread()),
            b: Tensor(dtype: .bf16, shape: #require(Shape(b)), source: Unread()), rank: rank, alpha: alpha,
            scalingRule: rule)
    }

    /// The numbers are the file format's (clause 6.2).
    @Test func `kinds keep their numbers`() {
        #expect(WeightKind.allCases.map(\.rawValue) == [1, 2, 3, 4, 5])
        #expect(WeightKind(rawValue: 3) == .convolution)
        #expect(WeightKind(rawValue: 0) == nil)
    }

    @Test(
        arguments: [
            (.linear, [2, 5], [4, 2], 2), (.linear, [1, 1], [1, 1], 1), (.linear, [8, 3], [2, 8], 8),
            (.linear, [2, 0], [0, 2], 2),
            (.transposedLinear, [2, 5], [4, 2], 2), (.embedding, [2, 32_000], [64, 2], 2),
            (.convolution, [4, 3, 3, 3], [8, 4, 1, 1], 4), (.convolution, [4, 3, 5], [8, 4, 1], 4),
            (.convolution, [4, 3, 2, 2, 2], [8, 4, 1, 1, 1], 4),
            (.convolution, [4, 3, 1, 1, 1, 1], [8, 4, 1, 1, 1, 1], 4),
            // Grouped: B holds r/groups.
            (.convolution, [4, 3, 3, 3], [8, 2, 1, 1], 4), (.convolution, [4, 3, 3, 3], [8, 1, 1, 1], 4),
            (.convolution, [6, 3, 3, 3], [8, 3, 1, 1], 6), (.experts, [3, 2, 5], [3, 4, 2], 2),
            (.experts, [1, 1, 1], [1, 1, 1], 1),
            (.linear, [65_536, 2], [2, 65_536], 65_536),
        ] as [(WeightKind, [Int], [Int], Int)])
    func `shapes that fit are accepted`(kind: WeightKind, a: [Int], b: [Int], rank: Int) throws {
        let update = try update(kind, a, b, rank: rank, alpha: 3, rule: .alphaOverSquareRootOfRank)
        #expect(update.kind == kind)
        #expect(update.a.shape.extents == a)
        #expect(update.b.shape.extents == b)
        #expect(update.rank == rank)
        #expect(update.parameterCount == a.reduce(1, *) + b.reduce(1, *))
        #expect(update.scaling == 3 / Double(rank).squareRoot())
    }

    @Test(
        arguments: [
            // The rank of A, of B, of both.
            (.linear, [3, 5], [4, 2], 2), (.linear, [2, 5], [4, 3], 2), (.linear, [2, 5], [4, 2], 3),
            (.linear, [5, 2], [2, 4], 2),
            (.transposedLinear, [2, 5], [2, 4], 2), (.embedding, [5, 2], [4, 2], 2), (.linear, [0, 5], [4, 0], 1),
            // The number of dimensions.
            (.linear, [2], [4, 2], 2), (.linear, [2, 5], [2], 2), (.linear, [], [], 1),
            (.linear, [2, 5, 1], [4, 2, 1], 2),
            (.linear, [2, 5], [4, 2, 1], 2), (.embedding, [2, 5, 1], [4, 2], 2), (.transposedLinear, [2, 5], [4], 2),
            (.convolution, [2, 5], [4, 2], 2), (.convolution, [4, 3, 3, 3], [8, 4], 4),
            (.convolution, [4, 3, 3, 3], [8, 4, 1], 4),
            (.convolution, [4, 3, 3], [8, 4, 1, 1], 4), (.convolution, [], [], 1), (.convolution, [4], [4], 4),
            (.experts, [2, 5], [4, 2], 2), (.experts, [3, 2, 5], [4, 2], 2),
            (.experts, [3, 2, 5, 1], [3, 4, 2, 1], 2),
            (.experts, [], [], 1),
            // Convolutions: B's kernel, its groups, its rank.
            (.convolution, [4, 3, 3, 3], [8, 4, 3, 3], 4), (.convolution, [4, 3, 3, 3], [8, 4, 1, 2], 4),
            (.convolution, [4, 3, 3, 3], [8, 3, 1, 1], 4), (.convolution, [4, 3, 3, 3], [8, 8, 1, 1], 4),
            (.convolution, [4, 3, 3, 3], [8, 0, 1, 1], 4), (.convolution, [3, 3, 3, 3], [8, 4, 1, 1], 4),
            (.convolution, [4, 3, 3, 3], [8, 4, 0, 1], 4),
            // Experts: their number, and A's and B's ranks.
            (.experts, [3, 2, 5], [4, 4, 2], 2), (.experts, [3, 3, 5], [3, 4, 2], 2),
            (.experts, [3, 2, 5], [3, 4, 3], 2),
            (.experts, [2, 3, 5], [4, 3, 2], 2),
        ] as [(WeightKind, [Int], [Int], Int)])
    func `shapes that do not fit are refused`(kind: WeightKind, a: [Int], b: [Int], rank: Int) {
        let error = #expect(throws: AdapterError.self) { try update(kind, a, b, rank: rank) }
        #expect(error?.code == .shapeMismatch)
    }

    @Test(arguments: [0, -1, Int.min, 65_537, Int.max]) func `ranks out of range are refused`(rank: Int) {
        let error = #expect(throws: AdapterError.self) { try update(.linear, [2, 5], [4, 2], rank: rank) }
        #expect(error?.code == .invalidScaling)
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, .signalingNaN]) func `alphas that are not finite are refused`(
        alpha: Double
    ) {
        let error = #expect(throws: AdapterError.self) { try update(.linear, [2, 5], [4, 2], rank: 2, alpha: alpha) }
        #expect(error?.code == .invalidScaling)
    }

    @Test(arguments: [0, -0.0, -1, 0x1p-1070, .greatestFiniteMagnitude] as [Double])
    func `every finite alpha is possible`(alpha: Double) throws {
        #expect(try update(.linear, [2, 5], [4, 2], rank: 2, alpha: alpha).scaling == alpha / 2)
    }
}
