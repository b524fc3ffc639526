import AdapterArithmetic
import AdapterTesting
import Adapters
import LinearAlgebra
import Tensors
import Testing

@Suite struct TruncationTests {
    /// A module whose singular values are known: B and A have orthogonal columns and rows of these lengths.
    static func diagonal(_ values: [Double], experts: [[Double]]? = nil) throws -> Adapter {
        let stacks = experts ?? [values]
        let (out, input, rank) = (6, 5, values.count)
        let factors = stacks.map { values in
            (
                a: (0..<rank * input).map { $0 / input == $0 % input ? 1.0 : 0 },
                b: (0..<out * rank).map { $0 / rank == $0 % rank ? values[$0 % rank] : 0.0 }
            )
        }
        let shapes =
            experts == nil
            ? ([rank, input], [out, rank]) : ([stacks.count, rank, input], [stacks.count, out, rank])
        return try Adapter(
            base: BaseModel(name: "base"),
            modules: [
                AdaptedModule(
                    name: "layer",
                    update: LowRankUpdate(
                        kind: experts == nil ? .linear : .experts, a: tensor(factors.flatMap(\.a), shapes.0),
                        b: tensor(factors.flatMap(\.b), shapes.1), rank: rank, alpha: Double(rank),
                        scalingRule: .alphaOverRank))
            ])
    }

    @Test(arguments: [(1.0, 4), (0.99, 3), (0.9, 3), (0.89, 2), (0.72, 2), (0.71, 1), (1e-9, 1)])
    func `Energy keeps the smallest sufficient rank`(energy: Double, rank: Int) throws {
        // Squares 16, 4, 2.25, 0.0001 of 22.2501; shares 0.719, 0.899, 0.99999.
        let adapter = try Self.diagonal([4, 2, 1.5, 0.01])
        let result = try merged([(adapter, 1)], MergeOptions(method: .exact, energy: energy))
        #expect(result.adapter.ranks == [rank])
        let certificate = try result.certificate().modules[0]
        let dropped = [4, 2, 1.5, 0.01].dropFirst(rank)
        #expect(agree(certificate.truncationError, norm(Array(dropped)), 1e-7))
        #expect(agree(certificate.largestDroppedSingularValue, dropped.first ?? 0, 1e-7))
        #expect(agree(certificate.deltaNorm, 22.2501.squareRoot(), 1e-7))
    }

    @Test(arguments: [0.5, 0.9, 1])
    func `A rank that is found gives the bits of one that is asked for`(energy: Double) throws {
        var generator = SeededGenerator(seed: 17)
        // Long factors; some with more columns than rows, and stacks.
        let samples = [
            Sample(name: "tall", out: 300, input: 280, rank: 4, alpha: 3),
            Sample(name: "wide", out: 3, input: 9, rank: 4, alpha: 3),
            Sample(name: "experts", kind: .experts, out: 30, input: 40, rank: 4, alpha: 3),
        ]
        let adapters = try (0..<3).map { _ in try sampleAdapter(samples, using: &generator) }
        for weights in [[-0.7], [0.5, -1.3, 2]] {
            let inputs = Array(zip(adapters, weights))
            let found = try merged(inputs, MergeOptions(method: .exact, energy: energy))
            #expect(try found.certificate().relativeTruncationError <= (1 - energy).squareRoot() + 1e-9)
            for (name, update) in found.adapter.updates {
                let asked = try merged(inputs, MergeOptions(method: .exact, rank: update.rank)).adapter
                let other = try required(asked.updates.first { $0.name == name }?.update, name)
                #expect(try update.a.bytes() == other.a.bytes() && update.b.bytes() == other.b.bytes(), "\(name)")
                #expect(update.scaling == other.scaling)
            }
        }
    }

    @Test func `Energy and rank together take the smaller rank`() throws {
        let adapter = try Self.diagonal([4, 2, 1.5, 0.01])
        #expect(try merged([(adapter, 1)], MergeOptions(rank: 2, energy: 1)).adapter.ranks == [2])
        #expect(try merged([(adapter, 1)], MergeOptions(rank: 9, energy: 0.9)).adapter.ranks == [3])
    }

