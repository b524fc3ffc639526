internal import AdapterRegistry
internal import Adapters
internal import ByteCoding
internal import Charts
internal import Tensors

extension RegistryPages {
    /// So many adapters are on one page.
    private static let entryCount = 50
    /// So many prefixes of a reader are looked below.
    private static let prefixLimit = 64

    /// The first page: a search and the adapters that the reader may read.
    ///
    /// - Throws: ``Absence`` for somebody unknown who may read nothing.
    public func index(_ search: PageSearch) throws -> String {
        guard reader.prefixes != [] || !reader.canSignIn || reader.name != nil else { throw Absence.unknownReader }
        let found: [StoredAdapter]
        do {
            found = try entries(search, limit: RegistryPages.entryCount + 1)
        } catch let error as RegistryError where error.code == .invalidQuery {
            return page(search, [.text(error.message)])
        } catch let error as RegistryError where error.code == .notFound && search.after != nil {
            // The entry that the last page ended with is gone.
            return page(search, [.words(Page.Text("The list has changed. Begin again.", to: link(search, after: nil)))])
        }
        let shown = Array(found.prefix(RegistryPages.entryCount))
        guard !shown.isEmpty else { return page(search, nothing(search)) }
        var blocks: [Page.Block] = [
            .table(
                Page.Table(
                    ["Adapter", "Base model", "Rank", "Parameters", "Size", "Stored"],
                    rows: shown.map { row($0) }, numeric: [2, 3, 4],
                    choice: Page.Table.Choice(
                        action: .comparison, field: PageAddress.comparedField,
                        values: shown.map { $0.kind == .adapter ? $0.reference.description : "" },
                        button: "Compare", hint: "two adapters, or up to \(AdapterStudy.subjectLimit)")))
        ]
        var ways: [Page.Text] = []
        if search.after != nil { ways.append(Page.Text("First page", to: link(search, after: nil))) }
        if found.count > shown.count, let last = shown.last {
            ways.append(Page.Text("Next page", to: link(search, after: last.reference)))
        }
        if !ways.isEmpty { blocks.append(.words(Page.Text(ways, separator: " · "))) }
        return page(search, blocks)
    }

    private func page(_ search: PageSearch, _ blocks: [Page.Block]) -> String {
        let form = Page.Form(
            action: .home,
            inputs: [
                .line(
                    "q", label: "Search", value: search.text, hint: "names, messages, labels, modules"),
                .line("base", label: "Base model", value: search.base, hint: "meta-llama/*"),
                .choice(
                    "sort", label: "Order",
                    options: [
                        ("created", "newest first"), ("name", "by name"), ("size", "largest file first"),
                        ("rank", "highest rank first"), ("parameters", "most parameters first"),
                    ], value: search.order.rawValue),
            ], button: "Search")
        return Page(title: "Adapters", sections: [Page.Section("", [.form(form)] + blocks)], place: place()).html()
    }

    private func nothing(_ search: PageSearch) -> [Page.Block] {
        guard search.text.isEmpty, search.base.isEmpty, search.after == nil else {
            return [
                .text("Nothing that you may read matches. Words must occur whole; end one with * for its beginning."),
                .words(Page.Text("All adapters", to: .home)),
            ]
        }
        let host = origin.split(separator: "/").last.map(String.init) ?? origin
        return [
            .text("There are no adapters yet. Push one:"),
            .commands([
                "adapterctl push ./my-adapter team/support:v1",
                "adapterctl push team/support:v1 oci://\(host)/team/support:v1",
            ]),
        ]
    }

    private func link(_ search: PageSearch, after: Reference?) -> Page.Link {
        var fields: [Page.Link.Field] = []
        if !search.text.isEmpty { fields.append(Page.Link.Field("q", search.text)) }
        if !search.base.isEmpty { fields.append(Page.Link.Field("base", search.base)) }
        if search.order != .created { fields.append(Page.Link.Field("sort", search.order.rawValue)) }
        if let after { fields.append(Page.Link.Field("after", after.description)) }
        return Page.Link(query: fields)
    }

    private func row(_ stored: StoredAdapter) -> [Page.Text] {
        let summary = stored.summary
        return [
            Page.Text(
                [
                    Page.Text(stored.reference.description, to: .adapter(stored.reference)),
                    summary.operation.map { Page.Text(Markup.shortened($0, to: 24), .mark) } ?? "",
                    stored.kind == .stack ? Page.Text("stack", .mark) : "",
                    Page.Text(Markup.shortened(summary.message ?? "", to: 160), .note),
                ]),
            Page.Text(Markup.shortened(summary.base.name ?? "–", to: 48)),
            Page.Text(Numeral.range(summary.ranks) { "\($0)" }),
            Page.Text(stored.kind == .stack ? "–" : Numeral.count(summary.parameterCount)),
            Page.Text(Numeral.bytes(stored.byteCount)), Page.Text(RegistryPages.minute(stored.createdAt)),
        ]
    }

    /// A page of what the reader may read.
    ///
    /// Looked for below each prefix of the reader's, so that what others have neither takes time nor shows in a cursor.
    private func entries(_ search: PageSearch, limit: Int) throws -> [StoredAdapter] {
        var query = ListQuery(
            base: search.base.isEmpty ? nil : search.base, text: search.text.isEmpty ? nil : search.text,
            order: search.order, limit: limit, after: search.after)
        guard let prefixes = reader.prefixes else { return try registry.list(query).filter(mayRead) }
        var found: [StoredAdapter] = []
        for prefix in prefixes.prefix(RegistryPages.prefixLimit) {
            for pattern in [prefix, prefix + "/*"] {
                query.pattern = pattern
                found += try registry.list(query).filter(mayRead)
            }
        }
        return Array(found.sorted { isBefore($0, $1, search.order) }.prefix(limit))
    }

    private func mayRead(_ stored: StoredAdapter) -> Bool { reader.mayRead(stored.reference.repository) }

    /// The order of the registry's lists, for several of them put together.
    private func isBefore(_ first: StoredAdapter, _ second: StoredAdapter, _ order: ListQuery.Order) -> Bool {
        func key(_ stored: StoredAdapter) -> Int64? {
            switch order {
            case .name: nil
            case .created: stored.createdAt.milliseconds
            case .size: Int64(stored.byteCount)
            case .rank: Int64(stored.summary.ranks?.upperBound ?? 0)
            case .parameters: Int64(stored.summary.parameterCount)
            }
        }
        if let one = key(first), let other = key(second), one != other { return one > other }
        let names = [first, second].map { ($0.reference.repository, $0.reference.tag?.description ?? "") }
        if names[0].0 != names[1].0 { return names[0].0 < names[1].0 }
        return names[0].1.precedesInUTF8(names[1].1)
    }
}
