internal import Tensors

/// The ranks and the first values of updates, where these follow from the model and the data.
struct UpdateBeginning {
    /// The updates with their final ranks.
    let specifications: [UpdateSpecification]
    /// The most values in A and B that adapters may have; nil when they stay as they are trained.
    let parameterBudget: Int?
    private let weights: TransformerWeights<Float>
    private let configuration: TrainingConfiguration
    private let directions: InputDirections?
    private let workers: Workers

    /// The batches that are looked at.
    private static let probedBatchCount = 4
    /// The directions that are kept for each that a layer gets on average (EVA's ρ).
    private static let directionRatio = 2

    init(
        _ weights: TransformerWeights<Float>, _ asked: [UpdateSpecification], frozen: LowRankUpdates<Float>?,
        training: Dataset, order: BatchOrder, configuration: TrainingConfiguration, workers: Workers
    ) throws {
        self.weights = weights
        self.configuration = configuration
        self.workers = workers
        let batches = order.batches(ofEpoch: 0).prefix(Self.probedBatchCount)
            .map { TokenBatch(training, $0) }
        var directions: InputDirections?
        if configuration.initialization == .eva || configuration.rankAllocation == .eva {
            directions = try Self.directions(weights, frozen, batches, asked, configuration, workers)
        }
        self.directions = directions
        parameterBudget = configuration.rankAllocation == .resize ? RankAllocation.parameterCount(asked) : nil
        switch configuration.rankAllocation {
        case .uniform: specifications = asked
        case .resize: specifications = RankAllocation.beforeResizing(asked)
        case .eva:
            specifications = RankAllocation.byVariance(asked) { specification in
                directions?.ratios(of: specification.place) ?? []
            }
        case .gora:
            let importance = try Self.importance(weights, frozen, batches, asked, configuration, workers)
            specifications = try RankAllocation.byImportance(asked) { importance.values[$0.place] ?? 0 }
        }
    }

    /// The values of each update before the first step.
    func factors() throws -> [UpdateInitialization.Factors] {
        let linears = Dictionary(
            AdapterStack.linears(weights).map { ($0.place, $0.linear) }, uniquingKeysWith: { first, _ in first })
        let tasks = specifications.sorted { $0.place < $1.place }.map { specification in
            (specification, directions?.directions(of: specification.place))
        }
        let (initialization, seed) = (configuration.initialization, configuration.seed)
        return try Concurrent.map(tasks, workerCount: workers.count) { specification, directions in
            guard let linear = linears[specification.place] else {
                throw TrainingError(.noTarget, "The model has no layer '\(specification.name)'.")
            }
            return try initialization.factors(
                of: specification, linear.weight, seed: seed, directions: directions)
        }
    }

    private static func directions(
        _ weights: TransformerWeights<Float>, _ frozen: LowRankUpdates<Float>?, _ batches: [TokenBatch],
        _ asked: [UpdateSpecification], _ configuration: TrainingConfiguration, _ workers: Workers
    ) throws -> InputDirections {
        let layerCount = weights.shape.layerCount
        let rank = asked.map(\.rank).max() ?? 1
        let probe = InputDirections(
            layerCount: layerCount, count: rank * directionRatio, seed: configuration.seed)
        let none: [[[LowRankRun<Float>]]] = Array(repeating: [[], [], [], []], count: layerCount)
        let model = try Transformer(
            weights, updates: frozen?.runs(layerCount: layerCount) ?? none,
            tokens: batches.map(\.ids.count).max() ?? 1,
            segmentLength: batches.flatMap(\.segments).map(\.count).max() ?? 1, isTraining: false, workers: workers)
        model.probe = probe
        for batch in batches { _ = model.losses(batch) }
        if let failure = probe.failure { throw failure }
        return probe
    }

    private static func importance(
        _ weights: TransformerWeights<Float>, _ frozen: LowRankUpdates<Float>?, _ batches: [TokenBatch],
        _ asked: [UpdateSpecification], _ configuration: TrainingConfiguration, _ workers: Workers
    ) throws -> GradientImportance {
        let layerCount = weights.shape.layerCount
        // Updates that are zero: they say how far down gradients go, and change nothing.
        let updates = try LowRankUpdates<Float>(asked, isTrained: true)
        let batch = batches.first ?? TokenBatch()
        let model = try Transformer(
            weights, updates: [updates, frozen].compactMap(\.self).runs(layerCount: layerCount),
            tokens: batch.ids.count, segmentLength: batch.segments.map(\.count).max() ?? 1,
            policy: configuration.activations, workers: workers)
        let probe = GradientImportance(weights, workers)
        model.probe = probe
        _ = model.losses(batch, gradientWeight: 1 / Double(max(1, batch.learnedCount)))
        return probe
    }
}
