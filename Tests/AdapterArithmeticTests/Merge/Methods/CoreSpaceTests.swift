import AdapterArithmetic
import AdapterTesting
import Adapters
import Tensors
import Testing

/// Laws of merging cores instead of updates.
@Suite struct CoreSpaceTests {
    /// Methods that look at angles and singular values alone, which orthonormal bases keep.
    static let invariant: [MergeMethod] = [.exact, .slerp, .nuslerp, .multislerp, .karcher, .modelStock, .iso]

    private static func options(_ method: MergeMethod, _ inner: MergeMethod?, rank: Int? = 14) -> MergeOptions {
        MergeOptions(method: method, rank: rank, inner: inner, dtype: .f32)
    }

    @Test(arguments: invariant)
    func `In the core space they give what they give on the updates`(method: MergeMethod) throws {
        for seed in MethodLawTests.seeds {
            // A plain weight, a convolution and experts, over all of which a combination has one set of coefficients.
            let inputs = try MethodLawTests.inputs(seed, MethodLawTests.weights(method))
            let expected = try MethodLawTests.dense(inputs, Self.options(method, nil))
            let found = try MethodLawTests.dense(inputs, Self.options(.coreSpace, method))
            #expect(largestDistance(found, expected) < 2e-6, "seed \(seed)")
        }
    }

    @Test(arguments: invariant.filter { $0 != .exact && $0 != .iso })
    func `Compressed at full rank they do, too`(method: MergeMethod) throws {
        let inputs = try MethodLawTests.inputs(5, MethodLawTests.weights(method))
        let expected = try MethodLawTests.dense(inputs, Self.options(method, nil))
        let found = try MethodLawTests.dense(inputs, Self.options(.compressThenMerge, method))
        #expect(largestDistance(found, expected) < 2e-6)
    }

    @Test func `A module that one adapter has alone takes no part in angles`() throws {
        var inputs = try MethodLawTests.inputs(9, [1, 3])
        inputs[1].factors = ["linear": 0]
        let found = try MethodLawTests.dense(inputs, Self.options(.coreSpace, .slerp))
        let alone = try inputs[0].adapter.dense("linear")
        #expect(relativeDistance(try required(found["linear"], "linear"), alone) < 2e-6)
    }

    @Test func `An inner method keeps its conditions`() throws {
        let inputs = try MethodLawTests.inputs(3, [1, 1, 1])
        #expect(code { try Merge.merge(inputs, options: Self.options(.coreSpace, .slerp)) } == .invalidOption)
        let unequal = try MethodLawTests.inputs(3, [1, 2, 1])
        let stock = try Merge.merge(unequal, options: Self.options(.coreSpace, .modelStock))
        #expect(code { try stock.certificate() } == .invalidWeight)
    }

    @Test(arguments: [
        MergeMethod.coreSpace, .compressThenMerge, .cat, .compatLinear, .compatTIES, .compatDARELinear,
    ])
    func `What cannot merge cores is refused`(inner: MergeMethod) throws {
        let inputs = try MethodLawTests.inputs(3, [1, 1])
        for method in [MergeMethod.coreSpace, .compressThenMerge] {
            #expect(code { try Merge.merge(inputs, options: Self.options(method, inner)) } == .invalidOption)
        }
    }
}
