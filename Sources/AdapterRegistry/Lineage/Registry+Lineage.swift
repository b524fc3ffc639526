import Adapters
import GRDB
public import Integrity

extension Registry {
    /// Where to look from an adapter.
    public enum LineageDirection: Hashable, Sendable, CaseIterable {
        /// What it was computed from.
        case ancestors
        /// What was computed from it.
        case descendants
    }

    /// The identity of a stored file; nil when it is not stored.
    public func contentRoot(of digest: Digest) throws -> Digest? {
        try catalog.read { try Catalog.record(of: digest, in: $0)?.contentRoot }
    }

    /// The tags that stand at something computed from an adapter, over any number of steps, ascending.
    public func impact(of contentRoot: Digest) throws -> [Reference] {
        try lineage(of: contentRoot, [.descendants], limit: .max).nodes.dropFirst().flatMap(\.references)
            .sorted { $0.description < $1.description }
    }

    /// What an adapter was computed from and what was computed from it, over any number of steps.
    ///
    /// - Parameters:
    ///   - contentRoot: its identity; it need not be stored.
    ///   - directions: where to look.
    ///   - depth: the most steps.
    ///   - limit: the most adapters.
    public func lineage(
        of contentRoot: Digest, _ directions: Set<LineageDirection> = [.ancestors, .descendants],
        depth: Int = .max, limit: Int = 10_000
    ) throws -> LineageGraph {
        try catalog.read { database in
            var nodes = [try Catalog.node(contentRoot, in: database)]
            var nodeIDs: Set<Digest> = [contentRoot]
            var edges: [LineageGraph.Edge] = []
            var knownEdges: Set<LineageGraph.Edge> = []
            var isTruncated = false
            for direction in LineageDirection.allCases where directions.contains(direction) {
                // Breadth first, each identity once: an adapter may be its own ancestor, as a merge of itself is.
                var seen: Set<Digest> = [contentRoot]
                var level = [contentRoot]
                var distance = 0
                while !level.isEmpty {
                    var next: [Digest] = []
                    for point in level {
                        for edge in try Catalog.edges(point, direction, in: database) {
                            let other = direction == .ancestors ? edge.parent : edge.child
                            guard distance < depth, seen.contains(other) || nodes.count < limit else {
                                isTruncated = true
                                continue
                            }
                            if knownEdges.insert(edge).inserted { edges.append(edge) }
                            guard seen.insert(other).inserted else { continue }
                            next.append(other)
                            if nodeIDs.insert(other).inserted {
                                nodes.append(try Catalog.node(other, in: database))
                            }
                        }
                    }
                    level = next
                    distance += 1
                }
            }
            return LineageGraph(root: contentRoot, nodes: nodes, edges: edges, isTruncated: isTruncated)
        }
    }
}

extension Catalog {
    /// An adapter as a point of a lineage.
    static func node(_ contentRoot: Digest, in database: Database) throws -> LineageGraph.Node {
        let rows = try Row.fetchAll(
            database, sql: "SELECT digest, operation FROM adapter WHERE contentRoot = ? ORDER BY digest",
            arguments: [contentRoot.description])
        let digests = try rows.map { try $0.digest("digest") }
        return LineageGraph.Node(
            contentRoot: contentRoot, digests: digests,
            references: try digests.flatMap { try references(to: $0, in: database) },
            operation: try rows.compactMap { try $0.optional("operation") as String? }.first,
            name: digests.isEmpty ? try baseName(contentRoot, in: database) : nil)
    }

    /// What adapters call the base model with a digest.
    private static func baseName(_ digest: Digest, in database: Database) throws -> String? {
        try Row.fetchOne(
            database,
            sql: """
                SELECT baseName, baseRevision FROM adapter INDEXED BY adapterByBaseDigest
                WHERE baseDigest = ? AND baseName IS NOT NULL ORDER BY digest LIMIT 1
                """, arguments: [digest.description]
        ).map { BaseModel(name: try $0.optional("baseName"), revision: try $0.optional("baseRevision")).summary }
    }

    /// The steps that lead to an adapter, or from it.
    static func edges(
        _ contentRoot: Digest, _ direction: Registry.LineageDirection, in database: Database
    ) throws -> [LineageGraph.Edge] {
        let condition = direction == .ancestors ? "a.contentRoot = ?" : "l.parentContentRoot = ?"
        return try Row.fetchAll(
            database,
            sql: """
                SELECT l.parentContentRoot AS parent, a.contentRoot AS child, l.role, l.weight, l.operation
                FROM lineage AS l JOIN adapter AS a ON a.digest = l.child
                WHERE \(condition) ORDER BY a.contentRoot, l.child, l.position
                """, arguments: [contentRoot.description]
        ).map { row in
            LineageGraph.Edge(
                parent: try row.digest("parent"), child: try row.digest("child"), role: try row.value("role"),
                weight: try row.optional("weight"), operation: try row.value("operation"))
        }
    }
}
