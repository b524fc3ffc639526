package import Adapters
internal import FileSystem

/// What a model makes of a data set.
public struct Evaluation: Hashable, Sendable {
    /// The mean cross entropy of the learned tokens, in nats.
    public var loss: Double
    /// The number of learned tokens.
    public var tokenCount: Int

    /// e to the loss.
    public var perplexity: Double { exponential(loss) }

    /// Computes the loss of a data set, in batches of at most the model's size, in the order of the examples.
    ///
    /// - Parameter progress: is told how many examples are done; what it throws ends the evaluation.
    package init(
        _ model: Transformer<Float>, _ dataset: Dataset, progress: (Int) throws -> Void = { _ in }
    ) throws {
        var (sum, count) = (0.0, 0)
        for rows in Self.batches(dataset, tokens: model.plan.tokens) {
            let losses = model.losses(TokenBatch(dataset, rows))
            sum = losses.reduce(sum, +)
            count += losses.count
            try progress(rows.upperBound)
        }
        loss = sum / Double(max(1, count))
        tokenCount = count
    }

    /// The examples that are computed together: as many as fit so many tokens, at least one.
    static func batches(_ dataset: Dataset, tokens: Int) -> [Range<Int>] {
        var batches: [Range<Int>] = []
        var start = 0
        while start < dataset.examples.count {
            var (end, count) = (start, 0)
            repeat {
                count += dataset.examples[end].ids.count
                end += 1
            } while end < dataset.examples.count && count + dataset.examples[end].ids.count <= tokens
            batches.append(start..<end)
            start = end
        }
        return batches
    }
}

extension Transformer where Element == Float {
    /// A model with adapters on it, to evaluate a data set.
    ///
    /// - Parameters:
    ///   - stack: the adapters with their weights.
    ///   - batchTokens: the tokens that are computed together, more where a row has more.
    ///   - availableMemory: the bytes that it may take; nil when nobody knows.
    /// - Throws: ``TrainingError`` with code `invalidModel`, `rowTooLong`, `adapterMismatch` or `outOfMemory`.
    package convenience init(
        evaluating dataset: Dataset, _ weights: TransformerWeights<Float>,
        stack: [(adapter: Adapter, weight: Double, label: String)], batchTokens: Int, workers: Workers = Workers(),
        availableMemory: Int? = SystemMemory.availableByteCount
    ) throws {
        try weights.shape.require(dataset)
        let updates = try AdapterStack.updates(stack, on: weights)
        let size = BatchSize(dataset, tokens: batchTokens)
        try MemoryCheck(weights, size, nil, workers, available: availableMemory).require([updates])
        try self.init(
            weights, updates: updates.runs(layerCount: weights.shape.layerCount), tokens: size.tokens,
            segmentLength: size.segmentLength, isTraining: false, workers: workers)
    }
}
