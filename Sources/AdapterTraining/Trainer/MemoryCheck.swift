/// Says before a run starts when it would not fit.
struct MemoryCheck {
    let size: BatchSize
    private let weights: TransformerWeights<Float>
    /// Nil for an evaluation.
    private let configuration: TrainingConfiguration?
    private let workers: Workers
    private let available: Int?

    /// - Parameter available: the bytes that may be taken; nil when nobody knows.
    init(
        _ weights: TransformerWeights<Float>, _ size: BatchSize, _ configuration: TrainingConfiguration?,
        _ workers: Workers, available: Int?
    ) {
        self.weights = weights
        self.size = size
        self.configuration = configuration
        self.workers = workers
        self.available = available
    }

    /// - Throws: ``TrainingError`` with code `outOfMemory`, saying what would fit.
    func require(_ updates: [LowRankUpdates<Float>]) throws {
        let verb = configuration == nil ? "evaluate" : "train"
        // Beyond this the sizes of the plan would not fit into numbers, nor the plan into any machine.
        guard size.tokens <= 1 << 24 else {
            throw TrainingError(
                .outOfMemory,
                "Unable to \(verb): a batch has up to \(size.tokens) tokens, \(1 << 24) are possible. Use smaller batches."
            )
        }
        guard let available else { return }
        let groups = Transformer.groups(weights, updates.runs(layerCount: weights.shape.layerCount))
        let updateBytes = updates.reduce(0) { $0 + $1.byteCount }
        func need(_ policy: ActivationPolicy, _ tokens: Int) -> Int { byteCount(groups, policy, tokens) + updateBytes }
        let policy = configuration?.activations ?? .full
        let needed = need(policy, size.tokens)
        guard needed > available else { return }
        var remedies: [String] = []
        if let configuration {
            let checkpointed = need(.checkpoint, size.tokens)
            if policy == .full, checkpointed <= available {
                remedies.append("with --activations checkpoint it takes \(megabytes(checkpointed))")
            }
            let rows = (1..<max(2, configuration.batchSize)).last { need(policy, $0 * size.rowTokens) <= available }
            if let rows { remedies.append("\(rows) rows a batch would fit") }
        } else if size.tokens > size.segmentLength, need(policy, size.segmentLength) <= available {
            remedies.append("with --batch-tokens \(size.segmentLength) it would fit")
        }
        let subject = configuration == nil ? "it" : "the run"
        throw TrainingError(
            .outOfMemory,
            "Unable to \(verb): \(subject) needs \(megabytes(needed)) of memory beside the model's files, "
                + "\(megabytes(available)) are free. "
                + (remedies.isEmpty ? "Use shorter rows." : remedies.joined(separator: "; ").capitalizedFirst + "."))
    }

    private func byteCount(_ groups: [[LinearGroup<Float>]], _ policy: ActivationPolicy, _ tokens: Int) -> Int {
        let plan = Transformer.plan(
            weights.shape, groups, tokens: tokens, segmentLength: size.segmentLength, policy: policy,
            isTraining: configuration != nil, usesDropout: (configuration?.dropout ?? 0) > 0,
            workerCount: workers.count)
        return Transformer<Float>.byteCount(weights.shape, plan, configuration?.precision ?? .f32)
    }

    private func megabytes(_ byteCount: Int) -> String { "\((byteCount + 999_999) / 1_000_000) MB" }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
