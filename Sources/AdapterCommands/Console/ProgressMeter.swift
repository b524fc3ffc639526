/// How far long work has come, as a line of text.
struct ProgressMeter: Sendable {
    /// What is counted.
    enum Unit: Sendable {
        case bytes, things
    }

    let verb: String
    var unit = Unit.bytes
    var done = 0
    /// 0 where it is not known.
    var total = 0

    /// The line: what fits of a bar, the share, the amounts, the rate and the time that is left.
    ///
    /// - Parameter width: the most columns; nil for a line without a bar, of any length.
    func line(after elapsed: Duration, width: Int?) -> String {
        let seconds = elapsed / .seconds(1)
        let rate = Double(done) / max(seconds, 1e-3)
        let isPlausible = done > 0 && seconds >= 0.5
        guard total > 0 else {
            let amount = done > 0 ? "  \(amount(done))" : ""
            return cut("\(verb)\(amount)  \(Format.age(seconds: Int(seconds)))", width)
        }
        let share = min(1, Double(done) / Double(total))
        let percent = "\(Int(100 * share)) %"
        let amounts = "\(amount(done)) of \(amount(total))"
        let speed = isPlausible ? ["\(amount(Int(rate)))/s"] : []
        let left = Int(min(Double(max(0, total - done)) / max(rate, 1e-9), 1e9).rounded(.up))
        let time = isPlausible ? ["\(Format.age(seconds: left)) left"] : []
        let space = String(repeating: " ", count: max(0, 5 - percent.count))
        let forms = [
            ["\(bar(share)) \(space)\(percent)", amounts] + speed + time, [percent, amounts] + speed + time,
            [percent, amounts] + time, [percent] + time, [percent],
        ].map { ([verb] + $0).joined(separator: "  ") }
        guard let width else { return forms[1] }
        return forms.first { $0.count < width } ?? cut(forms[4], width)
    }

    private func amount(_ count: Int) -> String {
        switch unit {
        case .bytes: Format.bytes(count)
        case .things: "\(count)"
        }
    }

    private func bar(_ share: Double) -> String {
        let full = Int(share * 24)
        return String(repeating: "━", count: full) + String(repeating: "╌", count: 24 - full)
    }

    private func cut(_ text: String, _ width: Int?) -> String {
        guard let width, text.count >= width else { return text }
        return String(text.prefix(max(0, width - 2))) + "…"
    }
}
