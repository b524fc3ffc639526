internal import FileSystem

/// The sizes of the largest batch.
struct BatchSize: Hashable {
    let tokens: Int
    let segmentLength: Int

    init(_ training: Dataset, _ validation: Dataset?, _ configuration: TrainingConfiguration) {
        let longest = training.examples.map(\.ids.count).max() ?? 0
        let longestOfAll = max(longest, validation?.examples.map(\.ids.count).max() ?? 0)
        let row = configuration.packs ? configuration.maximumLength : longest
        let rows = configuration.packs ? configuration.batchSize : min(configuration.batchSize, training.examples.count)
        tokens = max(rows * row, longestOfAll)
        segmentLength = longestOfAll
    }
}

/// Says before a run starts when it would not fit.
enum MemoryCheck {
    /// - Throws: ``TrainingError`` with code `outOfMemory`, saying what would fit.
    static func require(
        _ weights: TransformerWeights<Float>, _ runs: [[[LowRankRun<Float>]]], _ size: BatchSize,
        _ configuration: TrainingConfiguration, _ workers: Workers, updateBytes: Int
    ) throws {
        // Beyond this the sizes of the plan would not fit into numbers, nor the plan into any machine.
        guard size.tokens <= 1 << 24 else {
            throw TrainingError(
                .outOfMemory,
                "Unable to train: a batch has up to \(size.tokens) tokens, \(1 << 24) are possible. Use smaller batches."
            )
        }
        guard let available = SystemMemory.availableByteCount else { return }
        let groups = Transformer.groups(weights, runs)
        func need(_ policy: ActivationPolicy, tokens: Int) -> Int {
            let plan = Transformer.plan(
                weights.shape, groups, tokens: tokens, segmentLength: size.segmentLength, policy: policy,
                isTraining: true, usesDropout: configuration.dropout > 0, workerCount: workers.count)
            return Transformer<Float>.byteCount(weights.shape, plan) + updateBytes
        }
        let needed = need(configuration.activations, tokens: size.tokens)
        guard needed > available else { return }
        var remedies: [String] = []
        if configuration.activations == .full, need(.checkpoint, tokens: size.tokens) <= available {
            remedies.append(
                "with --activations checkpoint it takes \(megabytes(need(.checkpoint, tokens: size.tokens)))")
        }
        let row = max(1, size.tokens / max(1, configuration.batchSize))
        let rows = (1..<max(2, configuration.batchSize)).last {
            need(configuration.activations, tokens: $0 * row) <= available
        }
        if let rows { remedies.append("\(rows) rows a batch would fit") }
        throw TrainingError(
            .outOfMemory,
            "Unable to train: the run needs \(megabytes(needed)) of memory beside the model's files, "
                + "\(megabytes(available)) are free. "
                + (remedies.isEmpty ? "Use shorter rows." : remedies.joined(separator: "; ").capitalizedFirst + "."))
    }

    private static func megabytes(_ byteCount: Int) -> String { "\((byteCount + 999_999) / 1_000_000) MB" }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
