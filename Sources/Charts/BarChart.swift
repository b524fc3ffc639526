/// Numbers as bars, one below the other.
package struct BarChart: Chart {
    package let title: String
    package let summary: String
    /// The bars from top to bottom: name, length and the number as it is written beside it. No length is negative.
    let bars: [(name: String, value: Double, label: String)]

    /// A chart.
    package init(title: String, summary: String, bars: [(name: String, value: Double, label: String)]) {
        self.title = title
        self.summary = summary
        self.bars = bars
    }

    private static let rowHeight = 24.0
    private var left: Double { 24 + (bars.map { Markup.width(Markup.shortened($0.name, to: 36)) }.max() ?? 0) }
    private var right: Double { 16 + (bars.map { Markup.width($0.label) }.max() ?? 0) }

    package var size: (width: Double, height: Double) {
        (max(560, left + right + 200), Double(bars.count) * BarChart.rowHeight + 12)
    }

    package func draw(into drawing: inout Drawing) {
        let largest = bars.map(\.value).filter(\.isFinite).max() ?? 0
        for (row, bar) in bars.enumerated() {
            let y = Double(row) * BarChart.rowHeight + 4
            let share = largest > 0 ? min(1, max(0, bar.value.isNaN ? 0 : bar.value / largest)) : 0
            let length = max(1, share * (size.width - left - right))
            drawing.text(left - 8, y + 13, Markup.shortened(bar.name, to: 36), anchor: .end)
            drawing.rectangle(left, y, length, 17, "bar", radius: 2, note: "\(bar.name): \(bar.label)")
            drawing.text(left + length + 6, y + 13, bar.label, "muted")
        }
    }
}
