internal import AdapterTraining
internal import ByteCoding
internal import FileSystem

/// Tells how a run goes on: a line that is drawn again and again, lines now and then where nobody watches, or JSON.
final class TrainingProgress {
    private let options: GlobalOptions
    private let start = ContinuousClock.now
    private var lastLine = ContinuousClock.now
    private var tokenCount = 0
    private var stepCount = 0
    private var validationLoss: Double?
    private var hasDrawn = false

    init(_ options: GlobalOptions) { self.options = options }

    deinit { finish() }

    private var seconds: Double { max(1e-9, (ContinuousClock.now - start) / .seconds(1)) }

    /// Tells an event.
    func report(_ event: TrainingEvent) throws {
        if case .step(let step, _) = event {
            tokenCount += step.tokenCount
            stepCount += 1
        }
        if case .validation(let validation, _) = event { validationLoss = validation.loss }
        if options.json { return try writeJSON(event) }
        guard !options.quiet else { return }
        switch event {
        case .step(let step, let total): draw(step, of: total)
        case .validation(let validation, let isBest):
            say(
                "step \(validation.step)  validation loss \(Format.decimal(validation.loss, places: 4))\(isBest ? ", the best so far" : "")"
            )
        case .checkpoint(let step): say("step \(step)  checkpoint kept")
        case .stoppedEarly(let step): say("step \(step)  stopped, as the validation loss no longer improves")
        }
    }

    /// Removes the line.
    func finish() {
        if hasDrawn { StandardError.write("\r\u{1B}[K") }
        hasDrawn = false
    }

    private func draw(_ step: TrainingRecord.Step, of total: Int) {
        let isLive = StandardError.canMoveCursor && !options.noProgress
        // A log is no place for hundreds of lines.
        guard
            isLive
                ? ContinuousClock.now - lastLine > .milliseconds(100) || stepCount == 1
                : ContinuousClock.now - lastLine > .seconds(10)
        else { return }
        lastLine = .now
        let line = status(step, of: total).line(width: isLive ? StandardError.width : nil)
        StandardError.write(isLive ? "\r\u{1B}[K" + line : line + "\n")
        hasDrawn = isLive
    }

    private func status(_ step: TrainingRecord.Step, of total: Int) -> TrainingStatus {
        TrainingStatus(
            step: step, total: total, validationLoss: validationLoss, seconds: seconds, stepCount: stepCount,
            tokenCount: tokenCount, memoryByteCount: SystemMemory.peakResidentByteCount)
    }

    private func say(_ text: String) {
        finish()
        StandardError.write(text + "\n")
    }

    private func writeJSON(_ event: TrainingEvent) throws {
        let document: MetadataValue =
            switch event {
            case .step(let step, let total): status(step, of: total).document
            case .validation(let validation, let isBest):
                [
                    "event": "validation", "step": MetadataValue(validation.step), "loss": .double(validation.loss),
                    "isBest": .bool(isBest),
                ]
            case .checkpoint(let step): ["event": "checkpoint", "step": MetadataValue(step)]
            case .stoppedEarly(let step): ["event": "stoppedEarly", "step": MetadataValue(step)]
            }
        try StandardOutput.write(JSON.text(document) + "\n")
        try StandardOutput.flush()
    }
}
