extension Trainer {
    /// Takes the steps that are left, and keeps checkpoints on the way and at the end.
    ///
    /// - Parameters:
    ///   - shouldStop: asked behind each step; then a checkpoint is kept, and the run ends.
    ///   - report: is told what happens; what it throws ends the run behind the last checkpoint.
    /// - Throws: ``TrainingError`` with code `nonFinite`, which names the step, the rows and the layer, `diverged` or
    ///   `cancelled`; what the sink and `report` throw.
    package func run(
        _ sink: any CheckpointSink, shouldStop: () -> Bool = { false }, report: (TrainingEvent) throws -> Void
    ) throws {
        if validation != nil, record.validations.isEmpty { try validate(report) }
        while step < totalSteps {
            let done = try takeStep()
            record.steps.append(done)
            step += 1
            try report(.step(done, of: totalSteps))
            try watchLoss()
            let isLast = step == totalSteps
            if validation != nil, isLast || isDue(configuration.validationInterval) {
                try validate(report)
                if let patience = configuration.patience, record.validationsSinceBest >= patience, !isLast {
                    try report(.stoppedEarly(step: step))
                    break
                }
            }
            guard !isLast else { break }
            let isStopping = shouldStop()
            if isStopping || isDue(configuration.checkpointInterval) { try keep(isFinal: false, sink, report) }
            if isStopping {
                throw TrainingError(
                    .cancelled,
                    "The run was stopped behind step \(step) of \(totalSteps), and a checkpoint was kept. Go on with the "
                        + "same command and --resume.")
            }
        }
        try keep(isFinal: true, sink, report)
    }

    private func keep(
        isFinal: Bool, _ sink: any CheckpointSink, _ report: (TrainingEvent) throws -> Void
    ) throws {
        let best = isFinal ? bestValues.flatMap { values in record.best.map { (values, $0.step) } } : nil
        let adapterStep = best?.1 ?? step
        try sink.write(
            Checkpoint(
                adapter: adapter(best?.0 ?? updates.values.elements), state: state, step: adapterStep, isFinal: isFinal)
        )
        keptStep = step
        try report(.checkpoint(step: adapterStep))
    }

    private func isDue(_ interval: Int) -> Bool { interval > 0 && step % interval == 0 }

    private func validate(_ report: (TrainingEvent) throws -> Void) throws {
        guard let validation else { return }
        model.dropoutKey = nil
        let loss = try Evaluation(model, validation).loss
        guard loss.isFinite else { throw nonFiniteValidation(validation, loss) }
        let found = TrainingRecord.Validation(step: step, loss: loss)
        let isBest = record.best.map { loss < $0.loss } ?? true
        record.validations.append(found)
        if isBest { bestValues = updates.values.elements }
        try report(.validation(found, isBest: isBest))
    }

    private func watchLoss() throws {
        guard let limit = configuration.lossLimit else { return }
        let last = record.steps.suffix(configuration.lossLimitPatience)
        guard last.count == configuration.lossLimitPatience, last.allSatisfy({ $0.loss > limit }) else { return }
        throw TrainingError(
            .diverged,
            "The run stops at step \(step): the loss was above \(limit) for \(last.count) steps and is now "
                + "\(record.steps.last?.loss ?? .nan). \(whatStays) Lower the learning rate.")
    }

    /// One step: the batches' gradients, clipped, and the optimizer.
    private func takeStep() throws -> TrainingRecord.Step {
        let number = step + 1
        let batches = (0..<configuration.accumulation).map { _ in order.next(&position) }
        let tokens = batches.map { TokenBatch(training, $0) }
        // Rows without a learned token were dropped before, so there is at least one.
        let learned = tokens.reduce(0) { $0 + $1.learnedCount }
        updates.gradients.fill(0)
        var sum = 0.0
        for (index, batch) in tokens.enumerated() {
            model.dropoutKey = CounterBasedRandom.mix(
                CounterBasedRandom.mix(configuration.seed, 0x64726F70), UInt64(step) << 16 | UInt64(index))
            let losses = model.losses(batch, gradientWeight: 1 / Double(learned))
            sum = losses.reduce(sum, +)
            guard sum.isFinite else {
                let place = model.firstNonFinitePart(batch)
                throw nonFinite(
                    "the loss of batch \(index + 1) of \(tokens.count) is not finite, first in \(place)", number,
                    batches[index])
            }
        }
        let norms = updates.gradientNorms(workers)
        let norm = norms.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard norm.isFinite else {
            // Gradients go backwards, so the last layer is the first.
            let layer = zip(updates.updates, norms).reversed().first { !$1.isFinite }?.0.specification.name
            throw nonFinite(
                "the gradient of '\(layer ?? "an update")' is not finite", number, batches.flatMap { $0 })
        }
        let rate = configuration.learningRate * configuration.schedule.factor(step: step, of: totalSteps)
        let clip = AdamW.clippingFactor(norm: norm, limit: configuration.maximumGradientNorm)
        defer { model.updatesChanged() }
        optimizer.step(updates, number: number, learningRate: rate, gradientScale: clip, workers)
        return TrainingRecord.Step(
            number: number, loss: sum / Double(learned), learningRate: rate, gradientNorm: norm, learnedCount: learned,
            tokenCount: tokens.reduce(0) { $0 + $1.ids.count })
    }

    private func nonFinite(_ reason: String, _ number: Int, _ rows: [Int]) -> TrainingError {
        TrainingError(
            .nonFinite,
            "The run stops at step \(number): \(reason) (examples \(Self.list(rows))). \(whatStays) Lower the learning "
                + "rate, or look at these examples.")
    }

    /// Looks for the batch again: validations that are finite need not remember theirs.
    private func nonFiniteValidation(_ validation: Dataset, _ loss: Double) -> TrainingError {
        var place = ""
        for rows in Evaluation.batches(validation, tokens: model.plan.tokens) {
            let batch = TokenBatch(validation, rows)
            guard !model.losses(batch).reduce(0, +).isFinite else { continue }
            place = ", first in \(model.firstNonFinitePart(batch)) (examples \(Self.list(Array(rows))))"
            break
        }
        return TrainingError(
            .nonFinite,
            "The run stops behind step \(step): the validation loss is \(loss)\(place). \(whatStays) Lower the learning "
                + "rate.")
    }

    private static func list(_ rows: [Int]) -> String {
        rows.prefix(8).map { String($0 + 1) }.joined(separator: ", ") + (rows.count > 8 ? ", …" : "")
    }

    /// What is left of a run that ends here.
    private var whatStays: String {
        keptStep.map { "The checkpoint of step \($0) stays." } ?? "There is no checkpoint yet."
    }
}
