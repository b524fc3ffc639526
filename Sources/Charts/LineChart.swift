/// Numbers over numbers: lines and points.
package struct LineChart: Chart {
    /// Points that belong together.
    package struct Series: Sendable {
        /// How the points are shown.
        package enum Style: Sendable {
            /// A line.
            case line
            /// One of many lines, thin.
            case thin
            /// Points apart.
            case points
        }

        /// What it is; series of one name have one colour and one entry in the legend.
        package let name: String
        /// How it is shown.
        package let style: Style
        /// The points; those that are not finite leave a gap.
        package let points: [(x: Double, y: Double)]
        /// What a pointer over it shows; the name when nil.
        package let note: String?

        /// A series.
        package init(_ name: String, style: Style = .line, points: [(x: Double, y: Double)], note: String? = nil) {
            self.name = name
            self.style = style
            self.points = points
            self.note = note
        }
    }

    package let title: String
    package let summary: String
    /// What the horizontal axis is.
    let xTitle: String
    /// What the vertical axis is.
    let yTitle: String
    let xScale: ScaleKind
    let yScale: ScaleKind
    /// Whether the vertical axis begins at 0.
    let includesZero: Bool
    /// The values marked on the horizontal axis; nil for round ones.
    let xTicks: [Double]?
    /// Whether only whole numbers are marked on the horizontal axis.
    let countsX: Bool
    let series: [Series]

    /// A chart.
    package init(
        title: String, summary: String, xTitle: String, yTitle: String, xScale: ScaleKind = .linear,
        yScale: ScaleKind = .linear, includesZero: Bool = false, xTicks: [Double]? = nil, countsX: Bool = false,
        series: [Series]
    ) {
        self.title = title
        self.summary = summary
        self.xTitle = xTitle
        self.yTitle = yTitle
        self.xScale = xScale
        self.yScale = yScale
        self.includesZero = includesZero
        self.xTicks = xTicks
        self.countsX = countsX
        self.series = series
    }

    private static let width = 760.0
    private static let plot = (left: 64.0, right: 744.0, height: 300.0)
    /// More names than that are told by pointing.
    private static let legendLimit = 16

    /// The names in the order of their first series.
    private var names: [String] {
        var known: Set<String> = []
        return series.map(\.name).filter { known.insert($0).inserted }
    }

    /// The legend's entries in lines: name, colour, and horizontal place.
    private var legend: [[(name: String, color: Int?, x: Double)]] {
        let names = names
        guard names.count > 1 || series.first?.name.isEmpty == false else { return [] }
        var lines: [[(name: String, color: Int?, x: Double)]] = [[]]
        var x = LineChart.plot.left
        var entries = names.prefix(LineChart.legendLimit).enumerated().map { index, name in
            (Markup.shortened(name, to: 40), index % ChartStyle.colorCount as Int?)
        }
        if names.count > entries.count { entries.append(("and \(names.count - entries.count) more", nil)) }
        for (name, color) in entries {
            let width = 34 + Markup.width(name)
            if x + width > LineChart.plot.right, lines[lines.count - 1].count > 0 {
                lines.append([])
                x = LineChart.plot.left
            }
            lines[lines.count - 1].append((name, color, x))
            x += width
        }
        return lines
    }

    private var top: Double { 30 + 20 * Double(legend.count) }

    package var size: (width: Double, height: Double) { (LineChart.width, top + LineChart.plot.height + 50) }

    package func draw(into drawing: inout Drawing) {
        let names = names
        let colors = Dictionary(
            names.enumerated().map { ($1, $0 % ChartStyle.colorCount) }, uniquingKeysWith: { first, _ in first })
        for (line, entries) in legend.enumerated() {
            for entry in entries {
                if let color = entry.color {
                    drawing.rectangle(entry.x, 6 + 20 * Double(line), 14, 10, "p\(color)", radius: 2)
                }
                drawing.text(entry.x + (entry.color == nil ? 0 : 20), 15 + 20 * Double(line), entry.name)
            }
        }
        let x = Scale(xScale, of: series.lazy.flatMap { $0.points.lazy.map(\.x) })
        let y = Scale(yScale, of: series.lazy.flatMap { $0.points.lazy.map(\.y) }, includesZero: includesZero)
        drawAxes(x, y, &drawing)
        for one in series { draw(one, color: colors[one.name] ?? 0, x, y, &drawing) }
    }

    private func drawAxes(_ x: Scale, _ y: Scale, _ drawing: inout Drawing) {
        let (plot, bottom) = (LineChart.plot, top + LineChart.plot.height)
        for tick in y.ticks(6) {
            guard let place = y.place(tick) else { continue }
            let height = bottom - place * plot.height
            drawing.line(plot.left, height, plot.right, height, "grid")
            drawing.text(plot.left - 8, height + 4, LineChart.label(tick), "muted", anchor: .end)
        }
        for tick in xTicks ?? x.ticks(8, areWhole: countsX) {
            guard let place = x.place(tick) else { continue }
            let column = plot.left + place * (plot.right - plot.left)
            drawing.line(column, bottom, column, bottom + 5, "axis")
            drawing.text(column, bottom + 19, LineChart.label(tick), "muted", anchor: .middle)
        }
        drawing.line(plot.left, bottom, plot.right, bottom, "axis")
        drawing.text((plot.left + plot.right) / 2, bottom + 40, xTitle, "muted", anchor: .middle)
        drawing.text(plot.left - 52, top - 14, yTitle, "muted")
    }

    private static func label(_ tick: Double) -> String {
        if let whole = Int(exactly: tick), whole.magnitude < 100_000 { return String(whole) }
        var text = Numeral.scientific(tick)
        guard text.contains("."), !text.contains("e") else { return text }
        while text.hasSuffix("0") { text.removeLast() }
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }

    private func draw(_ one: Series, color: Int, _ x: Scale, _ y: Scale, _ drawing: inout Drawing) {
        let (plot, bottom) = (LineChart.plot, top + LineChart.plot.height)
        func point(_ values: (x: Double, y: Double)) -> (x: Double, y: Double)? {
            guard let column = x.place(values.x), let height = y.place(values.y) else { return nil }
            return (plot.left + column * (plot.right - plot.left), bottom - height * plot.height)
        }
        let note = one.note ?? one.name
        switch one.style {
        case .points:
            for values in one.points {
                guard let place = point(values) else { continue }
                drawing.circle(
                    place.x, place.y, 4, "p\(color)",
                    note: "\(note): \(Numeral.scientific(values.y)) at \(Numeral.scientific(values.x))")
            }
        case .line, .thin:
            let style = (one.style == .line ? "line" : "thin") + " l\(color)"
            var runs: [[(x: Double, y: Double)]] = [[]]
            for values in one.points {
                if let place = point(values) {
                    runs[runs.count - 1].append(place)
                } else if runs.last?.isEmpty == false {
                    runs.append([])
                }
            }
            for run in runs where !run.isEmpty {
                if run.count == 1 {
                    drawing.circle(run[0].x, run[0].y, one.style == .line ? 3 : 1.5, "p\(color)", note: note)
                } else {
                    drawing.polyline(run, style, note: note.isEmpty ? nil : note)
                }
            }
        }
    }
}
