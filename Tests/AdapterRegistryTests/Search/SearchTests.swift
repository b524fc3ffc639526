import AdapterTesting
import Adapters
import GRDB
import Tensors
import Testing

@testable import AdapterRegistry

@Suite struct SearchTests {
    private func fill(_ registry: Registry) throws {
        _ = try registry.push(
            sample(1, base: "meta/llama-8b", message: "Customer support, German", labels: ["stage": "prod"]),
            as: reference("team/helpdesk:v1"))
        _ = try registry.push(
            sample(2, base: "meta/llama-8b", message: "customer surveys"), as: reference("team/survey:v1"))
        _ = try registry.push(sample(3, base: "qwen/q2", message: "Größe"), as: reference("lab/x:v1"))
        try registry.tag(reference("lab/x:v1"), as: reference("lab/y:production"))
        _ = try registry.push(
            SampleAdapters.plain(seed: 4, moduleCount: 1, dtype: .bf16), as: reference("lab/z:v1"))
    }

    private func names(_ registry: Registry, _ query: ListQuery) throws -> [String] {
        try registry.list(query).map(\.reference.description)
    }

    @Test(arguments: [
        (ListQuery(text: "customer"), ["team/helpdesk:v1", "team/survey:v1"]),
        (ListQuery(text: "CUSTOMER german"), ["team/helpdesk:v1"]),
        (ListQuery(text: "custom*"), ["team/helpdesk:v1", "team/survey:v1"]), (ListQuery(text: "custom"), []),
        (ListQuery(text: "grosse"), []), (ListQuery(text: "große"), ["lab/x:v1", "lab/y:production"]),
        (ListQuery(text: "größe"), ["lab/x:v1", "lab/y:production"]),
        (ListQuery(text: "helpdesk"), ["team/helpdesk:v1"]),
        (ListQuery(text: "llama 8b"), ["team/helpdesk:v1", "team/survey:v1"]),
        (ListQuery(text: "prod"), ["team/helpdesk:v1"]),
        (ListQuery(text: "q_proj qwen"), ["lab/x:v1", "lab/y:production"]),
        (ListQuery(dtypes: [.bf16]), ["lab/z:v1"]), (ListQuery(dtypes: [.bf16, .f32]), []),
        (ListQuery(tag: "production"), ["lab/y:production"]), (ListQuery(tag: "prod*"), ["lab/y:production"]),
        (ListQuery(pattern: "lab/*", tag: "v1", order: .size, isReversed: true), ["lab/z:v1", "lab/x:v1"]),
        (ListQuery(base: "meta/*", text: "surveys"), ["team/survey:v1"]),
    ])
    func `A search gives what has all the words, in the list's order`(_ query: ListQuery, _ expected: [String]) throws {
        try withRegistry { registry throws in
            try fill(registry)
            #expect(try names(registry, query) == expected)
        }
    }

    @Test(arguments: [
        "\"", "\" OR \"", "a\" OR names:\"team", "NEAR(a b)", "team*\"", "^team", "{names}: team", "-team", "a AND",
        "' OR 1=1 --", "'; DROP TABLE tag; --", "team\u{0}x", "\u{1}\u{7F}", "(((", "a:b:c", "*", "%", "_",
        "adapterText MATCH 'x'", "\u{202E}team", "🦙",
    ])
    func `Whatever is searched for is words, never syntax`(_ text: String) throws {
        try withRegistry { registry throws in
            try fill(registry)
            do {
                let found = try names(registry, ListQuery(text: text))
                // Nothing has all these words, but for one that is 'team' with punctuation around it.
                #expect(found.allSatisfy { $0.hasPrefix("team/") && text.contains("team") }, "\(text): \(found)")
            } catch let error as RegistryError {
                #expect(error.code == .invalidQuery)
            }
            #expect(try registry.list().count == 5)
        }
    }

