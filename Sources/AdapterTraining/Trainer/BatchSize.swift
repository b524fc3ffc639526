/// The sizes of the largest batch.
struct BatchSize: Hashable {
    let tokens: Int
    let segmentLength: Int
    /// The tokens that one row of a batch, or one pack, takes.
    let rowTokens: Int

    init(_ training: Dataset, _ validation: Dataset?, _ configuration: TrainingConfiguration) {
        let longest = training.examples.map(\.ids.count).max() ?? 0
        let longestOfAll = max(longest, validation?.examples.map(\.ids.count).max() ?? 0)
        rowTokens = configuration.packs ? configuration.maximumLength : longest
        let rows = configuration.packs ? configuration.batchSize : min(configuration.batchSize, training.examples.count)
        tokens = max(rows * rowTokens, longestOfAll)
        segmentLength = longestOfAll
    }

    /// An evaluation's: as many tokens as are asked for, or as many as the longest row has.
    init(_ dataset: Dataset, tokens: Int) {
        segmentLength = dataset.examples.map(\.ids.count).max() ?? 0
        self.tokens = max(tokens, segmentLength)
        rowTokens = segmentLength
    }
}
