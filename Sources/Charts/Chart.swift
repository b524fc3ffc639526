/// A picture: data in, SVG out. Equal data give equal bytes.
///
/// Pictures need no script and nothing from elsewhere, follow the reader's choice of light or dark, and say in words what
/// they show.
package protocol Chart: Sendable {
    /// What is seen, in a few words.
    var title: String { get }
    /// What it shows, in a sentence or two, for those who cannot see it.
    var summary: String { get }
    /// The size in pixels at which texts have their natural size.
    var size: (width: Double, height: Double) { get }

    /// Draws everything but the title.
    func draw(into drawing: inout Drawing)
}

extension Chart {
    /// The picture as a document of its own, with its title.
    package func svg() -> String {
        Titled(chart: self).element(identifier: "chart", style: ChartStyle.document)
    }

    /// The picture as an element of an HTML page that holds ``ChartStyle/css``; the page shows the title.
    ///
    /// - Parameter identifier: begins the identifiers in it; unique on the page.
    package func element(identifier: String) -> String { element(identifier: identifier, style: nil) }

    fileprivate func element(identifier: String, style: String?) -> String {
        var drawing = Drawing()
        draw(into: &drawing)
        let (width, height) = (
            Numeral.decimal(size.width.rounded(.up), places: 0), Numeral.decimal(size.height.rounded(.up), places: 0)
        )
        let id = Markup.escaped(identifier)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" class="chart" width="\(width)" height="\(height)" viewBox="0 0 \
            \(width) \(height)" role="img" aria-labelledby="\(id)-title \(id)-desc">
            <title id="\(id)-title">\(Markup.escaped(title))</title>
            <desc id="\(id)-desc">\(Markup.escaped(summary))</desc>
            \(style.map { "<style>\($0)</style>\n" } ?? "")\(drawing.markup)</svg>

            """
    }
}

/// A chart with its title above it.
private struct Titled: Chart {
    let chart: any Chart

    var title: String { chart.title }
    var summary: String { chart.summary }
    var size: (width: Double, height: Double) {
        (max(chart.size.width, min(900, 24 + Markup.width(title) * 1.25)), chart.size.height + 34)
    }

    func draw(into drawing: inout Drawing) {
        drawing.text(12, 23, title, "heading")
        var contents = Drawing()
        chart.draw(into: &contents)
        drawing.group(0, 34, contents)
    }
}

/// Several charts, one below the other, each with its title.
package struct ChartColumn: Chart {
    /// What all of them are about.
    package let title: String
    private let charts: [any Chart]

    /// A column.
    package init(title: String, _ charts: [any Chart]) {
        self.title = title
        self.charts = charts
    }

    package var summary: String { charts.map { "\($0.title): \($0.summary)" }.joined(separator: " ") }

    package var size: (width: Double, height: Double) {
        let sizes = charts.map { Titled(chart: $0).size }
        return (sizes.map(\.width).max() ?? 100, sizes.reduce(0) { $0 + $1.height + 12 })
    }

    package func draw(into drawing: inout Drawing) {
        var y = 0.0
        for chart in charts {
            let chart = Titled(chart: chart)
            var contents = Drawing()
            chart.draw(into: &contents)
            drawing.group(0, y, contents)
            y += chart.size.height + 12
        }
    }
}
