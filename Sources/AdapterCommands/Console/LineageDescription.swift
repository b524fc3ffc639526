internal import AdapterRegistry
internal import ByteCoding
internal import Integrity

/// A lineage as a tree, a document and a graph.
struct LineageDescription {
    let graph: LineageGraph
    /// What the user called the adapter.
    let name: String

    private static let maximumLineCount = 2000

    var document: MetadataValue {
        [
            "root": .string(graph.root.description),
            "nodes": .array(
                graph.nodes.map { node in
                    [
                        "contentRoot": .string(node.contentRoot.description),
                        "digests": .array(node.digests.map { .string($0.description) }),
                        "references": .array(node.references.map { .string($0.description) }),
                        "operation": MetadataValue(node.operation), "isStored": .bool(!node.digests.isEmpty),
                        "name": MetadataValue(node.name),
                    ]
                }),
            "edges": .array(
                graph.edges.map { edge in
                    [
                        "parent": .string(edge.parent.description), "child": .string(edge.child.description),
                        "role": .string(edge.role), "weight": edge.weight.map { MetadataValue($0) } ?? .null,
                        "operation": .string(edge.operation),
                    ]
                }),
            "isTruncated": .bool(graph.isTruncated),
        ]
    }

    /// The language of Graphviz.
    var dot: String {
        func quoted(_ text: String) -> String {
            let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            return "\"\(escaped)\""
        }
        var lines = ["digraph lineage {", "  rankdir = BT;", "  node [shape = box];"]
        for node in graph.nodes {
            let label = ([title(node)] + [node.operation].compactMap(\.self)).map(Format.printable)
            let style =
                node.digests.isEmpty ? ", style = dashed" : node.contentRoot == graph.root ? ", style = bold" : ""
            lines.append(
                "  \(quoted(node.contentRoot.abbreviated)) [label = \(quoted(label.joined(separator: "\n")))\(style)];")
        }
        for edge in graph.edges {
            let label = [edge.role == "input" ? nil : edge.role, edge.weight.map(Format.number)].compactMap(\.self)
            lines.append(
                "  \(quoted(edge.child.abbreviated)) -> \(quoted(edge.parent.abbreviated))"
                    + (label.isEmpty ? "" : " [label = \(quoted(Format.printable(label.joined(separator: " "))))]")
                    + ";")
        }
        return (lines + ["}"]).joined(separator: "\n") + "\n"
    }

    /// Both directions as indented trees. What occurs again is named again, its own branch shown once.
    func tree(_ directions: Set<Registry.LineageDirection>) -> String {
        var lines = [graph.node(graph.root).map(title) ?? name]
        for direction in Registry.LineageDirection.allCases where directions.contains(direction) {
            let branches = Dictionary(grouping: graph.edges) { direction == .ancestors ? $0.child : $0.parent }
            lines.append(direction == .ancestors ? "computed from" : "gave")
            let count = lines.count
            var shown: Set<Digest> = [graph.root]
            // A stack of its own: a lineage may be deeper than this program's.
            var waiting = (branches[graph.root] ?? []).reversed().map { (edge: $0, depth: 1) }
            while let (edge, depth) = waiting.popLast(), lines.count < LineageDescription.maximumLineCount {
                let other = direction == .ancestors ? edge.parent : edge.child
                let isNew = shown.insert(other).inserted
                let weight = edge.weight.map { " × \(Format.number($0))" } ?? ""
                lines.append(
                    String(repeating: "  ", count: min(depth, 50))
                        + Format.printable(
                            "\(edge.operation)\(edge.role == "input" ? "" : " (\(edge.role))"): "
                                + "\(graph.node(other).map(title) ?? other.abbreviated)\(weight)")
                        + (isNew || (branches[other] ?? []).isEmpty ? "" : "  (see above)"))
                guard isNew else { continue }
                waiting += (branches[other] ?? []).reversed().map { ($0, depth + 1) }
            }
            if lines.count == count { lines.append("  nothing") }
        }
        return lines.joined(separator: "\n")
    }

    private func title(_ node: LineageGraph.Node) -> String {
        let names = node.references.prefix(3).map(\.description) + (node.references.count > 3 ? ["…"] : [])
        if !names.isEmpty { return names.joined(separator: ", ") }
        return node.digests.first?.abbreviated ?? node.name ?? "\(node.contentRoot.abbreviated) (not stored)"
    }
}
