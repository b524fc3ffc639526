internal import AdapterTraining
internal import ByteCoding

/// A training run as text and as a document.
struct RunDescription {
    let run: StoredRun

    var document: [String: MetadataValue] {
        [
            "step": MetadataValue(run.adapterStep), "lastStep": MetadataValue(run.step),
            "bestStep": run.bestStep.map { MetadataValue($0) } ?? .null, "isFinal": .bool(run.isFinal),
            "loss": run.record.steps.last.map { .double($0.loss) } ?? .null,
            "validationLoss": run.record.validations.last.map { .double($0.loss) } ?? .null,
            "bestValidationLoss": run.record.best.map { .double($0.loss) } ?? .null,
            "tokensPerSecond": MetadataValue(run.tokensPerSecond), "settings": .map(run.settings),
            "data": [
                "training": run.training?.document ?? .null, "validation": run.validation?.document ?? .null,
            ],
            "record": run.record.document,
        ]
    }

    /// Some lines, each with two spaces before it.
    var text: String {
        var lines = [
            "  steps         \(run.step)\(run.isFinal ? "" : ", not finished"), adapter of step \(run.adapterStep)"
        ]
        if let training = run.training { lines.append("  data          \(training.text)") }
        if let validation = run.validation { lines.append("  validated on  \(validation.text)") }
        if let first = run.record.steps.first, let last = run.record.steps.last {
            lines.append(
                "  loss          \(Format.decimal(first.loss, places: 4)) → \(Format.decimal(last.loss, places: 4))")
        }
        if let first = run.record.validations.first, let best = run.record.best {
            lines.append(
                "  validation    \(Format.decimal(first.loss, places: 4)) → \(Format.decimal(best.loss, places: 4)) at step "
                    + "\(best.step)")
        }
        lines.append("  speed         \(Format.count(run.tokensPerSecond)) tokens/s")
        lines.append("  curve         \(LossCurve(record: run.record).line())")
        return lines.joined(separator: "\n")
    }
}
