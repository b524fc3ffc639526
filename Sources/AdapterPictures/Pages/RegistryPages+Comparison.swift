internal import AdapterArithmetic
internal import AdapterFormat
public import AdapterRegistry
internal import Adapters
internal import Charts
internal import Integrity
internal import Tensors

extension RegistryPages {
    private static let moduleRows = 2000

    /// What a comparison's query names.
    ///
    /// - Throws: ``Absence`` for what is no reference, and for fewer than two or too many.
    public func compared(_ texts: [String]) throws -> [StoredAdapter] {
        var references: [Reference] = []
        for text in texts where !text.isEmpty {
            do throws(RegistryError) {
                references.append(try Reference(parsing: text))
            } catch {
                throw Absence.invalid(error.message)
            }
        }
        guard (2...AdapterStudy.subjectLimit).contains(references.count) else {
            throw Absence.invalid(
                "Choose two adapters, or up to \(AdapterStudy.subjectLimit), in the list; \(references.count) were named."
            )
        }
        let stored = try references.map(resolve)
        if let other = stored.first(where: { $0.kind != .adapter }) {
            throw Absence.invalid("'\(other.reference)' is a stack of several adapters. Compare those.")
        }
        return stored
    }

    /// The page that shows adapters beside each other.
    ///
    /// - Parameters:
    ///   - stored: two or more adapters, which the reader may read.
    ///   - study: what is known of their values.
    public func comparison(_ stored: [StoredAdapter], study: AdapterStudy.State) throws -> String {
        for one in stored { try require(one.reference.repository) }
        var sections = [Page.Section("Facts", [facts(stored)])]
        switch study {
        case .refused(let reason): sections.append(Page.Section("Updates", [.text(reason)]))
        case .pending:
            let pictures: [StudyPicture] =
                stored.count == 2 ? [.distances, .cosines, .overlaps, .signs] : [.cosines, .overlaps, .signs]
            sections.append(
                Page.Section(
                    "Updates",
                    pictures.map { .image(.picture($0, of: stored.map(\.pinned)), title: $0.title) }))
        case .done(let study): sections += results(study)
        }
        let names = stored.enumerated().map { "\(AdapterStudy.letter($0)) \($1.reference.label)" }
        return Page(
            title: "Compare", subtitle: names.joined(separator: ", "), sections: sections, place: place()
        ).html()
    }

    /// What is said of each, a column each; what is not the same stands out.
    private func facts(_ stored: [StoredAdapter]) -> Page.Block {
        typealias Fact = (name: String, value: (StoredAdapter) -> String)
        let facts: [Fact] = [
            ("Base model", { $0.summary.base.summary }), ("Rank", { Numeral.range($0.summary.ranks) { "\($0)" } }),
            ("Alpha", { Numeral.range($0.summary.alphas, Numeral.plain) }),
            ("Modules", { "\($0.summary.moduleCount)" }),
            ("Target modules", { $0.summary.targetModules.joined(separator: ", ") }),
            ("Parameters", { Numeral.count($0.summary.parameterCount) }),
            ("Type", { $0.summary.dtypes.map(\.description).joined(separator: ", ") }),
            ("How", { $0.summary.operation ?? "as it was pushed" }), ("License", { $0.summary.license ?? "–" }),
            (
                "Labels",
                { stored in
                    stored.summary.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                        .joined(separator: ", ")
                }
            ),
            ("Message", { $0.summary.message ?? "–" }),
            ("File", { Numeral.bytes($0.byteCount) }),
            ("Stored", { RegistryPages.minute($0.createdAt) }), ("Content root", { $0.contentRoot.abbreviated }),
        ]
        var (rows, marked): ([[Page.Text]], Set<Int>) = ([], [])
        for fact in facts {
            let values = stored.map(fact.value)
            if values.allSatisfy({ $0.isEmpty }) { continue }
            if Set(values).count > 1, !["Stored", "File"].contains(fact.name) { marked.insert(rows.count) }
            rows.append([Page.Text(fact.name)] + values.map { Page.Text(Markup.shortened($0, to: 300), .note) })
        }
        let names = stored.enumerated().map { AdapterStudy.letter($0.offset) }
        let links = stored.map { Page.Text($0.reference.label, to: .adapter($0.reference)) }
        return .table(
            Page.Table([""] + names, rows: [["Adapter"] + links] + rows, marked: Set(marked.map { $0 + 1 })))
    }

