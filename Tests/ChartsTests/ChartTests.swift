import Charts
import Foundation
import Testing

@Suite struct ChartTests {
    private static let numbers: [Double] = [
        0, -0.0, 1, -1, .nan, .infinity, -.infinity, 1e308, -1e308, .leastNonzeroMagnitude, 1e-300,
        .greatestFiniteMagnitude, 3, 2.5,
    ]

    /// Every kind of chart with hostile names and numbers, with usual ones, with one and with none.
    private static func charts(_ names: [String], _ numbers: [Double]) -> [any Chart] {
        let (name, count) = (names.first ?? "", max(1, names.count))
        let points = numbers.enumerated().map { (Double($0), $1) } + numbers.map { ($0, $0) }
        let scales: [ScaleKind] = [.linear, .logarithmic]
        let lines = scales.flatMap { x in
            scales.map { y in
                LineChart(
                    title: name, summary: name, xTitle: name, yTitle: name, xScale: x, yScale: y,
                    includesZero: x == y,
                    series: names.enumerated().map { index, name in
                        LineChart.Series(name, style: [.line, .thin, .points][index % 3], points: points, note: name)
                    })
            }
        }
        let maps = [false, true].map { showsValues in
            HeatMap(
                title: name, summary: name, columnTitle: name, rows: names, columns: names,
                values: names.map { _ in names.indices.map { numbers.isEmpty ? nil : numbers[$0 % numbers.count] } },
                valueTitle: name, showsValues: showsValues)
        }
        let bars = BarChart(
            title: name, summary: name,
            bars: zip(names, numbers + [Double](repeating: 1, count: count)).map { ($0, $1.magnitude, $0) })
        let graph = GraphChart(
            title: name, summary: name, nodes: names.map { GraphChart.Node([$0, $0]) },
            edges: names.indices.flatMap { from in
                [GraphChart.Edge(from: from, to: (from * 7 + 3) % count, label: name), .init(from: from, to: -1)]
            })
        return lines + maps + [bars, graph, ChartColumn(title: name, lines + maps + [bars, graph])]
    }

    @Test func `every picture is sound XML without scripts, whatever names and numbers say`() {
        for names in [hostileNames, ["usual"], ["a", "b", "c"], []] {
            for numbers in [ChartTests.numbers, [1, 2, 3], [7], [0], []] {
                for chart in ChartTests.charts(names, numbers) {
                    let svg = chart.svg()
                    let reading = SVGReading(svg)
                    let what: Comment = "\(type(of: chart)), \(names.count) names, \(numbers)"
                    #expect(reading.error == nil, what)
                    let known: Set<String> = [
                        "svg", "title", "desc", "style", "rect", "line", "polyline", "circle", "text", "g", "path",
                    ]
                    #expect(Set(reading.elements.map(\.name)).isSubset(of: known), what)
                    #expect(!reading.elements.contains { $0.attributes.keys.contains { $0.hasPrefix("on") } }, what)
                    for element in reading.elements {
                        for (key, value) in element.attributes
                        where ["x", "y", "width", "height", "cx", "cy"].contains(key) {
                            #expect(Double(value)?.isFinite == true, what)
                        }
                        #expect((element.number("width") ?? 0) >= 0 && (element.number("height") ?? 0) >= 0, what)
                    }
                    // Nothing that a reader does not have is asked for.
                    #expect(!svg.contains("href") && !svg.contains("url(") && !svg.contains("@import"), what)
                    #expect(svg == chart.svg(), what)
                }
            }
        }
    }

    @Test func `a picture names itself for those who cannot see it`() throws {
        let chart = BarChart(title: "Sizes & more", summary: "What is large.", bars: [("a", 1, "1")])
        let reading = SVGReading(chart.element(identifier: "c7"))
        let root = try #require(reading.elements.first)
        #expect(root.attributes["role"] == "img" && root.attributes["aria-labelledby"] == "c7-title c7-desc")
        #expect(reading.elements.first { $0.attributes["id"] == "c7-title" }?.text == "Sizes & more")
        #expect(reading.elements.first { $0.attributes["id"] == "c7-desc" }?.text == "What is large.")
        #expect(reading.named("style").isEmpty)
        #expect(SVGReading(chart.svg()).texts("style").first?.contains("prefers-color-scheme:dark") == true)
    }

    @Test func `cells say their number, and the largest is the strongest`() throws {
        let map = HeatMap(
            title: "t", summary: "s", columnTitle: "layer", rows: ["q", "v"], columns: ["0", "1"],
            values: [[1, -2], [nil, 0]], valueTitle: "norm")
        let reading = SVGReading(map.svg())
        #expect(reading.texts("title").dropFirst() == ["q, layer 0: 1", "q, layer 1: -2", "v, layer 1: 0"])
        let styles = reading.named("rect").prefix(4).map { $0.attributes["class"] }
        #expect(styles == ["cell", "negative", "missing", "cell"])
        let opacities = reading.named("rect").prefix(4).map { $0.number("fill-opacity") ?? 1 }
        #expect(opacities[1] == 1 && opacities[0] == 0.53 && opacities[3] == 0.06)
    }

    @Test func `points stand where their axes say`() throws {
        let chart = LineChart(
            title: "t", summary: "s", xTitle: "x", yTitle: "y", yScale: .logarithmic,
            series: [.init("a", style: .points, points: [(0, 0.01), (5, 0.1), (10, 1), (3, 0), (4, -1)])])
        let circles = SVGReading(chart.svg()).named("circle").compactMap { circle in
            circle.number("cx").flatMap { x in circle.number("cy").map { (x, $0) } }
        }
        // What is not positive has no logarithm and no place.
        try #require(circles.count == 3)
        #expect(circles[1].0 - circles[0].0 == circles[2].0 - circles[1].0)
        #expect(circles[0].1 - circles[1].1 == circles[1].1 - circles[2].1 && circles[0].1 > circles[2].1)
        let ticks = SVGReading(chart.svg()).texts("text")
        #expect(["0", "2", "4", "6", "8", "10", "0.01", "0.1", "1"].allSatisfy(ticks.contains))
    }

    @Test func `a line has a gap where a value is missing`() {
        let chart = LineChart(
            title: "t", summary: "s", xTitle: "x", yTitle: "y",
            series: [.init("a", points: [(0, 1), (1, 2), (2, .nan), (3, 4), (4, 5), (5, .infinity), (6, 1)])])
        let reading = SVGReading(chart.svg())
        #expect(reading.named("polyline").count == 2 && reading.named("circle").count == 1)
    }

    @Test func `numbers are written as people read them`() {
        let texts = [0, 1234.5, 0.001234, 1e-7, -2.346e10, 9.9999, 0.99996].map(Numeral.scientific)
        #expect(texts == ["0", "1235", "0.00123", "1.00e-7", "-2.35e10", "10.0", "1.00"])
        #expect(Numeral.percent(0.12345) == "12.3 %" && Numeral.decimal(-0.001, places: 2) == "0.00")
        #expect(Numeral.decimal(1e14, places: 6) == "100000000000000.0")
        #expect(Markup.shortened("abcdefghij", to: 5) == "ab…ij" && Markup.shortened("abcde", to: 5) == "abcde")
    }
}
