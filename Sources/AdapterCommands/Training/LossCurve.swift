internal import AdapterTraining

/// The losses of a run as one line of text; ``LineChart`` draws them.
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
}
