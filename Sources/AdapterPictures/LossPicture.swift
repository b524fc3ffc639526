package import AdapterTraining
package import Adapters
package import Charts

extension TrainingRecord {
    /// The losses of a training run as a version's provenance holds them; nil when it was not trained here.
    package init?(of provenance: Provenance) {
        guard provenance.operation == "train", let document = provenance.options["record"] else { return nil }
        self.init(document: document)
    }
}

extension LineChart {
    /// A line of more points than that is no clearer.
    private static let pointLimit = 2000

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
                Series("training", points: LineChart.thinned(record.steps.map { (Double($0.number), $0.loss) })),
                Series(
                    "validation", style: .points,
                    points: LineChart.thinned(record.validations.map { (Double($0.step), $0.loss) })),
            ].filter { !$0.points.isEmpty })
    }

    /// Every so many points, and the last.
    private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        guard let last = points.last, points.count > pointLimit else { return points }
        let step = (points.count + pointLimit - 1) / pointLimit
        return stride(from: 0, to: points.count - 1, by: step).map { points[$0] } + [last]
    }
}
