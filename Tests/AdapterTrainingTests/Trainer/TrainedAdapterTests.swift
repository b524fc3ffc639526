import AdapterInterchange
import AdapterTesting
import AdapterTraining
import ByteCoding
import Testing

/// Adapters that `adapterctl train` wrote and `pull` gave out, against the logits that PEFT 0.21.2 gives with them.
@Suite struct TrainedAdapterTests {
    /// Folders under `fixtures/data/training/trained`.
    static let cases = ["lora", "dora", "pissa"]

    @Test(arguments: cases) func `logits equal those in PEFT`(_ name: String) throws {
        let folder = TrainingFixtures.directory + "/trained/" + name
        let document = try TrainingFixtures.json(folder + "/case.json")
        func integers(_ key: String) throws -> [Int] { try #require(document[key]?.array).compactMap(\.integer) }
        let rows = try #require(document["ids"]?.array).map { ($0.array ?? []).compactMap(\.integer).map(Int32.init) }
        let (positions, columns) = (try integers("positions"), try integers("columns"))
        let weights = try TransformerWeights<Float>(ModelFolder(opening: TrainingFixtures.tinyModel))
        let adapter = try PEFT.read(folder: folder)
        let expected = try PEFTFolder.doubles(folder + "/logits.safetensors")
        // The expected ones are in binary64. PEFT's own in binary32 are off by so much, and sums in another order by some
        // times as much. That is rounding alone: the adapters move logits by more than ten thousand times as much.
        let tolerance = try 3 * #require(document["float32Distance"]?.number)
        for (which, stack) in [("base", []), ("adapter", [(adapter: adapter, weight: 1.0, label: name)])] {
            let updates = try AdapterStack.updates(stack, on: weights)
            let model = try Transformer(
                weights, updates: updates.runs(layerCount: weights.shape.layerCount),
                tokens: rows.map(\.count).max() ?? 0, segmentLength: rows.map(\.count).max() ?? 0, isTraining: false)
            var found: [Double] = []
            for ids in rows {
                var batch = TokenBatch()
                batch.append(ids, isLearned: ids.map { _ in false })
                let logits = model.logits(batch, at: positions)
                for row in positions.indices { found += columns.map { Double(logits[row, $0]) } }
            }
            let values = try #require(expected[which])
            try #require(found.count == values.count && values.count == rows.count * positions.count * columns.count)
            let difference = zip(found, values).map { abs($0 - $1) }.max() ?? .infinity
            #expect(difference <= tolerance, "\(which)")
        }
    }
}
