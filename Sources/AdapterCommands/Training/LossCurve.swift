internal import AdapterTraining

/// The losses of a run as a picture.
struct LossCurve {
    let record: TrainingRecord

    private static let blocks = Array("▁▂▃▄▅▆▇█")

    /// One line of blocks, lower for a smaller loss.
    func line(width: Int = 60) -> String {
        let losses = record.steps.map(\.loss).filter(\.isFinite)
        guard let low = losses.min(), let high = losses.max() else { return "" }
        let count = min(width, losses.count)
        return String(
            (0..<count).map { column -> Character in
                let start = column * losses.count / count
                let part = losses[start..<max(start + 1, (column + 1) * losses.count / count)]
                let mean = part.reduce(0, +) / Double(part.count)
                let level = (mean - low) / (high - low) * Double(Self.blocks.count - 1)
                return Self.blocks[min(Self.blocks.count - 1, Int(exactly: level.rounded()) ?? 0)]
            })
    }

    /// A drawing of its own: training loss as a line, validation loss as points.
    func svg() -> String {
        let (width, height, margin) = (720.0, 400.0, 50.0)
        let training = record.steps.map { (Double($0.number), $0.loss) }
        let validation = record.validations.map { (Double($0.step), $0.loss) }
        let all = (training + validation).map(\.1).filter(\.isFinite)
        let last = max(1, (training + validation).map(\.0).max() ?? 1)
        let low = all.min() ?? 0
        let high = max(low + 1e-6, all.max() ?? 1)
        func x(_ step: Double) -> String { Format.decimal(margin + step / last * (width - 2 * margin), places: 1) }
        func y(_ loss: Double) -> String {
            Format.decimal(height - margin - (loss - low) / (high - low) * (height - 2 * margin), places: 1)
        }
        func text(_ x: String, _ y: String, _ anchor: String, _ content: String) -> String {
            "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\">\(content)</text>\n"
        }
        var svg =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 400\" font-family=\"sans-serif\" font-size=\"12\">\n"
            + "<rect width=\"720\" height=\"400\" fill=\"white\"/>\n"
        for part in 0...4 {
            let loss = low + (high - low) * Double(part) / 4
            svg += "<line x1=\"50\" x2=\"670\" y1=\"\(y(loss))\" y2=\"\(y(loss))\" stroke=\"#ddd\"/>\n"
            svg += text("44", y(loss), "end", Format.decimal(loss, places: 2))
            let step = (last * Double(part) / 4).rounded()
            svg += text(x(step), "370", "middle", Format.number(step))
        }
        let points = training.filter(\.1.isFinite).map { "\(x($0.0)),\(y($0.1))" }.joined(separator: " ")
        svg += "<polyline points=\"\(points)\" fill=\"none\" stroke=\"#4477aa\"/>\n"
        for (step, loss) in validation where loss.isFinite {
            svg += "<circle cx=\"\(x(step))\" cy=\"\(y(loss))\" r=\"4\" fill=\"#cc6677\"/>\n"
        }
        svg +=
            text("360", "392", "middle", "step")
            + text("50", "30", "start", "loss (line: training, points: validation)")
        return svg + "</svg>\n"
    }
}
