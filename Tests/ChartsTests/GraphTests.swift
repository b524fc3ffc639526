import Charts
import Foundation
import Testing

@Suite struct GraphTests {
    /// The left ends and widths of the boxes by their first line.
    private func boxes(_ chart: GraphChart) -> [String: (x: Double, y: Double, width: Double, height: Double)] {
        let reading = SVGReading(chart.svg())
        var boxes: [String: (Double, Double, Double, Double)] = [:]
        for (rectangle, title) in zip(reading.elements, reading.elements.dropFirst())
        where rectangle.name == "rect" && title.name == "title" {
            boxes[title.text] = (
                rectangle.number("x") ?? .nan, rectangle.number("y") ?? .nan, rectangle.number("width") ?? .nan,
                rectangle.number("height") ?? .nan
            )
        }
        return boxes
    }

    private func graph(_ count: Int, _ edges: [(Int, Int)]) -> GraphChart {
        GraphChart(
            title: "t", summary: "s", nodes: (0..<count).map { GraphChart.Node(["n\($0)"]) },
            edges: edges.map { GraphChart.Edge(from: $0.0, to: $0.1) })
    }

    @Test func `steps lead to the right and boxes do not overlap`() throws {
        var seed = UInt64.random(in: 0 ... .max)
        let start = seed
        func next(_ bound: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((seed >> 33) % UInt64(bound))
        }
        for _ in 0..<20 {
            let count = 2 + next(25)
            let edges = (0..<count * 2).map { _ in (next(count), next(count)) }.filter { $0.0 < $0.1 }
            let boxes = boxes(graph(count, edges))
            #expect(boxes.count == count, "seed \(start)")
            for (from, to) in edges {
                let (one, two) = (try #require(boxes["n\(from)"]), try #require(boxes["n\(to)"]))
                #expect(one.x + one.width < two.x, "seed \(start)")
            }
            let all = boxes.values.map { $0 }
            for (index, one) in all.enumerated() {
                for two in all[(index + 1)...] {
                    let apart =
                        one.x + one.width <= two.x || two.x + two.width <= one.x || one.y + one.height <= two.y
                        || two.y + two.height <= one.y
                    #expect(apart, "seed \(start)")
                }
            }
        }
    }

    @Test func `circles and long chains are drawn`() {
        let circle = graph(4, [(0, 1), (1, 2), (2, 0), (2, 3), (3, 3)])
        #expect(boxes(circle).count == 4)
        let chain = graph(3000, (0..<2999).map { ($0, $0 + 1) } + [(0, 2999)])
        #expect(SVGReading(chain.svg()).named("path").count { $0.attributes["class"] == "edge" } == 3000)
    }
}