    @Test func `All experts get the rank that one of them needs`() throws {
        let adapter = try Self.diagonal([0, 0, 0], experts: [[5, 0.1, 0], [3, 3, 0], [0, 0, 0]])
        let result = try merged([(adapter, 1)], MergeOptions(energy: 0.9))
        #expect(result.adapter.ranks == [2])
        let certificate = try result.certificate().modules[0]
        #expect(certificate.truncationError == 0)
        #expect(
            try merged([(adapter, 1)], MergeOptions(rank: 1)).certificate().modules[0].largestDroppedSingularValue > 2.9
        )
        #expect(largestDistance(try result.adapter.dense(), try adapter.dense()) < 1e-7)
    }

    @Test func `A rank beyond the weight's is cut to it, one beyond the numerical rank is filled with zeros`() throws {
        var generator = SeededGenerator(seed: 31)
        let adapter = try sampleAdapter([Sample(out: 4, input: 20, rank: 3)], using: &generator)
        let other = try sampleAdapter([Sample(out: 4, input: 20, rank: 3)], using: &generator)
        let full = try merged([(adapter, 1), (other, 1)], MergeOptions(rank: 100)).adapter
        #expect(full.ranks == [4])
        let padded = try merged([(adapter, 1), (adapter, 1)], MergeOptions(rank: 4)).adapter
        #expect(padded.ranks == [4])
        let b = try required(padded.updates.first, "an update").update.b.doubles()
        #expect((0..<4).allSatisfy { b[$0 * 4 + 3] == 0 })
        #expect((0..<4).contains { b[$0 * 4 + 2] != 0 })
        #expect(largestDistance(try padded.dense(), weightedSum([(2, try adapter.dense())])) < 3e-7)
    }

    @Test func `Factors are balanced and their sign is fixed`() throws {
        var generator = SeededGenerator(seed: 32)
        let adapter = try sampleAdapter([Sample(out: 30, input: 20, rank: 6, scale: 100)], using: &generator)
        let result = try merged([(adapter, 1), (adapter, -0.5)], MergeOptions(rank: 4)).adapter
        let update = try required(result.updates.first, "an update").update
        let b = try Matrix(update.b)
        let a = try Matrix(update.a).transposed()
        for column in 0..<4 {
            #expect(agree(b.columnNorms[column], a.columnNorms[column], 1e-6))
            #expect(b.column(column).max { $0.magnitude < $1.magnitude } ?? 0 > 0)
        }
        #expect(zip(b.columnNorms, b.columnNorms.dropFirst()).allSatisfy { $0 > $1 })
        #expect(update.alpha == 4 && update.scalingRule == .alphaOverRank)
    }

    @Test func `A truncated rsLoRA adapter keeps its rule at scaling 1`() throws {
        var generator = SeededGenerator(seed: 33)
        let adapter = try sampleAdapter([Sample(rank: 5, rule: .alphaOverSquareRootOfRank)], using: &generator)
        let update = try required(
            try merged([(adapter, 2)], MergeOptions(rank: 3)).adapter.updates.first, "an update"
        ).update
        #expect(update.scalingRule == .alphaOverSquareRootOfRank && update.scaling == 1)
        let kept = try merged([(adapter, 2)], MergeOptions(rank: 5)).adapter.updates[0].update
        #expect(try kept.a.bytes() == adapter.updates[0].update.a.bytes())
    }

    @Test func `Truncation is the best there is`() throws {
        var generator = SeededGenerator(seed: 34)
        let sample = Sample(rank: 4)
        let adapter = try sampleAdapter([sample], using: &generator)
        let truth = try adapter.dense("layer")
        let result = try merged([(adapter, 1)], MergeOptions(rank: 2))
        let error = try result.certificate().truncationError
        // Eckart and Young: the tail of the singular values, here of the whole matrix.
        let values = try Matrix(rows: sample.out, columns: sample.input, rowMajor: truth).singularValues()
        #expect(agree(error, norm(Array(values.dropFirst(2))), 1e-12))
        // No element of the factors can be moved for the better.
        let update = try required(result.adapter.updates.first, "an update").update
        let (a, b) = (try update.a.doubles(), try update.b.doubles())
        func distance(_ a: [Double], _ b: [Double]) throws -> Double {
            let product = try Matrix(rows: sample.out, columns: 2, rowMajor: b)
                .product(Matrix(rows: 2, columns: sample.input, rowMajor: a))
            return norm(difference(product.rowMajor, truth))
        }
        #expect(agree(try distance(a, b), error, 1e-9))
        for (index, step) in (0..<a.count + b.count).flatMap({ [($0, 1e-3), ($0, -1e-3)] }) {
            var (movedA, movedB) = (a, b)
            if index < a.count { movedA[index] += step } else { movedB[index - a.count] += step }
            #expect(try distance(movedA, movedB) > error, "element \(index)")
        }
    }
}
