package import AdapterRegistry
package import Charts
internal import Integrity

extension GraphChart {
    /// More adapters than that nobody can read.
    private static let nodeLimit = 200

    /// A lineage: parents stand left of what was computed from them.
    package init(_ lineage: LineageGraph) {
        let shown = lineage.nodes.prefix(GraphChart.nodeLimit)
        let positions = Dictionary(
            shown.enumerated().map { ($1.contentRoot, $0) }, uniquingKeysWith: { first, _ in first })
        let isCut = shown.count < lineage.nodes.count || lineage.isTruncated
        self.init(
            title: "Lineage",
            summary:
                "\(shown.count) adapter\(shown.count == 1 ? "" : "s"): what was computed stands right of what it was "
                + "computed from. Dashed ones are not in the registry." + (isCut ? " There are more." : ""),
            nodes: shown.map { node in
                let isStored = !node.digests.isEmpty
                let names = node.references.prefix(2).map(\.description)
                let more = node.references.count > 2 ? ["and \(node.references.count - 2) more names"] : []
                let title = names.isEmpty ? [node.name ?? node.contentRoot.abbreviated] : names
                return Node(
                    title + more + [isStored ? node.operation : "not stored"].compactMap(\.self),
                    style: node.contentRoot == lineage.root ? .focus : isStored ? .node : .absent)
            },
            edges: lineage.edges.compactMap { edge in
                guard let from = positions[edge.parent], let to = positions[edge.child] else { return nil }
                let words = [edge.role == "input" ? nil : edge.role, edge.weight.map { "× \(Numeral.plain($0))" }]
                return Edge(from: from, to: to, label: words.compactMap(\.self).joined(separator: " "))
            })
    }
}
