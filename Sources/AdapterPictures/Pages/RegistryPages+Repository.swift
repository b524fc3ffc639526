public import AdapterRegistry
internal import Charts
internal import Integrity

extension RegistryPages {
    /// So many tags are on one page.
    private static let tagCount = 100
    /// So many events are shown, and so many when the reader wants more.
    private static let eventCounts = [50, 500]

    /// The page of a repository: its tags, a page of them after one, and what happened to them.
    ///
    /// - Parameters:
    ///   - after: the last tag of the page before.
    ///   - showsMore: whether more events than usual are shown.
    /// - Throws: ``Absence``.
    public func repository(_ name: RepositoryName, after: Tag?, showsMore: Bool) throws -> String {
        try require(name)
        let found = try tags(of: name, after: after)
        let events = try events(of: name, limit: RegistryPages.eventCounts[showsMore ? 1 : 0] + 1)
        let others = try registry.packageTags(in: name, after: nil, limit: RegistryPages.tagCount)
        if found.isEmpty, events.isEmpty, others == nil { throw Absence.notFound }
        var sections: [Page.Section] = []
        if !found.isEmpty { sections.append(Page.Section("Tags", tagBlocks(name, found, after: after))) }
        let known = Set(found.map { $0.reference.tag?.description ?? "" })
        let foreign =
            found.count <= RegistryPages.tagCount && after == nil
            ? (others ?? []).map(\.description).filter { !known.contains($0) } : []
        if !foreign.isEmpty {
            let more = foreign.count >= RegistryPages.tagCount ? ", …" : ""
            sections.append(
                Page.Section(
                    "Other artifacts",
                    [
                        .text(
                            "Tags of images and other things that are no adapters: \(foreign.joined(separator: ", "))\(more)"
                        )
                    ]))
        }
        if !events.isEmpty {
            sections.append(Page.Section("History", try historyBlocks(name, events, showsMore: showsMore)))
        }
        return Page(title: name.description, sections: sections, place: place()).html()
    }

    private func tags(of name: RepositoryName, after: Tag?) throws -> [StoredAdapter] {
        do {
            return try registry.list(
                ListQuery(
                    pattern: name.description, order: .created, limit: RegistryPages.tagCount + 1,
                    after: after.map { Reference(name, tag: $0) }))
        } catch let error as RegistryError where error.code == .notFound {
            // The tag that the last page ended with is gone.
            throw Absence.notFound
        }
    }

    private func events(of name: RepositoryName, limit: Int) throws -> [TagEvent] {
        do {
            return try registry.history(name, limit: limit)
        } catch let error as RegistryError where error.code == .notFound {
            return []
        }
    }

    private func tagBlocks(_ name: RepositoryName, _ found: [StoredAdapter], after: Tag?) -> [Page.Block] {
        let shown = Array(found.prefix(RegistryPages.tagCount))
        let rows = shown.map { stored -> [Page.Text] in
            let summary = stored.summary
            return [
                Page.Text(
                    [
                        Page.Text(stored.reference.tag?.description ?? "", to: .adapter(stored.reference)),
                        stored.tag?.isImmutable == true ? Page.Text("immutable", .mark) : "",
                        summary.operation.map { Page.Text(Markup.shortened($0, to: 24), .mark) } ?? "",
                        Page.Text(Markup.shortened(summary.message ?? "", to: 160), .note),
                    ]),
                digest(stored.digest, in: name), Page.Text(Numeral.range(summary.ranks) { "\($0)" }),
                Page.Text(Numeral.bytes(stored.byteCount)), Page.Text(RegistryPages.minute(stored.createdAt)),
                Page.Text(stored.tag.map { RegistryPages.minute($0.updatedAt) } ?? "–"),
            ]
        }
        var blocks: [Page.Block] = [
            .table(
                Page.Table(
                    ["Tag", "Version", "Rank", "Size", "Stored", "Tag set"], rows: rows, numeric: [2, 3],
                    choice: Page.Table.Choice(
                        action: .comparison, field: PageAddress.comparedField,
                        values: shown.map { $0.kind == .adapter ? $0.reference.description : "" },
                        button: "Compare", hint: "two versions, or up to \(AdapterStudy.subjectLimit)")))
        ]
        var ways: [Page.Text] = []
        if after != nil { ways.append(Page.Text("First page", to: .repository(name))) }
        if found.count > shown.count, let last = shown.last?.reference.tag {
            ways.append(
                Page.Text("Next page", to: .repository(name, query: [Page.Link.Field("after", last.description)])))
        }
        if !ways.isEmpty { blocks.append(.words(Page.Text(ways, separator: " · "))) }
        return blocks
    }

    private func historyBlocks(_ name: RepositoryName, _ found: [TagEvent], showsMore: Bool) throws -> [Page.Block] {
        let shown = found.prefix(RegistryPages.eventCounts[showsMore ? 1 : 0])
        // Versions that were removed have no page.
        let digests = Set(shown.flatMap { [$0.oldDigest, $0.newDigest].compactMap(\.self) })
        let stored = try digests.filter { digest in
            do {
                _ = try registry.resolve(Reference(name, digest: digest))
                return true
            } catch let error as RegistryError where error.code == .notFound {
                return false
            }
        }
        func version(_ digest: Digest?) -> Page.Text {
            guard let digest else { return "–" }
            return stored.contains(digest) ? self.digest(digest, in: name) : Page.Text(digest.abbreviated, .code)
        }
        let rows = shown.map { event -> [Page.Text] in
            let sides = [event.oldDigest, event.newDigest].compactMap(\.self)
            let isMove = sides.count == 2 && sides[0] != sides[1] && sides.allSatisfy(stored.contains)
            let change: Page.Text =
                sides.count == 2 && sides[0] == sides[1]
                ? version(event.newDigest)
                : Page.Text([version(event.oldDigest), "→", version(event.newDigest)])
            return [
                Page.Text(RegistryPages.minute(event.date)), Page.Text(event.reference.tag?.description ?? ""),
                Page.Text(event.operation.rawValue),
                Page.Text(
                    [
                        change,
                        isMove
                            ? Page.Text("compare", to: .comparison(of: sides.map { Reference(name, digest: $0) })) : "",
                    ], separator: " "),
                Page.Text(
                    [
                        Page.Text(Markup.shortened(event.actor, to: 64)),
                        Page.Text(Markup.shortened(event.message ?? "", to: 200), .note),
                    ]),
            ]
        }
        var blocks: [Page.Block] = [.table(Page.Table(["When (UTC)", "Tag", "What", "Version", "By"], rows: rows))]
        if found.count > shown.count {
            blocks.append(
                showsMore
                    ? .text("The rest: adapterctl history \(name)")
                    : .words(
                        Page.Text(
                            "Earlier events", to: .repository(name, query: [Page.Link.Field("events", "all")]))))
        }
        return blocks
    }

    private func digest(_ digest: Digest, in name: RepositoryName) -> Page.Text {
        Page.Text(digest.abbreviated, .code, to: .adapter(Reference(name, digest: digest)))
    }
}