    private func results(_ study: AdapterStudy) -> [Page.Section] {
        var blocks: [Page.Block] = []
        if let difference = study.difference {
            let update = difference.update
            let verdict =
                difference.largestRelativeDistance == 0
                ? "Both do the same: no value that changes the model differs."
                : "‖ΔW_A − ΔW_B‖ is \(Numeral.scientific(update.difference ?? 0)), "
                    + "\(Numeral.percent(update.relative)) of the larger update "
                    + "(‖ΔW_A‖ = \(Numeral.scientific(update.first)), ‖ΔW_B‖ = \(Numeral.scientific(update.second)))."
            blocks.append(.text(verdict))
        }
        if let comparison = study.comparison { blocks += pairs(comparison) }
        if let remark = study.remark { blocks.append(.text(remark)) }
        blocks += StudyPicture.allCases.filter(\.isOfSeveral).sorted { order($0) < order($1) }
            .compactMap { study.chart($0) }.map { .chart($0) }
        var sections = [Page.Section("Updates", blocks)]
        if let difference = study.difference {
            sections.append(Page.Section("Modules", modules(difference, study.comparison)))
        }
        return sections
    }

    /// Distances first: they are what most readers came for.
    private func order(_ picture: StudyPicture) -> Int { picture == .distances ? 0 : 1 }

    private func pairs(_ comparison: AdapterComparison) -> [Page.Block] {
        let rows = comparison.pairs.map { pair -> [Page.Text] in
            [Page.Text("\(AdapterStudy.letter(pair.first)) and \(AdapterStudy.letter(pair.second))")]
                + [pair.cosine, pair.columnOverlap, pair.rowOverlap, pair.signConflictRate].map {
                    Page.Text(Numeral.decimal($0, places: 3))
                } + [Page.Text("\(pair.moduleCount)")]
        }
        return [
            .table(
                Page.Table(
                    ["Pair", "Cosine", "Overlap of outputs", "Overlap of inputs", "Sign conflicts", "Modules"],
                    rows: rows, numeric: [1, 2, 3, 4, 5]))
        ]
    }

    private func modules(_ difference: AdapterDifference, _ comparison: AdapterComparison?) -> [Page.Block] {
        let cosines = Dictionary(
            (comparison?.modules ?? []).filter { !$0.pairs.isEmpty }.map { ($0.name, $0.cosines[0][1]) },
            uniquingKeysWith: { first, _ in first })
        let modules = difference.modules.sorted { ModulePosition(of: $0.name) < ModulePosition(of: $1.name) }
        let rows = modules.prefix(RegistryPages.moduleRows).map { module -> [Page.Text] in
            let update = module.update
            let relative = module.largestRelativeDistance
            return [
                Page.Text(module.name.isEmpty ? "(none)" : module.name),
                Page.Text(module.isInFirst ? module.isInSecond ? "A and B" : "only A" : "only B"),
                Page.Text(update.map { Numeral.scientific($0.first) } ?? "–"),
                Page.Text(update.map { Numeral.scientific($0.second) } ?? "–"),
                Page.Text(relative.isFinite ? Numeral.percent(relative) : "not comparable"),
                Page.Text(cosines[module.name].map { Numeral.decimal($0, places: 3) } ?? "–"),
            ]
        }
        let table = Page.Block.table(
            Page.Table(
                ["Module", "In", "‖ΔW_A‖", "‖ΔW_B‖", "Distance", "Cosine"], rows: rows, numeric: [2, 3, 4, 5]))
        return rows.count > 16
            ? [
                .details(
                    rows.count < modules.count
                        ? "The first \(rows.count) of \(modules.count) modules" : "All \(rows.count) modules", [table])
            ]
            : [table]
    }
}
