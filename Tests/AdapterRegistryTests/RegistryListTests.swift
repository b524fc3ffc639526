import AdapterRegistry
import AdapterTesting
import Adapters
import Tensors
import Testing

@Suite struct RegistryListTests {
    /// Names, ranks, bases and labels; pushed in this order.
    private func fill(_ registry: Registry) throws {
        _ = try registry.push(
            sample(1, rank: 2, labels: ["stage": "prod", "lang": "de"]), as: reference("team/alpha:v1"))
        _ = try registry.push(sample(2, rank: 8, labels: ["stage": "test"]), as: reference("team/alpha:v2"))
        _ = try registry.push(sample(3, rank: 4, base: "other/base", revision: nil), as: reference("team/beta:v1"))
        _ = try registry.push(sample(4, rank: 2, base: "other/b[1]"), as: reference("zeta:latest"))
        try registry.tag(reference("zeta"), as: reference("alias"))
    }

    private func names(_ registry: Registry, _ query: ListQuery) throws -> [String] {
        try registry.list(query).map(\.reference.description)
    }

    @Test(arguments: [
        (ListQuery(), ["alias:latest", "team/alpha:v1", "team/alpha:v2", "team/beta:v1", "zeta:latest"]),
        (ListQuery(pattern: "team/*"), ["team/alpha:v1", "team/alpha:v2", "team/beta:v1"]),
        (ListQuery(pattern: "*eta"), ["team/beta:v1", "zeta:latest"]),
        (ListQuery(pattern: "*:v1"), ["team/alpha:v1", "team/beta:v1"]),
        (ListQuery(pattern: "team/alpha"), ["team/alpha:v1", "team/alpha:v2"]),
        (ListQuery(pattern: "team"), []),
        (ListQuery(pattern: "[a-z]*"), []),
        (ListQuery(pattern: "?eta"), []),
        (ListQuery(pattern: "'; DROP TABLE tag; --"), []),
        (ListQuery(base: "test/base"), ["team/alpha:v1", "team/alpha:v2"]),
        (ListQuery(base: "test/base@r1"), ["team/alpha:v1", "team/alpha:v2"]),
        (ListQuery(base: "test/base@r2"), []),
        (ListQuery(base: "other/*"), ["alias:latest", "team/beta:v1", "zeta:latest"]),
        (ListQuery(base: "other/b[1]"), ["alias:latest", "zeta:latest"]),
        (ListQuery(targets: ["q_proj"], ranks: 4...8), ["team/alpha:v2", "team/beta:v1"]),
        (ListQuery(targets: ["q_proj", "v_proj"]), []),
        (ListQuery(ranks: 3...3), []),
        (ListQuery(labels: [.init(key: "stage")]), ["team/alpha:v1", "team/alpha:v2"]),
        (ListQuery(labels: [.init(key: "stage", value: "prod")]), ["team/alpha:v1"]),
        (ListQuery(labels: [.init(key: "stage", value: "prod"), .init(key: "lang", value: "en")]), []),
        (ListQuery(isReversed: true, limit: 2), ["zeta:latest", "team/beta:v1"]),
        (ListQuery(order: .rank), ["team/alpha:v2", "team/beta:v1", "alias:latest", "team/alpha:v1", "zeta:latest"]),
        (ListQuery(order: .rank, isReversed: true, limit: 3), ["zeta:latest", "team/alpha:v1", "alias:latest"]),
        (ListQuery(limit: 0), []),
        (ListQuery(limit: -1), []),
    ])
    func `A query gives what it asks for in its order`(_ query: ListQuery, _ expected: [String]) throws {
        try withRegistry { registry in
            try fill(registry)
            #expect(try names(registry, query) == expected)
        }
    }

    @Test(arguments: ListQuery.Order.allCases, [false, true])
    func `Pages put together are the whole list`(_ order: ListQuery.Order, _ isReversed: Bool) throws {
        try withRegistry { registry in
            try fill(registry)
            var query = ListQuery(order: order, isReversed: isReversed)
            let whole = try names(registry, query)
            #expect(whole.count == 5)
            for size in 1...3 {
                query.limit = size
                query.after = nil
                var collected: [String] = []
                while collected.count <= whole.count {
                    let page = try registry.list(query)
                    #expect(page.count <= size)
                    guard let last = page.last else { break }
                    collected += page.map(\.reference.description)
                    query.after = last.reference
                }
                #expect(collected == whole)
            }
        }
    }

    @Test func `A page by name goes on when its last entry has gone`() throws {
        try withRegistry { registry in
            try fill(registry)
            try registry.remove(reference("team/alpha:v2"))
            let query = ListQuery(after: try reference("team/alpha:v2"))
            #expect(try names(registry, query) == ["team/beta:v1", "zeta:latest"])
        }
    }

    @Test func `Entries carry what a table shows`() throws {
        try withRegistry { registry in
            let adapter = try sample(1, rank: 2, alpha: 5, message: "hello", labels: ["k\"\n": "ü\t"])
            let before = Timestamp.now()
            let stored = try registry.push(adapter, as: reference("a"))
            let entry = try #require(try registry.list().first)
            #expect(entry == stored)
            #expect(entry.summary == AdapterSummary(adapter))
            #expect(entry.summary.ranks == 2...2)
            #expect(entry.summary.alphas == 5...5)
            // A is 2 × 8 and B 9 × 2.
            #expect(entry.summary.parameterCount == 34)
            #expect(entry.summary.tensorByteCount == 136)
            #expect(entry.summary.dtypes == [.f32])
            #expect(entry.summary.targetModules == ["q_proj"])
            #expect(entry.createdAt >= before)
        }
    }

    @Test func `Null characters, which SQLite's texts end at, do not cut the catalog's texts short`() throws {
        try withRegistry { registry in
            var adapter = try sample(1, message: "a\u{0}b", labels: ["k\u{0}1": "v\u{0}w", "k\u{0}2": ""])
            adapter.base.name = "base\u{0}x"
            _ = try registry.push(adapter, as: reference("a"))
            try registry.tag(reference("a"), as: reference("b"), message: "x\u{0}y")
            let entry = try #require(try registry.list().first)
            #expect(entry.summary.message == "a\u{FFFD}b")
            #expect(entry.summary.labels == ["k\u{FFFD}1": "v\u{FFFD}w", "k\u{FFFD}2": ""])
            #expect(entry.summary.base.name == "base\u{FFFD}x")
            #expect(try registry.history(reference("b").repository).first?.message == "x\u{FFFD}y")
            #expect(try registry.verifyAll().isEmpty)
        }
    }
}
