internal import AdapterTraining
internal import ByteCoding

/// Where a run stands: the progress line, and what JSON says of a step.
struct TrainingStatus {
    let step: TrainingRecord.Step
    let total: Int
    /// The loss of the last validation.
    let validationLoss: Double?
    /// The seconds since the start, and what was done in them.
    let seconds: Double
    let stepCount: Int
    let tokenCount: Int
    let memoryByteCount: Int

    var tokensPerSecond: Int { Int(exactly: (Double(tokenCount) / max(seconds, 1e-9)).rounded()) ?? 0 }

    /// What the steps that are left take at the mean speed so far.
    var secondsLeft: Double { seconds / Double(max(1, stepCount)) * Double(total - step.number) }

    /// One line, shorter than `width`: what stands behind goes first, and the step stays.
    func line(width: Int?) -> String {
        var parts = ["step \(step.number)/\(total)", "loss \(Format.decimal(step.loss, places: 4))"]
        if let validationLoss { parts.append("validation \(Format.decimal(validationLoss, places: 4))") }
        parts.append("\(Format.count(tokensPerSecond)) tokens/s")
        parts.append("\(Format.age(seconds: Int(exactly: secondsLeft.rounded(.down)) ?? 0)) left")
        parts.append(Format.bytes(memoryByteCount))
        // A line that breaks could not be drawn again.
        while let width, parts.count > 1, parts.joined(separator: "  ").count >= width { parts.removeLast() }
        return parts.joined(separator: "  ")
    }

    var document: MetadataValue {
        [
            "event": "step", "step": MetadataValue(step.number), "steps": MetadataValue(total),
            "loss": .double(step.loss), "learningRate": .double(step.learningRate),
            "gradientNorm": .double(step.gradientNorm), "learnedTokens": MetadataValue(step.learnedCount),
            "tokens": MetadataValue(step.tokenCount), "seconds": .double(seconds),
            "tokensPerSecond": MetadataValue(tokensPerSecond), "secondsLeft": .double(secondsLeft),
            "memoryByteCount": MetadataValue(memoryByteCount),
        ]
    }
}
