package import AdapterArithmetic
package import AdapterRegistry
internal import AdapterTraining
package import Adapters
internal import ByteCoding
package import Charts
package import Integrity
internal import Tensors

/// Everything that is known of one adapter, as a page for people: facts, modules, spectra, how it was made, what it lost,
/// lineage, training, signatures and documents.
///
/// A page follows from its data alone: no time, no place, no registry.
package struct AdapterReport: Sendable {
    /// What the reader called the adapter.
    package var name: String
    /// The adapter.
    package var adapter: Adapter
    /// What its updates are like; nil while nobody has computed it.
    package var spectra: AdapterSpectra?
    /// How much of them each rank keeps.
    package var energy: EnergyProfile?
    /// What stands in the place of pictures that are not there.
    package var withoutSpectra: [Page.Block] = []
    /// What leads to other pages; nil for a report that is a file.
    package var links: ReportLinks?
    /// The adapter's identity, when it is known.
    package var contentRoot: Digest?
    /// How it was computed, when it was.
    package var provenance: Provenance?
    /// What the registry knows, when it is stored.
    package var storage: Storage?
    /// Its signatures: by whom, and whether they count; nil when nobody has signed it.
    package var signatures: SignatureDescription?
    /// What stands at the end of the page.
    package var footer = ""

    /// What a registry knows of an adapter.
    package struct Storage: Sendable {
        /// The version.
        package var stored: StoredAdapter
        /// The names that stand at it.
        package var references: [Reference]
        /// What it came from and what came from it.
        package var lineage: LineageGraph
        /// The documents about it.
        package var documents: [AttachedDocument]

        /// What a registry tells somebody of a version.
        ///
        /// - Parameter mayRead: which repositories the reader may know of.
        package init(
            of stored: StoredAdapter, in registry: Registry, mayRead: (RepositoryName) -> Bool = { _ in true }
        ) throws {
            self.init(
                stored: stored,
                references: try registry.references(to: stored.digest).filter { mayRead($0.repository) },
                lineage: try registry.lineage(of: stored.contentRoot, limit: Storage.lineageLimit)
                    .readable(in: registry, mayRead),
                documents: try registry.documents(of: stored))
        }

        /// More adapters than that nobody can read in one picture.
        private static let lineageLimit = 2000

        /// What a registry knows.
        package init(
            stored: StoredAdapter, references: [Reference], lineage: LineageGraph, documents: [AttachedDocument]
        ) {
            self.stored = stored
            self.references = references
            self.lineage = lineage
            self.documents = documents
        }
    }

    /// A report about an adapter.
    package init(name: String, adapter: Adapter, spectra: AdapterSpectra?, energy: EnergyProfile? = nil) {
        self.name = name
        self.adapter = adapter
        self.spectra = spectra
        self.energy = energy
    }

    /// Tables of more modules are shown when the reader wants them.
    private static let openTableLimit = 16

    /// The report as a page.
    package var page: Page {
        var sections = [Page.Section("Facts", [.facts(facts)]), Page.Section("Get it", getting)]
        if spectra != nil || !withoutSpectra.isEmpty { sections.append(Page.Section("Updates", updates)) }
        sections.append(Page.Section("Modules", modules))
        if let provenance { sections.append(Page.Section("How it was made", making(provenance))) }
        if let training = provenance.flatMap({ TrainingRecord(of: $0) }), !training.steps.isEmpty {
            sections.append(Page.Section("Training", [.chart(LineChart(training))]))
        }
        if let storage, !storage.lineage.edges.isEmpty {
            sections.append(Page.Section("Lineage", [.chart(GraphChart(storage.lineage))]))
        }
        sections.append(Page.Section("Signatures and documents", papers))
        return Page(
            title: name, subtitle: adapter.notes.message ?? "", sections: sections, footer: footer, place: links?.place)
    }

    private var facts: [(String, Page.Text)] {
        let (ranks, alphas) = (adapter.ranks, adapter.alphas)
        func span<Value: Comparable>(_ values: [Value], _ format: (Value) -> String) -> String {
            Numeral.range(values.first.flatMap { first in values.last.map { first...$0 } }, format)
        }
        let labels = adapter.notes.labels.sorted { $0.key.precedesInUTF8($1.key) }.map { "\($0.key)=\($0.value)" }
        let total = spectra?.total
        let names = storage?.references.prefix(AdapterReport.nameLimit).map {
            Page.Text("\($0)", to: links?.adapter($0))
        }
        let more = (storage?.references.count ?? 0) - AdapterReport.nameLimit
        let facts: [(String, String?)] = [
            ("Base model", adapter.base.summary),
            ("Rank", span(ranks) { "\($0)" }), ("Alpha", span(alphas, Numeral.plain)),
            ("Target modules", adapter.targetModules.joined(separator: ", ")),
            (
                "Size",
                "\(Numeral.count(adapter.parameterCount)) parameters in \(adapter.modules.count) modules, "
                    + "\(Numeral.bytes(adapter.tensorByteCount)) of \(adapter.dtypes.map(\.description).joined(separator: ", "))"
                    + (storage.map { ", stored in \(Numeral.bytes($0.stored.byteCount))" } ?? "")
            ),
            (
                "‖ΔW‖",
                total.map {
                    "\(Numeral.scientific($0.frobeniusNorm)) (Frobenius), "
                        + "\(Numeral.scientific($0.spectralNorm)) (spectral)"
                }
            ),
            (
                "Effective rank",
                total.map {
                    "\(Numeral.decimal($0.meanEffectiveRank, places: 2)) on average, stable rank "
                        + Numeral.decimal($0.meanStableRank, places: 2)
                }
            ),
            ("License", adapter.notes.license), ("Labels", labels.joined(separator: ", ")),
            ("Layout", adapter.notes.source?.layout), ("Stored", storage?.stored.createdAt.description),
        ]
        let digests = [
            ("Base digest", adapter.base.digest), ("Digest", storage?.stored.digest), ("Content root", contentRoot),
        ].compactMap { label, digest in
            digest.map { (label, Page.Text("\($0)", .code)) }
        }
        let words = names.map { names -> Page.Text in
            Page.Text(names + (more > 0 ? ["and \(more) more"] : []), separator: ", ")
        }
        return [("Names", words ?? "")].filter { !$0.1.isEmpty }
            + facts.compactMap { label, value in value.flatMap { $0.isEmpty ? nil : (label, Page.Text($0)) } } + digests
    }

    /// So many names of one version are shown.
    private static let nameLimit = 24

    private var getting: [Page.Block] { links?.getting ?? [.commands(commands)] }

    private var commands: [String] {
        guard let storage else { return ["adapterctl push PATH NAME:TAG"] }
        let pinned = storage.stored.pinned.description
        return [
            "adapterctl pull \(pinned) -o ./adapter", "adapterctl verify \(pinned)", "adapterctl show \(pinned)",
        ]
    }

    private var updates: [Page.Block] {
        guard let spectra else { return withoutSpectra }
        guard !spectra.modules.isEmpty else { return [.text("No module has a low-rank update.")] }
        let pictures = SpectrumPictures(spectra)
        var charts: [any Chart] = [pictures.norms, pictures.effectiveRanks]
        if adapter.ranks.count > 1 { charts.append(pictures.ranks) }
        charts.append(pictures.values)
        if let energy { charts.append(LineChart([energy])) }
        return charts.map { .chart($0) }
    }

    private var modules: [Page.Block] {
        let known = Dictionary(
            (spectra?.modules ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let order = adapter.modules.map { (position: ModulePosition(of: $0.name), module: $0) }
        let shown = order.sorted { $0.position < $1.position }.prefix(links == nil ? .max : AdapterReport.rowLimit)
        let rows = shown.map { _, module -> [String] in
            let spectrum = known[module.name]
            let shape =
                spectrum.map { spectrum in
                    (spectrum.blockCount > 1 ? "\(spectrum.blockCount) × " : "")
                        + "\(spectrum.rows) × \(spectrum.columns)"
                } ?? module.update.map { $0.weightExtents.map(String.init).joined(separator: " × ") }
            let others = module.parameters.map { "\($0.role)" }.joined(separator: ", ")
            let rank = module.update.map { String($0.rank) }
            let numbers = [
                rank, module.update.map { Numeral.plain($0.alpha) },
                spectrum.map { Numeral.scientific($0.frobeniusNorm) },
                spectrum.map { Numeral.scientific($0.spectralNorm) },
                spectrum.map { Numeral.decimal($0.effectiveRank, places: 2) },
            ]
            let kind = module.update.map { "\($0.kind)" }
            return [module.name.isEmpty ? "(none)" : module.name, kind ?? "–", shape ?? "–"]
                + numbers.map { $0 ?? "–" } + [others]
        }
        let hasOthers = rows.contains { !($0.last ?? "").isEmpty }
        let headings = ["Module", "Kind", "ΔW", "Rank", "Alpha", "‖ΔW‖", "‖ΔW‖₂", "Effective rank", "Besides"]
        // Norms only where they are known.
        let columns = headings.indices.filter { (spectra != nil || !(5...7).contains($0)) && (hasOthers || $0 < 8) }
        let numeric = columns.indices.filter { (3...7).contains(columns[$0]) }
        let table = AdapterReport.table(
            columns.map { headings[$0] }, rows: rows.map { row in columns.map { row[$0] } }, numeric: Set(numeric),
            rows.count < order.count
                ? "The first \(rows.count) of \(order.count) modules" : "All \(rows.count) modules")
        return [table]
    }

    /// A page that is served has at most so many rows.
    private static let rowLimit = 2000

    /// The entries of a map, those of the maps in it by the names that lead there: `data.training.rows`. Names are short
    /// and rows are few, whatever a stranger's file holds.
    private static func add(_ map: [String: MetadataValue], within path: String, to rows: inout [(String, String)]) {
        for (key, value) in map.sorted(by: { $0.key.precedesInUTF8($1.key) }) {
            guard rows.count < rowLimit else { return }
            let name = Markup.shortened(path + key, to: nameLength)
            switch value {
            case .map(let inner) where !inner.isEmpty: add(inner, within: name + ".", to: &rows)
            case .string(let text): rows.append((name, text))
            default: rows.append((name, JSON.text(value)))
            }
        }
    }

    /// So many characters of an entry's name are shown.
    private static let nameLength = 200

    private func making(_ provenance: Provenance) -> [Page.Block] {
        // Losses step by step are in the picture of the training.
        let options = provenance.options.filter { $0.key != "record" }
        var facts: [(String, Page.Text)] = [
            ("Operation", Page.Text(provenance.operation)), ("Program", "adapterctl \(provenance.toolVersion)"),
        ]
        var rows: [(String, String)] = []
        AdapterReport.add(options, within: "", to: &rows)
        for (name, text) in rows {
            facts.append((name, Page.Text(links == nil ? text : Markup.shortened(text, to: AdapterReport.optionLimit))))
        }
        var blocks: [Page.Block] = [.facts(facts)]
        if !provenance.parents.isEmpty {
            let nodes = storage?.lineage
            blocks.append(
                .table(
                    Page.Table(
                        ["Parent", "Role", "Weight", "Content root"],
                        rows: provenance.parents.prefix(AdapterReport.rowLimit).map { parent in
                            let names = (nodes?.node(parent.contentRoot)?.references ?? []).prefix(4)
                                .map { Page.Text("\($0)", to: links?.adapter($0)) }
                            return [
                                names.isEmpty
                                    ? Page.Text(parent.digest.abbreviated, .code) : Page.Text(names, separator: ", "),
                                Page.Text(parent.role), Page.Text(parent.weight.map(Numeral.plain) ?? "–"),
                                Page.Text(
                                    links == nil ? parent.contentRoot.description : parent.contentRoot.abbreviated,
                                    .code),
                            ]
                        }, numeric: [2])))
        }
        guard let certificate = provenance.certificate else { return blocks }
        blocks += [
            .text(
                "Against the exact result, of norm \(Numeral.scientific(certificate.deltaNorm)), truncation lost "
                    + "\(Numeral.scientific(certificate.relativeTruncationError)) and rounding "
                    + "\(Numeral.scientific(certificate.relativeRoundingError)) of the norm. The largest singular value that "
                    + "was dropped is \(Numeral.scientific(certificate.largestDroppedSingularValue))."),
            .chart(HeatMap(certificate)),
            AdapterReport.table(
                ["Module", "Rank", "‖ΔW‖", "Truncated", "Relative", "Next σ", "Rounded", "Relative"],
                rows: certificate.modules.prefix(links == nil ? .max : AdapterReport.rowLimit).map { module in
                    [module.name, "\(module.rank)"]
                        + [
                            module.deltaNorm, module.truncationError, module.relativeTruncationError,
                            module.largestDroppedSingularValue, module.roundingError, module.relativeRoundingError,
                        ].map(Numeral.scientific)
                }, numeric: [1, 2, 3, 4, 5, 6, 7], "The certificate by module"),
        ]
        return blocks
    }

    private var papers: [Page.Block] {
        var blocks: [Page.Block] = [
            signatures.map { .table(["Signed by"], rows: $0.lines.map { [$0] }, numeric: []) }
                ?? .text("Nobody has signed it.")
        ]
        if let documents = storage?.documents, !documents.isEmpty {
            blocks.append(
                .table(
                    ["Document", "Kind", "Size", "Attached", "By"],
                    rows: documents.map {
                        [$0.name, $0.kind.rawValue, Numeral.bytes($0.byteCount), $0.createdAt.description, $0.actor]
                    }, numeric: [2]))
        }
        return blocks
    }

    /// A page that is served has options of at most so many characters.
    private static let optionLimit = 2000

    private static func table(
        _ headings: [String], rows: [[String]], numeric: Set<Int>, _ summary: String
    ) -> Page.Block {
        let table = Page.Block.table(headings, rows: rows, numeric: numeric)
        return rows.count > openTableLimit ? .details(summary, [table]) : table
    }
}
