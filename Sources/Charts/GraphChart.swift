/// Boxes and the steps between them, from left to right.
package struct GraphChart: Chart {
    /// A box.
    package struct Node: Sendable {
        /// How a box looks.
        package enum Style: String, Sendable {
            /// As any other.
            case node
            /// The one that it is all about.
            case focus
            /// Something that is not there.
            case absent
        }

        /// The lines in the box, the first one stronger.
        package let lines: [String]
        /// How it looks.
        package let style: Style

        /// A box.
        package init(_ lines: [String], style: Style = .node) {
            self.lines = lines
            self.style = style
        }
    }

    /// A step.
    package struct Edge: Sendable {
        /// The position of the box it starts from.
        package let from: Int
        /// The position of the box it leads to.
        package let to: Int
        /// What stands at it.
        package let label: String

        /// A step.
        package init(from: Int, to: Int, label: String = "") {
            self.from = from
            self.to = to
            self.label = label
        }
    }

    package let title: String
    package let summary: String
    private let nodes: [Node]
    private let layout: GraphLayout
    private let boxes: [(x: Double, y: Double, width: Double, height: Double)]
    private let labels: [[String]]
    private let extent: (width: Double, height: Double)
    /// The points between boxes through which long steps go, and the ends of all steps.
    private let routes: [(points: [(x: Double, y: Double)], label: String)]

    private static let lineHeight = 16.0
    private static let rowGap = 16.0
    private static let columnGap = 104.0

    /// A graph; steps that name no box are left out. Circles are drawn, each with one step that leads back.
    package init(title: String, summary: String, nodes: [Node], edges: [Edge]) {
        self.title = title
        self.summary = summary
        self.nodes = nodes
        let edges = edges.filter { nodes.indices.contains($0.from) && nodes.indices.contains($0.to) }
        let layout = GraphLayout(nodeCount: nodes.count, edges: edges.map { ($0.from, $0.to) })
        let labels = nodes.map { $0.lines.prefix(4).map { Markup.shortened($0, to: 34) } }
        let sizes = labels.map { lines in
            (
                width: 24 + (lines.map { Markup.width($0) * 1.04 }.max() ?? 20),
                height: 14 + GraphChart.lineHeight * Double(max(1, lines.count))
            )
        }
        // Points of long steps take as much room as a thin box.
        func height(_ point: Int) -> Double { point < nodes.count ? sizes[point].height : 6 }
        let columnHeights = layout.columns.map { column in
            column.reduce(-GraphChart.rowGap) { $0 + height($1) + GraphChart.rowGap }
        }
        let total = max(40, columnHeights.max() ?? 0)
        var places = [(x: Double, y: Double, width: Double, height: Double)](
            repeating: (0, 0, 0, 0), count: layout.pointCount)
        var x = 12.0
        for (column, points) in layout.columns.enumerated() {
            let width = points.filter { $0 < nodes.count }.map { sizes[$0].width }.max() ?? 0
            var y = 12 + (total - columnHeights[column]) / 2
            for point in points {
                places[point] = (x, y, width, height(point))
                y += height(point) + GraphChart.rowGap
            }
            x += width + GraphChart.columnGap
        }
        extent = (max(200, x - GraphChart.columnGap + 12), total + 24)
        routes = zip(edges, layout.routes).map { edge, route in
            let points = route.flatMap { point -> [(x: Double, y: Double)] in
                let (place, middle) = (places[point], places[point].y + places[point].height / 2)
                // Through the gap between boxes, straight.
                return [(place.x, middle), (place.x + place.width, middle)]
            }
            // From the right side of the first box to the left side of the last.
            return (Array(points.dropFirst().dropLast()), edge.label)
        }
        boxes = Array(places.prefix(nodes.count))
        self.labels = labels
        self.layout = layout
    }

    package var size: (width: Double, height: Double) { extent }

    package func draw(into drawing: inout Drawing) {
        for route in routes where route.points.count >= 2 {
            let isBackwards = (route.points.last?.x ?? 0) < (route.points.first?.x ?? 0)
            drawing.curve(route.points, "edge", note: route.label.isEmpty ? nil : route.label)
            guard let end = route.points.last, let start = route.points.first else { continue }
            drawing.arrowhead(end.x, end.y, "tip")
            guard !route.label.isEmpty, !isBackwards else { continue }
            let next = route.points[1]
            let label = Markup.shortened(route.label, to: 12)
            // Near the beginning, where lines that meet at their ends are still apart: the curve at 0.35 of its length.
            let (x, y) = (start.x + 0.384 * (next.x - start.x), start.y + 0.282 * (next.y - start.y))
            let width = Markup.width(label) + 8
            drawing.rectangle(x - width / 2, y - 8, width, 16, "plate", radius: 3)
            drawing.text(x, y + 4, label, "muted", anchor: .middle)
        }
        for (index, node) in nodes.enumerated() {
            let box = boxes[index]
            drawing.rectangle(
                box.x, box.y, box.width, box.height, node.style.rawValue, radius: 6,
                note: node.lines.joined(separator: ", "))
            for (line, text) in labels[index].enumerated() {
                drawing.text(
                    box.x + 12, box.y + 19 + GraphChart.lineHeight * Double(line), text, line == 0 ? "" : "muted")
            }
        }
    }
}
