package import AdapterTraining
package import Charts

extension LineChart {
    /// The losses of a training run: in training as a line, in validation as points.
    package init(_ record: TrainingRecord) {
        let best = record.best.map {
            " The best validation is \(Numeral.decimal($0.loss, places: 4)) at step \($0.step)."
        }
        let ends = record.steps.first.flatMap { first in
            record.steps.last.map {
                " The loss goes from \(Numeral.decimal(first.loss, places: 4)) to "
                    + "\(Numeral.decimal($0.loss, places: 4)) in \($0.number) steps."
            }
        }
        self.init(
            title: "Loss", summary: "Mean cross entropy by step." + (ends ?? "") + (best ?? ""), xTitle: "step",
            yTitle: "loss", countsX: true,
            series: [
                Series("training", points: record.steps.map { (Double($0.number), $0.loss) }),
                Series(
                    "validation", style: .points, points: record.validations.map { (Double($0.step), $0.loss) }),
            ].filter { !$0.points.isEmpty })
    }
}
