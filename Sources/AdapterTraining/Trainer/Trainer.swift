package import Adapters
package import ByteCoding
internal import FileSystem

/// Trains low-rank updates of a model on a data set.
///
/// Everything random follows from the seed and from names and counts, never from threads or time: the same run gives
/// the same bits, stopped and continued or not.
package final class Trainer {
    package let configuration: TrainingConfiguration
    package let totalSteps: Int
    /// The most values in A and B that adapters are to have; nil when they stay as they are trained.
    package let parameterBudget: Int?
    package let updates: LowRankUpdates<Float>
    package let model: Transformer<Float>
    let training: Dataset
    let validation: Dataset?
    let base: BaseModel
    let workers: Workers
    let frozen: LowRankUpdates<Float>?
    /// What takes the beginning of the updates off again, where that is not zero.
    let anchors: LowRankUpdates<Float>?
    let optimizer: AdamW
    /// What a continued run must have been made with.
    let settings: MetadataValue
    var order: BatchOrder
    var position = BatchOrder.Position()
    package internal(set) var step = 0
    package internal(set) var record = TrainingRecord()
    var bestValues: [Float]?
    /// The step of the last checkpoint; nil before the first.
    var keptStep: Int?

    /// The bytes that the run takes beside the model's files.
    package var plannedByteCount: Int { model.byteCount + updateByteCount }
    private let updateByteCount: Int

    /// - Parameters:
    ///   - base: what adapters say of their base model.
    ///   - settings: what else decides the result: digests of data and model; a state with others is refused.
    ///   - stack: adapters that lie on the base and stay as they are.
    ///   - state: where to go on.
    ///   - availableMemory: the bytes that the run may take; nil when nobody knows.
    /// - Throws: ``TrainingError`` with code `invalidSetting`, `noTarget`, `adapterMismatch`, `outOfMemory`,
    ///   `invalidCheckpoint` or `invalidData`.
    package init(
        _ weights: TransformerWeights<Float>, base: BaseModel, training: Dataset, validation: Dataset?,
        configuration: TrainingConfiguration, settings: [String: MetadataValue] = [:],
        stack: [(adapter: Adapter, weight: Double, label: String)] = [], continuing state: TrainingState? = nil,
        workers: Workers = Workers(), availableMemory: Int? = SystemMemory.availableByteCount
    ) throws {
        try configuration.check()
        self.configuration = configuration
        self.training = training
        self.validation = validation
        self.base = base
        self.workers = workers
        self.settings = .map(settings.merging(configuration.document) { own, _ in own })
        order = BatchOrder(
            training, batchSize: configuration.batchSize,
            packLength: configuration.packs ? configuration.maximumLength : nil, seed: configuration.seed)
        totalSteps = try Self.stepCount(configuration, order)
        var optimizer = AdamW()
        optimizer.beta1 = configuration.betas[0]
        optimizer.beta2 = configuration.betas[1]
        optimizer.weightDecay = configuration.weightDecay
        optimizer.ratioOfB = configuration.learningRateRatioOfB
        self.optimizer = optimizer
        try weights.shape.require(training)
        if let validation { try weights.shape.require(validation) }

        let frozen = try stack.isEmpty ? nil : AdapterStack.updates(stack, on: weights)
        let asked = try configuration.specifications(for: weights)
        if let frozen { try AdapterStack.require(frozen, besides: asked) }
        let memory = MemoryCheck(
            weights, BatchSize(training, validation, configuration), configuration, workers, available: availableMemory)
        if configuration.looksAtData {
            try memory.require([LowRankUpdates(asked, isTrained: true), frozen].compactMap(\.self))
        }
        let beginning = try UpdateBeginning(
            weights, asked, frozen: frozen, training: training, order: order, configuration: configuration,
            workers: workers)
        parameterBudget = beginning.parameterBudget
        updates = try LowRankUpdates(beginning.specifications, isTrained: true)
        anchors =
            try configuration.initialization.needsAnchor
            ? LowRankUpdates(beginning.specifications, isTrained: false) : nil
        self.frozen = frozen
        let all = [updates, anchors, frozen].compactMap(\.self)
        try memory.require(all)
        updateByteCount = all.reduce(0) { $0 + $1.byteCount }
        model = try Transformer(
            weights, updates: all.runs(layerCount: weights.shape.layerCount), tokens: memory.size.tokens,
            segmentLength: memory.size.segmentLength, policy: configuration.activations,
            dropout: configuration.dropout, precision: configuration.precision, workers: workers)
        // The frozen opposite of the beginning is made again where a run is continued.
        if state == nil || anchors != nil {
            let factors = try beginning.factors()
            for (update, factors) in zip(updates.updates, factors) {
                updates.a(update).assign(factors.a.map { Float($0) })
                updates.b(update).assign(factors.b.map { Float($0) })
                anchors?.a(update).assign(factors.a.map { Float($0) })
                anchors?.b(update).assign(factors.b.map { Float(-$0) })
            }
        }
        if let state {
            try restore(state)
        } else if configuration.usesMagnitudes {
            // Magnitudes begin as what they will be divided by.
            model.updateNorms()
            for number in updates.updates.indices {
                if let magnitude = updates.magnitude(number) { magnitude.values.copy(magnitude.norms) }
            }
        }
        model.updatesChanged()
    }

    private static func stepCount(_ configuration: TrainingConfiguration, _ order: BatchOrder) throws -> Int {
        if let steps = configuration.steps { return steps }
        let batches = Double(order.batches(ofEpoch: 0).count) * configuration.epochs
        let steps = (batches / Double(configuration.accumulation)).rounded(.up)
        guard steps < 1e9 else { throw TrainingError(.invalidSetting, "Unable to train for \(steps) steps.") }
        return max(1, Int(steps))
    }

    private func restore(_ state: TrainingState) throws {
        let differing = (settings.map ?? [:]).merging(state.settings.map ?? [:]) { own, _ in own }.keys
            .filter { settings[$0] != state.settings[$0] }.sorted()
        guard differing.isEmpty else {
            let list = differing.map { key in
                "'\(key)' was \(state.settings[key].map { JSON.text($0) } ?? "not set") and is "
                    + (settings[key].map { JSON.text($0) } ?? "not set")
            }.joined(separator: "; ")
            throw TrainingError(
                .invalidCheckpoint,
                "Unable to continue the run: \(list). Use what it was begun with, or begin a new one.".printable())
        }
        guard state.values.count == updates.elementCount else {
            throw TrainingError(
                .invalidCheckpoint,
                "Unable to continue the run: its state has \(state.values.count) values, \(updates.elementCount) are "
                    + "expected.")
        }
        updates.values.assign(state.values)
        updates.firstMoments.assign(state.firstMoments)
        updates.secondMoments.assign(state.secondMoments)
        bestValues = state.bestValues
        step = state.step
        keptStep = state.step
        position = state.position
        record = state.record
    }

    /// The state behind the last step.
    package var state: TrainingState {
        TrainingState(
            values: updates.values.elements, firstMoments: updates.firstMoments.elements,
            secondMoments: updates.secondMoments.elements, bestValues: bestValues, step: step, position: position,
            record: record, settings: settings)
    }
}