    @Test func `Searches of a megabyte and of nothing are refused in words`() throws {
        try withRegistry { registry throws in
            try fill(registry)
            for text in [
                String(repeating: "a ", count: 500_000), "", "   ", "!!! ???", String(repeating: "a b ", count: 60),
            ] {
                let error = #expect(throws: RegistryError.self) { try registry.list(ListQuery(text: text)) }
                #expect(error?.code == .invalidQuery)
                #expect((error?.message.utf8.count ?? 0) < 300)
            }
            // A filter of a megabyte matches nothing, and that is all.
            let long = String(repeating: "x", count: 1 << 20)
            #expect(try registry.list(ListQuery(targets: [long], labels: [.init(key: long, value: long)])).isEmpty)
        }
    }

    @Test func `A removed adapter is no longer found, a renamed one by both names`() throws {
        try withRegistry { registry throws in
            try fill(registry)
            try registry.remove(reference("team/survey:v1"))
            #expect(try names(registry, ListQuery(text: "surveys")).isEmpty)
            #expect(try names(registry, ListQuery(text: "lab y")) == ["lab/x:v1", "lab/y:production"])
            _ = try registry.collect(CollectionRules(grace: .zero))
            try registry.catalog.write { database throws in
                try database.execute(sql: "INSERT INTO adapterText (adapterText, rank) VALUES ('integrity-check', 1)")
            }
        }
    }

    /// Every order and every filter, in both of the ways in which they are run.
    @Test(arguments: ListQuery.Order.allCases, [false, true])
    func `Lists read indexes alone and sort nothing that they need not`(_ order: ListQuery.Order, _ isReversed: Bool)
        throws
    {
        try withRegistry { registry throws in
            try fill(registry)
            let after = try reference("lab/x:v1")
            let filters: [ListQuery] = [
                ListQuery(), ListQuery(pattern: "team/*"), ListQuery(pattern: "*:v1"), ListQuery(base: "meta/llama-8b"),
                ListQuery(base: "meta/*@r1"), ListQuery(targets: ["q_proj"]), ListQuery(ranks: 2...4),
                ListQuery(dtypes: [.f32]), ListQuery(tag: "v1"), ListQuery(text: "customer"),
                ListQuery(labels: [.init(key: "stage"), .init(key: "a", value: "b")]),
            ]
            try registry.catalog.read { database throws in
                for query in filters {
                    let count = try query.filters().count
                    let plans: [Catalog.ListPlan] =
                        [.ordered(window: nil), .ordered(window: 3)] + (0..<count).map { .sorted(filter: $0) }
                    var pages: [[String]] = []
                    for plan in plans {
                        for after in [nil, after] {
                            var query = query
                            query.order = order
                            query.isReversed = isReversed
                            query.limit = 100
                            query.after = after
                            let (sql, arguments) = try Catalog.listKeys(query, query.filters(), plan, in: database)
                            let plan = try Row.fetchAll(
                                database, sql: "EXPLAIN QUERY PLAN " + sql, arguments: arguments
                            ).map { $0["detail"] as String? ?? "" }
                            let scans = plan.filter {
                                $0.hasPrefix("SCAN") && !$0.contains("INDEX") && $0 != "SCAN c" && $0 != "SCAN t"
                            }
                            #expect(scans.isEmpty, "\(query): \(plan)")
                            #expect(
                                !plan.contains("SCAN t")
                                    || plan.contains { $0.contains("CO-ROUTINE") || $0.contains("MATERIALIZE") },
                                "\(plan)")
                            // In the list's own order the index has sorted already.
                            if sql.contains("FROM tag AS t INDEXED BY"), !sql.contains("(SELECT *") {
                                #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(query): \(plan)")
                            }
                            if !sql.contains("(SELECT *"), after == nil {
                                pages.append(
                                    try Row.fetchAll(database, sql: sql, arguments: arguments).map(\.description))
                            }
                        }
                    }
                    // Whichever way is taken, the page is the same.
                    #expect(pages.allSatisfy { $0 == pages[0] }, "\(query): \(pages)")
                }
            }
        }
    }
}
