public import AdapterRegistry
internal import Charts
internal import Integrity

extension RegistryPages {
    /// So many adapters are listed below the picture.
    private static let lineageRows = 500

    /// The page of an adapter's lineage: what it was computed from, and what from it, as far as the reader may know.
    ///
    /// - Throws: ``Absence``.
    public func lineage(_ stored: StoredAdapter) throws -> String {
        try require(stored.reference.repository)
        let graph = try AdapterReport.Storage(of: stored, in: registry, mayRead: reader.mayRead).lineage
        let label = stored.reference.label
        guard !graph.edges.isEmpty else {
            return Page(
                title: label,
                sections: [
                    Page.Section(
                        "Lineage",
                        [.text("It was not computed from other adapters, and nothing here was computed from it.")])
                ], place: place(stored.reference, .lineage)
            ).html()
        }
        let parents = Dictionary(grouping: graph.edges, by: \.child)
        let names = Dictionary(
            graph.nodes.map { ($0.contentRoot, name(of: $0)) }, uniquingKeysWith: { first, _ in first })
        let rows = graph.nodes.prefix(RegistryPages.lineageRows).map { node -> [Page.Text] in
            let sources = (parents[node.contentRoot] ?? []).prefix(16).map { edge -> Page.Text in
                let weight = edge.weight.map { " × \(Numeral.plain($0))" } ?? ""
                return Page.Text([names[edge.parent] ?? "", Page.Text(weight)], separator: "")
            }
            return [
                names[node.contentRoot] ?? "", Page.Text(node.operation ?? "–"), Page.Text(sources, separator: ", "),
            ]
        }
        let marked = graph.nodes.firstIndex { $0.contentRoot == graph.root }.map { [$0] } ?? []
        return Page(
            title: label,
            sections: [
                Page.Section("Lineage", [.chart(GraphChart(graph))]),
                Page.Section(
                    "Adapters", [.table(Page.Table(["Adapter", "How", "From"], rows: rows, marked: Set(marked)))]),
            ], place: place(stored.reference, .lineage)
        ).html()
    }

    private func name(of node: LineageGraph.Node) -> Page.Text {
        guard !node.references.isEmpty else { return Page.Text(node.contentRoot.abbreviated, .code) }
        let more = node.references.count > 3 ? [Page.Text("and \(node.references.count - 3) more")] : []
        return Page.Text(
            node.references.prefix(3).map { Page.Text("\($0)", to: .lineage($0)) } + more, separator: ", ")
    }
}
