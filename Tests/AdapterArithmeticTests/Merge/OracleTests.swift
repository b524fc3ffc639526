import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

/// Against results that share no code with the product.
@Suite struct OracleTests {
    @Test func `The fixtures are there`() {
        #expect(OracleCase.names("cat-").count >= 5)
        #expect(OracleCase.names("exact-").count >= 11)
        #expect(OracleCase.names("delta-").count >= 40)
        #expect(PEFTFixture.names.count >= 50)
    }

    @Test(arguments: OracleCase.names("cat-"), [MergeMethod.cat, .exact])
    func `Both methods give the exact sum when nothing is cut off`(name: String, method: MergeMethod) throws {
        let oracle = try OracleCase(name)
        let result = try Merge.merge(oracle.mergeInputs(), options: MergeOptions(method: method, dtype: .f32))
        #expect(largestDistance(try result.adapter.dense(), oracle.deltas) < 1e-6)
        let certificate = try result.certificate()
        #expect(certificate.modules.map(\.name) == result.adapter.updates.map(\.name))
        for module in certificate.modules {
            // Stacked factors tell six digits, an SVD more.
            let precision = method == .cat ? 1e-6 : 1e-12
            #expect(agree(module.deltaNorm, try oracle.number("deltaNorm", of: module.name), precision))
            #expect(module.truncationError == 0 && module.largestDroppedSingularValue == 0)
        }
    }

    @Test(arguments: OracleCase.names("exact-"))
    func `The best approximation of a rank, and what it loses`(name: String) throws {
        let oracle = try OracleCase(name)
        let result = try Merge.merge(
            oracle.mergeInputs(), options: MergeOptions(method: .exact, rank: oracle.rank, dtype: .f32))
        #expect(largestDistance(try result.adapter.dense(), oracle.deltas) < 1e-6)
        for module in try result.certificate().modules {
            // Kept factors tell six digits, an SVD more.
            let precision = module.truncationError == 0 ? 1e-6 : 1e-12
            #expect(agree(module.deltaNorm, try oracle.number("deltaNorm", of: module.name), precision))
            #expect(agree(module.truncationError, try oracle.number("truncationError", of: module.name), 1e-9))
            #expect(
                agree(
                    module.largestDroppedSingularValue, try oracle.number("nextSingularValue", of: module.name), 1e-9))
        }
    }

    @Test(arguments: OracleCase.names("exact-"), [DType.f32, .f16, .bf16])
    func `The rounding error is the true one`(name: String, dtype: DType) throws {
        let oracle = try OracleCase(name)
        let result = try Merge.merge(
            oracle.mergeInputs(), options: MergeOptions(method: .exact, rank: oracle.rank, dtype: dtype))
        #expect(Set(result.adapter.dtypes) == [dtype])
        let stored = try result.adapter.dense()
        for module in try result.certificate().modules {
            let truth = norm(
                difference(try required(stored[module.name], module.name), oracle.deltas[module.name] ?? []))
            // The oracle itself is accurate to about 1e-15, which is 1e-7 of an f32 rounding error.
            #expect(
                agree(module.roundingError, truth, 1e-6) || (module.roundingError - truth).magnitude < 1e-15,
                "\(module.name): \(module.roundingError), true \(truth)")
        }
    }

    @Test(arguments: OracleCase.names("delta-"))
    func `A single adapter's weight change is the oracle's`(name: String) throws {
        let oracle = try OracleCase(name)
        let input = oracle.inputs[0].adapter
        // KaSA scales inside, and block-diagonal factors are stored narrow.
        guard !["llama-kasa", "llama-bdlora"].contains(input) else { return }
        let result = try merged([(try PEFTFixture.load(input), 1)], MergeOptions(method: .cat))
        #expect(largestDistance(try result.adapter.dense(), oracle.deltas) < 1e-13)
        for module in try result.certificate().modules {
            #expect(agree(module.deltaNorm, try oracle.number("deltaNorm", of: module.name), 1e-6))
            #expect(module.roundingError == 0 && module.truncationError == 0)
        }
    }

    @Test(arguments: [
        ("cat-task-ab", MergeMethod.cat, 1e-6), ("cat-task-abc", .cat, 1e-6), ("cat-gpt2", .cat, 1e-6),
        // PEFT rounds every step to bfloat16.
        ("cat-bf16-ab", .cat, 1e-2), ("svd-rank4-pair", .exact, 1e-5), ("svd-task-abc-rank4", .exact, 1e-5),
    ])
    func `PEFT's own merges have the same effect`(name: String, method: MergeMethod, tolerance: Double) throws {
        let folder = Fixtures.directory + "/peft-merges/" + name
        let description = try document(folder + "/case.json")
        let inputs = try required(description["inputs"]?.array, "inputs").map {
            (
                try PEFTFixture.load(required($0["adapter"]?.string, "name")),
                try required($0["weight"]?.number, "weight")
            )
        }
        let result = try merged(inputs, MergeOptions(method: method, rank: description["svdRank"]?.integer))
        let theirs = try PEFTFixture.load(folder: folder).dense()
        #expect(largestDistance(try result.adapter.dense(), theirs) < tolerance)
    }
}
