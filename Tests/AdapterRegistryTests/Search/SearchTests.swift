import AdapterFormat
import AdapterTesting
import Adapters
import GRDB
import Integrity
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
        (ListQuery(pattern: "*/helpdes?"), []), (ListQuery(pattern: "*/[h]elpdesk"), []),
        (ListQuery(pattern: "*/helpdes*"), ["team/helpdesk:v1"]),
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

    @Test func `A base whose name holds an @ is found beside one of that name and revision`() throws {
        try withRegistry { registry throws in
            try fill(registry)
            _ = try registry.push(sample(21, base: "a@b", revision: nil), as: reference("odd/name:v1"))
            #expect(try names(registry, ListQuery(base: "a@b")) == ["odd/name:v1"])
            _ = try registry.push(sample(22, base: "a", revision: "b"), as: reference("odd/revision:v1"))
            _ = try registry.push(sample(23, base: "a", revision: "c"), as: reference("odd/other:v1"))
            #expect(try names(registry, ListQuery(base: "a@b")) == ["odd/name:v1", "odd/revision:v1"])
            #expect(try names(registry, ListQuery(base: "a@c")) == ["odd/other:v1"])
            #expect(try names(registry, ListQuery(base: "a@d")).isEmpty)
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

    @Test(arguments: [
        "'; DROP TABLE tag; --", "\" OR \"\" = \"", "a\u{0}b", "\u{1}\u{7F}\u{1B}[31m", "\u{202E}txt.exe", "NEAR(a b)",
        "adapterText MATCH 'x'", "🦙\u{301}", String(repeating: "x", count: 200_000), "%", "*", "a=b",
    ])
    func `Whatever a label or a message says is kept, listed and found`(_ text: String) throws {
        try withRegistry { registry throws in
            try fill(registry)
            _ = try registry.push(
                sample(9, base: text, message: text, labels: [text: "key", "value": text]), as: reference("odd/one:v1"))
            for label in [ListQuery.Label(key: text, value: "key"), .init(key: text), .init(key: "value", value: text)]
            {
                #expect(try names(registry, ListQuery(labels: [label])) == ["odd/one:v1"])
            }
            if !text.contains("*") { #expect(try names(registry, ListQuery(base: text)) == ["odd/one:v1"]) }
            let stored = try registry.resolve(reference("odd/one:v1"))
            #expect(stored.summary.message == text.replacing("\0", with: "\u{FFFD}"))
            #expect(try registry.check().isEmpty)
            try registry.remove(reference("odd/one:v1"))
            #expect(try registry.collect(CollectionRules(grace: .zero)).files.count == 1)
            #expect(try names(registry, ListQuery(labels: [.init(key: "value", value: text)])).isEmpty)
            #expect(try registry.list().count == 5)
            #expect(try registry.check().isEmpty)
        }
    }

    @Test func `Texts beyond what a file may hold are refused, and nothing is stored`() throws {
        try withRegistry { registry throws in
            let text = String(repeating: "x", count: 1 << 20)
            let error = #expect(throws: FormatError.self) {
                _ = try registry.push(sample(9, base: text), as: reference("odd/one:v1"))
            }
            #expect(error?.code == .notRepresentable)
            #expect(try registry.list().isEmpty)
            #expect(try registry.check().isEmpty)
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

    /// Every order and every filter, in all ways in which they can be run.
    @Test(arguments: ListQuery.Order.allCases, [false, true])
    func `Lists read indexes alone and sort nothing that they need not`(_ order: ListQuery.Order, _ isReversed: Bool)
        throws
    {
        try withRegistry { registry throws in
            try fill(registry)
            let after = try reference("lab/x:v1")
            let filters: [ListQuery] = [
                ListQuery(), ListQuery(pattern: "team/*"), ListQuery(pattern: "*:v1"), ListQuery(base: "meta/llama-8b"),
                ListQuery(base: "meta/*@r1"), ListQuery(base: "sha256:" + String(repeating: "0", count: 64)),
                ListQuery(pattern: "*desk"), ListQuery(pattern: "*a*:*1"), ListQuery(base: "sha256:*"),
                ListQuery(tag: "*1"), ListQuery(base: "meta/*"), ListQuery(base: "meta/llama-8b@r1"),
                ListQuery(targets: ["q_proj"]),
                ListQuery(ranks: 2...4), ListQuery(ranks: 2...2), ListQuery(dtypes: [.f32]), ListQuery(tag: "v1"),
                ListQuery(text: "customer"), ListQuery(text: "customer", labels: [.init(key: "stage")]),
                ListQuery(labels: [.init(key: "stage"), .init(key: "stage", value: "prod")]),
                ListQuery(labels: [.init(key: "stage"), .init(key: "a", value: "b")]), ListQuery(operation: "merge"),
            ]
            try registry.catalog.read { database throws in
                for var query in filters {
                    query.order = order
                    query.isReversed = isReversed
                    query.limit = 100
                    for after in [nil, after] {
                        query.after = after
                        var pages: [[String]] = []
                        for plan in try plans(query) {
                            try checkPlan(query, plan, in: database)
                            pages.append(try page(query, plan, in: database))
                        }
                        let crowd = ListPlace(sortKey: 0, repository: "lab/x")
                        try checkPlan(query, .walk(from: crowd), in: database)
                        // Whichever way is taken, the page is the same.
                        #expect(pages.allSatisfy { $0 == pages[0] }, "\(query): \(pages)")
                    }
                }
            }
        }
    }

    /// All plans that a query may have.
    private func plans(_ query: ListQuery) throws -> [Catalog.ListPlan] {
        let filters = try query.filters()
        return [.tags, .versions(.any, filter: nil)]
            + filters.enumerated().compactMap { index, filter in filter.facet.map { .versions($0, filter: index) } }
            + filters.compactMap(\.facetsAmong.first).map { .versions($0, filter: nil) }
            + filters.indices.filter { filters[$0].tagPattern?.hasPrefix("*") == false }.map { .named(filter: $0) }
            + filters.indices.filter { filters[$0].adapters != nil }.map { .adapters(filter: $0) }
            + (query.order == .name ? [.repositories] : [])
    }

    private func page(_ query: ListQuery, _ plan: Catalog.ListPlan, in database: Database) throws -> [String] {
        let (sql, arguments) = try Catalog.listKeys(query, query.filters(), plan, in: database)
        return try Row.fetchAll(database, sql: sql, arguments: arguments).map(\.description)
    }

    private func checkPlan(_ query: ListQuery, _ plan: Catalog.ListPlan, in database: Database) throws {
        let (sql, arguments) = try Catalog.listKeys(query, query.filters(), plan, in: database)
        let steps = try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN " + sql, arguments: arguments)
            .map { $0["detail"] as String? ?? "" }
        let isWalk = if case .walk = plan { true } else { false }
        let scans = steps.filter { $0.hasPrefix("SCAN") && !$0.contains("INDEX") && !(isWalk && $0 == "SCAN t") }
        #expect(scans.isEmpty, "\(query): \(steps)")
        let sorting = steps.filter { $0.contains("TEMP B-TREE") }
        switch plan {
        case .tags, .repositories:
            // The index has sorted already.
            #expect(sorting.isEmpty, "\(query): \(steps)")
        case .walk:
            // One range of the index; what passes of the few tags in it is sorted again.
            #expect(steps.contains { $0.hasPrefix("SEARCH t USING INDEX \(Catalog.index(query.order)) (") }, "\(steps)")
            #expect(sorting.count == 1, "\(query): \(steps)")
        case .versions:
            // Only the tags of one repository with one key: a page needs no more versions than it shows.
            #expect(sorting == ["USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"], "\(query): \(steps)")
        case .named:
            #expect(steps[0].hasPrefix("SEARCH t USING"), "\(query): \(steps)")
        case .adapters:
            #expect(steps[0].hasPrefix("SEARCH d USING INTEGER PRIMARY KEY"), "\(query): \(steps)")
        }
    }

    /// Against a model: filters over all that there is, one by one.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `Every plan gives what a model in memory gives`(_ seed: UInt64) throws {
        try withRegistry { registry throws in
            var generator = SeededGenerator(seed: seed)
            let digest = SHA256.hash([])
            for index in 0..<60 {
                let labels = Int.random(in: 0..<3, using: &generator)
                let repository = "n\(Int.random(in: 0..<6, using: &generator))"
                var adapter = try sample(
                    UInt64(Int.random(in: 0..<40, using: &generator)),
                    rank: [1, 2, 4].randomElement(using: &generator) ?? 1,
                    base: "b/\(Int.random(in: 0..<4, using: &generator))",
                    message: index % 3 == 0 ? "word" : "other", labels: labels == 0 ? [:] : ["k": "\(labels)"])
                if index % 4 == 1 { adapter.base.digest = index % 8 == 1 ? digest : SHA256.hash([UInt8(index)]) }
                let stored = try registry.push(
                    adapter,
                    as: reference("\(repository):t\(index)"))
                for _ in 0..<Int.random(in: 0..<3, using: &generator) {
                    try registry.tag(
                        Reference(stored.reference.repository, digest: stored.digest),
                        as: reference("n\(Int.random(in: 0..<6, using: &generator)):x\(index % 17)"))
                }
                if index % 7 == 6, let victim = try registry.list().randomElement(using: &generator) {
                    try registry.remove(victim.reference)
                }
                if index % 20 == 19 { _ = try registry.collect(CollectionRules(grace: .zero)) }
            }
            #expect(try registry.check().isEmpty)
            let all = try registry.list()
            let queries: [(ListQuery, (StoredAdapter) -> Bool)] = [
                (ListQuery(base: "b/1"), { $0.summary.base.name == "b/1" }),
                (ListQuery(base: "*/1"), { $0.summary.base.name == "b/1" }),
                (ListQuery(base: "b/1@*"), { $0.summary.base.name == "b/1" }),
                (ListQuery(base: "b/1@r1"), { $0.summary.base.name == "b/1" }),
                (ListQuery(base: "b/1@none"), { _ in false }), (ListQuery(base: "none@r1"), { _ in false }),
                (ListQuery(ranks: 2...2), { $0.summary.ranks == 2...2 }),
                (ListQuery(ranks: 2...4), { ($0.summary.ranks?.lowerBound ?? 0) >= 2 }),
                (ListQuery(labels: [.init(key: "k", value: "1")]), { $0.summary.labels["k"] == "1" }),
                (ListQuery(labels: [.init(key: "k")]), { $0.summary.labels["k"] != nil }),
                (ListQuery(pattern: "*3"), { $0.reference.repository.description == "n3" }),
                (
                    ListQuery(pattern: "*3:*5", labels: [.init(key: "k")]),
                    {
                        $0.reference.repository.description == "n3" && $0.summary.labels["k"] != nil
                            && $0.reference.tag?.description.hasSuffix("5") == true
                    }
                ), (ListQuery(base: "sha256:*"), { $0.summary.base.digest != nil }),
                (ListQuery(base: digest.description), { $0.summary.base.digest == digest }),
                (ListQuery(pattern: "n3*"), { $0.reference.repository.description == "n3" }),
                (ListQuery(tag: "t1*"), { $0.reference.tag?.description.hasPrefix("t1") == true }),
                (ListQuery(pattern: "n*:*5"), { $0.reference.tag?.description.hasSuffix("5") == true }),
                (ListQuery(text: "word"), { $0.summary.message == "word" }),
                (
                    ListQuery(base: "b/2", text: "word", labels: [.init(key: "k")]),
                    { $0.summary.message == "word" && $0.summary.base.name == "b/2" && $0.summary.labels["k"] != nil }
                ),
                (ListQuery(targets: ["absent"]), { _ in false }), (ListQuery(operation: "merge"), { _ in false }),
            ]
            for (query, passes) in queries {
                for order in ListQuery.Order.allCases {
                    var query = query
                    query.order = order
                    let sorted = try registry.list(ListQuery(order: order)).filter(passes).map(\.reference.description)
                    #expect(try names(registry, query) == sorted, "\(query)")
                    #expect(sorted.count == all.filter(passes).count)
                    // By pages of three.
                    var paged: [String] = []
                    query.limit = 3
                    while true {
                        let page = try registry.list(query)
                        paged += page.map(\.reference.description)
                        query.after = page.last?.reference
                        if page.count < 3 { break }
                    }
                    #expect(paged == sorted, "\(query)")
                    // And where every few versions at one place are a crowd, whichever way round.
                    for isReversed in [false, true] {
                        var (query, paged) = (query, [String]())
                        query.isReversed = isReversed
                        query.after = nil
                        while true {
                            let page = try registry.catalog.read { database in
                                try Catalog.list(query, blobs: registry.blobs, crowdCount: 2, in: database)
                            }
                            paged += page.map(\.reference.description)
                            query.after = page.last?.reference
                            if page.count < 3 { break }
                        }
                        #expect(paged == (isReversed ? sorted.reversed() : sorted), "\(query)")
                    }
                    query.after = nil
                    try registry.catalog.read { database throws in
                        let pages = try plans(query).map { try self.page(query, $0, in: database) }
                        #expect(pages.allSatisfy { $0 == pages[0] }, "\(query): \(pages)")
                    }
                }
            }
        }
    }

    @Test func `Lists of facets that were tampered with are found and built anew`() throws {
        try withRegistry { registry throws in
            try fill(registry)
            #expect(try names(registry, ListQuery(base: "qwen/q2")) == ["lab/x:v1", "lab/y:production"])
            try registry.catalog.write { database throws in
                try database.execute(sql: "DELETE FROM facetVersion WHERE repository = 'lab/x'")
            }
            #expect(try names(registry, ListQuery(base: "qwen/q2")) == ["lab/y:production"])
            #expect(try registry.check().map(\.kind) == [.damagedSearch])
            #expect(try registry.repair().findings.isEmpty)
            #expect(try names(registry, ListQuery(base: "qwen/q2")) == ["lab/x:v1", "lab/y:production"])
            // What nothing has leaves nothing behind.
            for entry in try registry.list() { try registry.remove(entry.reference) }
            try registry.catalog.read { database throws in
                for table in ["facet", "facetVersion"] {
                    #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table)") == 0, "\(table)")
                }
            }
        }
    }
}
