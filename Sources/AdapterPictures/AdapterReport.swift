package import AdapterArithmetic
package import AdapterRegistry
package import AdapterTraining
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
    /// What its updates are like.
    package var spectra: AdapterSpectra
    /// How much of them each rank keeps.
    package var energy: EnergyProfile
    /// The adapter's identity, when it is known.
    package var contentRoot: Digest?
    /// How it was computed, when it was.
    package var provenance: Provenance?
    /// Its training, when it was trained here.
    package var training: TrainingRecord?
    /// What the registry knows, when it is stored.
    package var storage: Storage?
    /// Its signatures: by whom, and whether they count.
    package var signatures: [String] = []
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
    package init(name: String, adapter: Adapter, spectra: AdapterSpectra, energy: EnergyProfile) {
        self.name = name
        self.adapter = adapter
        self.spectra = spectra
        self.energy = energy
    }

    /// Tables of more modules are shown when the reader wants them.
    private static let openTableLimit = 16

    /// The report as a page.
    package var page: Page {
        var sections = [Page.Section("Facts", [.facts(facts)]), Page.Section("Get it", [.commands(commands)])]
        sections.append(Page.Section("Updates", updates))
        sections.append(Page.Section("Modules", modules))
        if let provenance { sections.append(Page.Section("How it was made", making(provenance))) }
        if let training, !training.steps.isEmpty {
            sections.append(Page.Section("Training", [.chart(LineChart(training))]))
        }
        if let storage, !storage.lineage.edges.isEmpty {
            sections.append(Page.Section("Lineage", [.chart(GraphChart(storage.lineage))]))
        }
        sections.append(Page.Section("Signatures and documents", papers))
        return Page(title: name, subtitle: adapter.notes.message ?? "", sections: sections, footer: footer)
    }

    private var facts: [(String, String)] {
        let (ranks, alphas) = (adapter.ranks, adapter.alphas)
        func span<Value: Comparable>(_ values: [Value], _ format: (Value) -> String) -> String {
            Numeral.range(values.first.flatMap { first in values.last.map { first...$0 } }, format)
        }
        let labels = adapter.notes.labels.sorted { $0.key.precedesInUTF8($1.key) }.map { "\($0.key)=\($0.value)" }
        let total = spectra.total
        let facts: [(String, String?)] = [
            ("Names", storage?.references.map(\.description).joined(separator: ", ")),
            ("Base model", adapter.base.summary), ("Base digest", adapter.base.digest?.description),
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
                "\(Numeral.scientific(total.frobeniusNorm)) (Frobenius), \(Numeral.scientific(total.spectralNorm)) (spectral)"
            ),
            (
                "Effective rank",
                "\(Numeral.decimal(total.meanEffectiveRank, places: 2)) on average, stable rank "
                    + Numeral.decimal(total.meanStableRank, places: 2)
            ),
            ("License", adapter.notes.license), ("Labels", labels.joined(separator: ", ")),
            ("Layout", adapter.notes.source?.layout), ("Stored", storage?.stored.createdAt.description),
            ("Digest", storage?.stored.digest.description), ("Content root", contentRoot?.description),
        ]
        return facts.compactMap { label, value in value.flatMap { $0.isEmpty ? nil : (label, $0) } }
    }

    private var commands: [String] {
        guard let storage else { return ["adapterctl push PATH NAME:TAG"] }
        let pinned = storage.stored.pinned.description
        return [
            "adapterctl pull \(pinned) -o ./adapter", "adapterctl verify \(pinned)", "adapterctl show \(pinned)",
        ]
    }

    private var updates: [Page.Block] {
        guard !spectra.modules.isEmpty else { return [.text("No module has a low-rank update.")] }
        let pictures = SpectrumPictures(spectra)
        var charts: [any Chart] = [pictures.norms, pictures.effectiveRanks]
        if adapter.ranks.count > 1 { charts.append(pictures.ranks) }
        return (charts + [pictures.values, LineChart([energy])]).map { .chart($0) }
    }

    private var modules: [Page.Block] {
        let known = Dictionary(spectra.modules.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let order = adapter.modules.map { (position: ModulePosition(of: $0.name), module: $0) }
        let rows = order.sorted { $0.position < $1.position }.map { _, module -> [String] in
            let spectrum = known[module.name]
            let shape = spectrum.map { spectrum in
                (spectrum.blockCount > 1 ? "\(spectrum.blockCount) × " : "") + "\(spectrum.rows) × \(spectrum.columns)"
            }
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
        return [
            AdapterReport.table(
                hasOthers ? headings : Array(headings.dropLast()),
                rows: hasOthers ? rows : rows.map { Array($0.dropLast()) },
                numeric: [3, 4, 5, 6, 7], "All \(rows.count) modules")
        ]
    }

    private func making(_ provenance: Provenance) -> [Page.Block] {
        // Losses step by step are in the picture of the training.
        let options = provenance.options.filter { $0.key != "record" }
        var facts = [("Operation", provenance.operation), ("Program", "adapterctl \(provenance.toolVersion)")]
        for (key, value) in options.sorted(by: { $0.key.precedesInUTF8($1.key) }) {
            facts.append((key, value.string ?? JSON.text(value)))
        }
        var blocks: [Page.Block] = [.facts(facts)]
        if !provenance.parents.isEmpty {
            let nodes = storage?.lineage
            blocks.append(
                .table(
                    ["Parent", "Role", "Weight", "Content root"],
                    rows: provenance.parents.map { parent in
                        let names = nodes?.node(parent.contentRoot)?.references.map(\.description) ?? []
                        return [
                            names.isEmpty ? parent.digest.abbreviated : names.joined(separator: ", "), parent.role,
                            parent.weight.map(Numeral.plain) ?? "–", parent.contentRoot.description,
                        ]
                    }, numeric: [2]))
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
                rows: certificate.modules.map { module in
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
            signatures.isEmpty
                ? .text("Nobody has signed it.") : .table(["Signed by"], rows: signatures.map { [$0] }, numeric: [])
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

    private static func table(
        _ headings: [String], rows: [[String]], numeric: Set<Int>, _ summary: String
    ) -> Page.Block {
        let table = Page.Block.table(headings, rows: rows, numeric: numeric)
        return rows.count > openTableLimit ? .details(summary, [table]) : table
    }
}
