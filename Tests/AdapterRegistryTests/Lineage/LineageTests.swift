import AdapterTesting
import Adapters
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct LineageTests {
    @discardableResult
    private func derive(
        _ registry: Registry, _ seed: UInt64, _ name: String, from parents: [StoredAdapter],
        _ operation: String = "merge"
    ) throws -> StoredAdapter {
        try registry.push(
            sample(seed), as: reference(name),
            provenance: {
                Provenance(
                    operation: operation, toolVersion: "1",
                    parents: parents.map { .init(digest: $0.digest, contentRoot: $0.contentRoot, weight: 0.5) },
                    options: [:])
            })
    }

    private func names(_ graph: LineageGraph) -> [[String]] { graph.nodes.map { $0.references.map(\.description) } }

    @Test func `Up and down over several steps, each adapter once`() throws {
        try withRegistry { registry throws in
            let a = try registry.push(sample(1), as: reference("a"))
            let b = try registry.push(sample(2), as: reference("b"))
            let ab = try derive(registry, 3, "ab", from: [a, b])
            let small = try derive(registry, 4, "small", from: [ab], "convert")
            let top = try derive(registry, 5, "top", from: [small, a], "resize")
            let down = try registry.lineage(of: a.contentRoot, [.descendants])
            #expect(Set(names(down).joined()) == ["a:latest", "ab:latest", "small:latest", "top:latest"])
            #expect(down.edges.count == 4)
            let up = try registry.lineage(of: top.contentRoot, [.ancestors])
            #expect(names(up).first == ["top:latest"])
            #expect(up.nodes.count == 5)
            #expect(up.edges.count == 5)
            #expect(Set(up.edges.map(\.operation)) == ["merge", "convert", "resize"])
            #expect(try registry.lineage(of: top.contentRoot, [.ancestors], depth: 1).nodes.count == 3)
            #expect(try registry.lineage(of: top.contentRoot, [.ancestors], depth: 1).isTruncated)
            #expect(try registry.lineage(of: ab.contentRoot).nodes.count == 5)
            #expect(
                try registry.impact(of: b.contentRoot).map(\.description) == [
                    "ab:latest", "small:latest", "top:latest",
                ])
            #expect(try registry.impact(of: top.contentRoot).isEmpty)
            #expect(try registry.lineage(of: a.contentRoot, limit: 2).nodes.count == 2)
        }
    }

    @Test func `A signed copy is the same parent, an unstored one is shown, a merge of itself ends`() throws {
        try withRegistry { registry throws in
            let key = try SigningKey(generating: .ed25519)
            let a = try registry.push(sample(1), as: reference("a"))
            let signed = try registry.sign(reference("a")) { root, existing in
                try key.addSignature(to: existing, of: root)
            }
            #expect(signed.digest != a.digest)
            try derive(registry, 2, "child", from: [signed])
            #expect(try registry.impact(of: a.contentRoot).map(\.description) == ["child:latest"])
            // The same values again: child and parent are one identity.
            let copy = try registry.push(
                sample(1, message: "copy"), as: reference("copy"),
                provenance: {
                    Provenance(
                        operation: "merge", toolVersion: "1",
                        parents: [.init(digest: a.digest, contentRoot: a.contentRoot)], options: [:])
                })
            #expect(copy.contentRoot == a.contentRoot)
            #expect(try registry.lineage(of: a.contentRoot).nodes.count == 2)
            let elsewhere = SHA256.hash([7])
            _ = try registry.push(
                sample(8), as: reference("orphan"),
                provenance: {
                    Provenance(
                        operation: "train", toolVersion: "1",
                        parents: [.init(digest: elsewhere, contentRoot: elsewhere, role: "base")], options: [:])
                })
            let graph = try registry.lineage(of: registry.resolve(reference("orphan")).contentRoot)
            #expect(graph.nodes.last?.digests == [])
            #expect(graph.edges.map(\.role) == ["base"])
        }
    }
}
