extension Trainer {
    /// Takes the steps that are left, and keeps checkpoints on the way and at the end.
    ///
    /// - Parameter report: is told what happens; what it throws ends the run behind the last checkpoint.
    /// - Throws: ``TrainingError`` with code `nonFinite`, which names the step, the rows and the layer, or `diverged`;
    ///   what the sink and `report` throw.
    package func run(_ sink: any CheckpointSink, report: (TrainingEvent) throws -> Void) throws {
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
            if !isLast, isDue(configuration.checkpointInterval) {
                try sink.write(
                    Checkpoint(adapter: adapter(updates.values.elements), state: state, step: step, isFinal: false))
                try report(.checkpoint(step: step))
            }
        }
        let best = bestValues.flatMap { values in record.best.map { (values, $0.step) } }
        try sink.write(
            Checkpoint(
                adapter: adapter(best?.0 ?? updates.values.elements), state: state, step: best?.1 ?? step, isFinal: true
            ))
        try report(.checkpoint(step: best?.1 ?? step))
    }

    private func isDue(_ interval: Int) -> Bool { interval > 0 && step % interval == 0 }

    private func validate(_ report: (TrainingEvent) throws -> Void) throws {
        guard let validation else { return }
        model.dropoutKey = nil
        let loss = try Evaluation(model, validation).loss
        guard loss.isFinite else {
            throw TrainingError(
                .nonFinite,
                "The run stops behind step \(step): the validation loss is \(loss). The last checkpoint stays.")
        }
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
                + "\(record.steps.last?.loss ?? .nan). The last checkpoint stays. Lower the learning rate.")
    }

    /// One step: the batches' gradients, clipped, and the optimizer.
    private func takeStep() throws -> TrainingRecord.Step {
        let number = step + 1
        let batches = (0..<configuration.accumulation).map { _ in order.next(&position) }
        let tokens = batches.map { rows in
            var batch = TokenBatch()
            for row in rows { batch.append(training.examples[row].ids, isLearned: training.examples[row].isLearned) }
            return batch
        }
        // Rows without a learned token were dropped before, so there is at least one.
        let learned = tokens.reduce(0) { $0 + $1.learnedCount }
        updates.gradients.fill(0)
        var sum = 0.0
        for (index, batch) in tokens.enumerated() {
            model.dropoutKey = CounterBasedRandom.mix(
                CounterBasedRandom.mix(configuration.seed, 0x64726F70), UInt64(step) << 16 | UInt64(index))
            let losses = model.losses(batch, gradientWeight: 1 / Double(learned))
            sum = losses.reduce(sum, +)
            guard sum.isFinite else { throw nonFinite("the loss is \(sum)", number, batches[index]) }
        }
        let norms = updates.gradientNorms(workers)
        let norm = norms.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard norm.isFinite else {
            let layer = zip(updates.updates, norms).reversed().first { !$1.isFinite }?.0
                .specification.name
            throw nonFinite(
                "the gradient of '\(layer ?? "an update")' is not finite", number, batches.flatMap { $0 })
        }
        let rate = configuration.learningRate * configuration.schedule.factor(step: step, of: totalSteps)
        let clip = configuration.maximumGradientNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
        defer { model.updatesChanged() }
        optimizer.step(updates, number: number, learningRate: rate, gradientScale: clip, workers)
        return TrainingRecord.Step(
            number: number, loss: sum / Double(learned), learningRate: rate, gradientNorm: norm, learnedCount: learned,
            tokenCount: tokens.reduce(0) { $0 + $1.ids.count })
    }

    private func nonFinite(_ reason: String, _ number: Int, _ rows: [Int]) -> TrainingError {
        let list = rows.prefix(8).map { String($0 + 1) }.joined(separator: ", ") + (rows.count > 8 ? ", …" : "")
        return TrainingError(
            .nonFinite,
            "The run stops at step \(number): \(reason) (examples \(list)). The last checkpoint stays. Lower the learning "
                + "rate, or look at these examples.")
    }
}
