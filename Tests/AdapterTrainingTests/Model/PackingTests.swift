import AdapterInterchange
import AdapterTesting
import Testing

@testable import AdapterTraining

/// Rows that share a batch do not see each other.
@Suite struct PackingTests {
    private func rows(seed: UInt64, lengths: [Int]) -> Dataset {
        var generator = SeededGenerator(seed: seed)
        return Dataset(
            examples: lengths.map { length in
                let ids = (0..<length).map { _ in Int32.random(in: 3..<2000, using: &generator) }
                return Example(ids: ids, isLearned: ids.indices.map { $0 % 4 != 2 })
            })
    }

    private func model() throws -> Transformer<Float> {
        try Transformer(
            evaluating: rows(seed: 1, lengths: [150]),
            TransformerWeights<Float>(ModelFolder(opening: TrainingFixtures.tinyModel)), stack: [], batchTokens: 400,
            availableMemory: nil)
    }

    /// The losses of each row of a batch.
    private func losses(_ model: Transformer<Float>, _ rows: Dataset) -> [[Double]] {
        var all = model.losses(TokenBatch(rows, rows.examples.indices))[...]
        return rows.examples.map { example in
            let count = example.isLearned.dropFirst().count { $0 }
            defer { all = all.dropFirst(count) }
            return Array(all.prefix(count))
        }
    }

    @Test func `each row of a pack has the losses that it has alone`() throws {
        let model = try model()
        let pack = rows(seed: 7, lengths: [70, 3, 128, 41])
        let together = losses(model, pack)
        #expect(together.allSatisfy { !$0.isEmpty })
        for (example, packed) in zip(pack.examples, together) {
            let alone = losses(model, Dataset(examples: [example]))[0]
            // Products of other extents add in another order.
            #expect(ModelSupport.largestDifference(packed, alone) < 2e-6)
        }
    }

    @Test func `a row has the same bits whatever its neighbours are`() throws {
        let model = try model()
        let pack = rows(seed: 7, lengths: [70, 50, 128])
        let first = losses(model, pack)
        for changed in 0..<3 {
            var other = pack
            other.examples[changed] = rows(seed: 8, lengths: [pack.examples[changed].ids.count]).examples[0]
            let second = losses(model, other)
            for row in 0..<3 { #expect((first[row] == second[row]) == (row != changed), "\(row), \(changed)") }
        }
    }
}
