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
        var (sum, count, next) = (0.0, 0, 0)
        while next < dataset.examples.count {
            var batch = TokenBatch()
            while next < dataset.examples.count,
                batch.ids.isEmpty || batch.ids.count + dataset.examples[next].ids.count <= model.plan.tokens
            {
                batch.append(dataset.examples[next].ids, isLearned: dataset.examples[next].isLearned)
                next += 1
            }
            let losses = model.losses(batch)
            sum = losses.reduce(sum, +)
            count += losses.count
            try progress(next)
        }
        loss = sum / Double(max(1, count))
        tokenCount = count
    }
}
