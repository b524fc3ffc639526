import Integrity

extension LineageGraph {
    /// What somebody may know of a lineage.
    ///
    /// Of an adapter that is in no repository that may be read, its readable children tell that it was their parent and
    /// nothing else; what it was computed from is its own affair, and so is that it was computed from something.
    ///
    /// - Parameter mayRead: which repositories may be read; the adapter that was asked about is in one of them.
    package func readable(
        in registry: Registry, _ mayRead: (RepositoryName) -> Bool
    ) throws -> LineageGraph {
        let known = Dictionary(nodes.map { ($0.contentRoot, $0) }, uniquingKeysWith: { first, _ in first })
        let isReadable = try known.mapValues { node in
            try node.references.contains { mayRead($0.repository) }
                || node.digests.contains { digest in
                    try registry.repositories(withPackageBlob: digest.description).contains(where: mayRead)
                }
        }
        func mayGoOn(_ point: Digest) -> Bool { point == root || isReadable[point] == true }
        var kept: Set<Edge> = []
        var reached: Set<Digest> = [root]
        for isUpwards in [true, false] {
            let steps = Dictionary(grouping: edges) { isUpwards ? $0.child : $0.parent }
            var (open, seen): ([Digest], Set<Digest>) = ([root], [root])
            while let point = open.popLast() {
                for edge in steps[point] ?? [] {
                    let next = isUpwards ? edge.parent : edge.child
                    // A child that may not be read is not there; a parent is named by the child.
                    guard isUpwards || mayGoOn(next) else { continue }
                    kept.insert(edge)
                    reached.insert(next)
                    if mayGoOn(next), seen.insert(next).inserted { open.append(next) }
                }
            }
        }
        return LineageGraph(
            root: root,
            nodes: nodes.filter { reached.contains($0.contentRoot) }.map { node in
                mayGoOn(node.contentRoot)
                    ? Node(
                        contentRoot: node.contentRoot, digests: node.digests,
                        references: node.references.filter { mayRead($0.repository) }, operation: node.operation,
                        name: node.name)
                    : Node(contentRoot: node.contentRoot, digests: [], references: [], operation: nil, name: nil)
            }, edges: edges.filter(kept.contains), isTruncated: isTruncated)
    }
}
