import AdapterArithmetic
import AdapterTesting
import Adapters
import Integrity
import LinearAlgebra
import Tensors
import Testing

/// Matrices larger than a complete sketch: the certificate is the true error, and the error nearly the least.
@Suite struct RangeFinderTests {
    static func inputs() throws -> [MergeInput] {
        var generator = SeededGenerator(seed: 61)
        return try (0..<3).map { index in
            let sample = Sample(name: "large", out: 260, input: 310, rank: 6, alpha: 6)
            return MergeInput(
                adapter: try sampleAdapter([sample], using: &generator), weight: 1, label: "\(index)",
                contentRoot: SHA256.hash([UInt8(index)]))
        }
    }

    @Test(arguments: [MergeMethod.ties, .dareTIES, .sce, .breadcrumbs, .della])
    func `What is lost is known exactly and nearly the least`(method: MergeMethod) throws {
        let inputs = try Self.inputs()
        func result(rank: Int) throws -> (dense: Dense, loss: ErrorCertificate.Module) {
            let merged = try Merge.merge(
                inputs, options: MergeOptions(method: method, rank: rank, density: 0.4, dtype: .f32))
            return (try merged.adapter.dense("large"), try required(merged.certificate().modules.first, "a module"))
        }
        let full = try result(rank: 260)
        #expect(full.loss.relativeTruncationError < 1e-6)
        let part = try result(rank: 12)
        let truth = norm(difference(full.dense, part.dense))
        #expect(agree(part.loss.truncationError, truth, 1e-4), "\(part.loss.truncationError), true \(truth)")
        #expect(agree(part.loss.deltaNorm, norm(full.dense), 1e-5))
        let values = try Matrix(rows: 260, columns: 310, rowMajor: full.dense).singularValues()
        let least = norm(Array(values.dropFirst(12)))
        #expect(truth < 1.005 * least, "\(truth), the least is \(least)")
        #expect(agree(part.loss.largestDroppedSingularValue, values[12], 0.05))
    }

    @Test func `Energy finds the smallest rank that keeps it`() throws {
        let inputs = try Self.inputs()
        let options = MergeOptions(method: .ties, rank: 100, energy: 0.8, density: 0.6, dtype: .f32)
        let module = try required(Merge.merge(inputs, options: options).certificate().modules.first, "a module")
        #expect(module.relativeTruncationError * module.relativeTruncationError <= 0.2)
        var fewer = options
        (fewer.rank, fewer.energy) = (module.rank - 1, nil)
        let other = try required(Merge.merge(inputs, options: fewer).certificate().modules.first, "a module")
        #expect(other.relativeTruncationError * other.relativeTruncationError > 0.2)
        // Without a limit it goes as far as it takes, and with one no further.
        (fewer.rank, fewer.energy) = (nil, 0.9)
        let larger = try required(Merge.merge(inputs, options: fewer).certificate().modules.first, "a module")
        #expect(larger.rank > module.rank)
        #expect(larger.relativeTruncationError * larger.relativeTruncationError <= 0.1)
        (fewer.rank, fewer.energy) = (4, 0.99)
        #expect(try Merge.merge(inputs, options: fewer).adapter.ranks == [4])
    }

    @Test func `Equal magnitudes at the cut are kept from the first on`() throws {
        // Every element of ΔW has the magnitude 1.
        let update = try LowRankUpdate(
            kind: .linear, a: tensor([Double](repeating: 1, count: 700), [1, 700]),
            b: tensor((0..<400).map { $0 % 2 == 0 ? 1 : -1 }, [400, 1]), rank: 1, alpha: 1, scalingRule: .alphaOverRank)
        let adapter = try Adapter(
            base: BaseModel(name: "base"), modules: [AdaptedModule(name: "flat", update: update)])
        let result = try merged(
            [(adapter, 1)], MergeOptions(method: .magnitudePrune, rank: 2, density: 0.3, dtype: .f32)
        ).adapter.dense("flat")
        let kept = Int(0.3 * 280_000)
        // Whole rows and part of one: rank 2, so nothing is lost.
        let expected = (0..<280_000).map { index -> Double in
            index < kept ? ((index / 700) % 2 == 0 ? 1 : -1) : 0
        }
        #expect(relativeDistance(result, expected) < 1e-5)
    }
}
