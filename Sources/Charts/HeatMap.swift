/// A table of numbers as colours: the stronger, the larger.
package struct HeatMap: Chart {
    package let title: String
    package let summary: String
    /// What the columns are, such as `layer`.
    let columnTitle: String
    /// The names of the rows.
    let rows: [String]
    /// The names of the columns.
    let columns: [String]
    /// The numbers, row by row; nil where there is none.
    let values: [[Double?]]
    /// Counts such as ranks are shown without a point.
    private let areWhole: Bool
    /// What the colours mean.
    let valueTitle: String
    /// The number of the strongest colour; nil for the largest.
    let limit: Double?
    /// Whether the numbers stand in the cells.
    let showsValues: Bool

    /// A heat map; the values have as many rows and columns as there are names. Negative numbers have a colour of their
    /// own.
    package init(
        title: String, summary: String, columnTitle: String, rows: [String], columns: [String], values: [[Double?]],
        valueTitle: String, limit: Double? = nil, showsValues: Bool = false
    ) {
        self.title = title
        self.summary = summary
        self.columnTitle = columnTitle
        self.rows = rows
        self.columns = columns
        self.values = values
        areWhole = values.joined().allSatisfy { $0.map { $0.magnitude < 100_000 && Int(exactly: $0) != nil } ?? true }
        self.valueTitle = valueTitle
        self.limit = limit
        self.showsValues = showsValues
    }

    /// The longest name of a row, in characters.
    private static let nameLimit = 32
    /// The width that the map tries to fill.
    private static let wantedWidth = 760.0

    private var labels: [String] { rows.map { Markup.shortened($0, to: HeatMap.nameLimit) } }
    private var columnLabels: [String] { columns.map { Markup.shortened($0, to: HeatMap.nameLimit) } }
    private var left: Double { 24 + (labels.map(Markup.width).max() ?? 0) }
    private var cellWidth: Double {
        let room = (HeatMap.wantedWidth - left - 12) / Double(max(1, columns.count))
        return max(showsValues ? 52 : 9, min(showsValues ? 72 : 40, room))
    }
    private var cellHeight: Double { showsValues ? 30 : 20 }
    /// Names that are wider than a column stand aslant, numbers are thinned out.
    private var isSlanted: Bool {
        columnLabels.contains { Markup.width($0) > cellWidth - 6 && !$0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    }
    private var top: Double {
        isSlanted ? 16 + 0.6 * (columnLabels.map(Markup.width).max() ?? 0) : 38
    }
    private var slantedOverhang: Double { isSlanted ? 0.8 * (columnLabels.last.map(Markup.width) ?? 0) : 0 }

    package var size: (width: Double, height: Double) {
        let width = left + Double(columns.count) * cellWidth + slantedOverhang + 16
        return (max(width, left + 300), top + Double(rows.count) * cellHeight + 62)
    }

    package func draw(into drawing: inout Drawing) {
        let finite = values.joined().compactMap(\.self).filter(\.isFinite)
        let largest = limit ?? finite.map(\.magnitude).max() ?? 0
        drawColumnNames(&drawing)
        for (row, label) in labels.enumerated() {
            let y = top + Double(row) * cellHeight
            drawing.text(left - 8, y + cellHeight / 2 + 4, label, anchor: .end)
            for column in columns.indices {
                drawCell(row, column, y, largest, &drawing)
            }
        }
        drawLegend(largest, hasNegative: finite.contains { $0 < 0 }, &drawing)
    }

    private func drawCell(_ row: Int, _ column: Int, _ y: Double, _ largest: Double, _ drawing: inout Drawing) {
        let x = left + Double(column) * cellWidth
        let (width, height) = (cellWidth - (cellWidth > 12 ? 2 : 1), cellHeight - 2)
        guard let value = values[row][column] else {
            return drawing.rectangle(x, y, width, height, "missing")
        }
        let number = label(value)
        let strength = value.isFinite && largest > 0 ? min(1, value.magnitude / largest) : value == 0 ? 0 : 1
        drawing.rectangle(
            x, y, width, height, value < 0 ? "negative" : "cell", opacity: 0.06 + 0.94 * strength,
            note: "\(rows[row]), \(columnTitle) \(columns[column]): \(number)")
        guard showsValues else { return }
        drawing.text(x + width / 2, y + height / 2 + 4, number, strength > 0.55 ? "inverse" : "", anchor: .middle)
    }

    private func drawColumnNames(_ drawing: inout Drawing) {
        if isSlanted {
            for (column, label) in columnLabels.enumerated() {
                drawing.text(left + (Double(column) + 0.5) * cellWidth, top - 6, label, angle: -35)
            }
            return
        }
        let widest = columnLabels.map(Markup.width).max() ?? 0
        let step = max(1, Int(((widest + 8) / cellWidth).rounded(.up)))
        drawing.text(left, 14, columnTitle, "muted")
        for column in stride(from: 0, to: columns.count, by: step) {
            drawing.text(
                left + (Double(column) + 0.5) * cellWidth - 1, top - 7, columnLabels[column], "muted", anchor: .middle)
        }
    }

    private func label(_ value: Double) -> String { areWhole ? Numeral.plain(value) : Numeral.scientific(value) }

    private func drawLegend(_ largest: Double, hasNegative: Bool, _ drawing: inout Drawing) {
        let y = top + Double(rows.count) * cellHeight + 14
        let steps = hasNegative ? -5...5 : 0...10
        let width = 200 / Double(steps.count)
        for (index, step) in steps.enumerated() {
            let strength = Double(step).magnitude / Double(steps.upperBound)
            drawing.rectangle(
                left + Double(index) * width, y, width, 10, step < 0 ? "negative" : "cell",
                opacity: 0.06 + 0.94 * strength)
        }
        drawing.text(left, y + 24, hasNegative ? label(-largest) : "0", "muted")
        drawing.text(left + 200, y + 24, label(largest), "muted", anchor: .end)
        drawing.text(left + 210, y + 10, valueTitle, "muted")
    }
}
