import AdapterArithmetic
import AdapterFormat
import AdapterPictures
import AdapterRegistry
import AdapterTesting
import Adapters
import ByteCoding
import Charts
import Foundation
import Integrity
import Testing

@Suite struct ReportTests {
    private func report(_ name: String, _ adapter: Adapter) throws -> AdapterReport {
        let input = MergeInput(adapter: adapter, label: name)
        return AdapterReport(
            name: name, adapter: adapter, spectra: try AdapterSpectra(of: input),
            energy: try EnergyProfile(of: [input], options: MergeOptions(), ranks: [1, 2]))
    }

    @Test func `hostile names stay names`() throws {
        let attack = "</td></title><script>alert('x')</script>\"onload=\"alert(1)\u{202E}"
        var generator = SeededGenerator(seed: 1)
        var adapter = try Adapter(
            base: BaseModel(name: attack, revision: attack),
            modules: (0..<3).map {
                try SampleAdapters.linear(
                    "layers.\($0).\(attack)", input: 6, output: 5, rank: 2, alpha: 4, using: &generator)
            })
        adapter.notes = AdapterNotes(
            message: attack, license: attack, labels: [attack: attack],
            source: SourceConfiguration(layout: attack, configuration: [:], fileMetadata: [:]))
        var report = try report(attack, adapter)
        report.footer = attack
        let digest = SHA256.hash([1])
        report.provenance = Provenance(
            operation: attack, toolVersion: attack,
            parents: [Provenance.Parent(digest: digest, contentRoot: digest, role: attack, weight: 0.5)],
            options: [attack: .string(attack), "list": [.string(attack)]],
            certificate: ErrorCertificate(modules: [
                ErrorCertificate.Module(
                    name: attack, rank: 2, deltaNorm: 1, truncationError: 0.1, largestDroppedSingularValue: 0.1,
                    roundingError: 1e-8)
            ]))
        let html = report.page.html()
        #expect(!html.contains("<script") && !html.contains("\"onload") && !html.unicodeScalars.contains("\u{202E}"))
        // Title twice, message, facts, module names, provenance, certificate and more: all there as text.
        #expect(html.components(separatedBy: "&lt;script&gt;").count > 20)
        let (opened, closed) = (html.matches(of: /<title[ >]/).count, html.matches(of: /<\/title>/).count)
        #expect(opened == closed && opened > 3)
    }

    @Test func `settings within settings are named by their path, few and in short`() throws {
        var generator = SeededGenerator(seed: 1)
        var report = try report(
            "a",
            Adapter(
                base: BaseModel(),
                modules: [SampleAdapters.linear("q", input: 6, output: 5, rank: 2, alpha: 4, using: &generator)]))
        func html(_ options: [String: MetadataValue]) -> String {
            report.provenance = Provenance(operation: "train", toolVersion: "1", parents: [], options: options)
            return report.page.html()
        }
        let shown = html(["data": ["rows": 7, "empty": .map([:]), "validation": ["name": .string("v")]]])
        for text in ["data.rows", "data.empty", "{}", "data.validation.name"] {
            #expect(shown.contains(text), "\(text)")
        }
        let many = Dictionary(uniqueKeysWithValues: (0..<5000).map { ("entry-\($0)", MetadataValue.integer(1)) })
        #expect(html(["z": .map(many)]).components(separatedBy: "z.entry-").count == 2001)
        #expect(html([String(repeating: "x", count: 100_000): .map(many)]).utf8.count < 2_000_000)
    }

    @Test func `a report tells what the registry knows`() throws {
        try withTemporaryDirectory { folder throws in
            let registry = try Registry(opening: folder + "/registry", mode: .readWrite)
            let (parent, child) = (
                try Reference(parsing: "team/parent:v1"), try Reference(parsing: "team/child:v1")
            )
            let adapter = try SampleAdapters.plain(seed: 3, moduleCount: 20)
            let first = try registry.push(adapter, as: parent)
            var scaled = try SampleAdapters.plain(seed: 4, moduleCount: 20)
            scaled.notes.message = "made of <one>"
            let second = try registry.push(
                scaled, as: child,
                provenance: {
                    Provenance(
                        operation: "scale", toolVersion: "1.2.3",
                        parents: [
                            Provenance.Parent(digest: first.digest, contentRoot: first.contentRoot, weight: 0.5)
                        ], options: ["by": 0.5])
                })
            try registry.attach("a note", named: "note.txt", to: child)
            var report = try report("team/child:v1", scaled)
            report.provenance = try registry.open(second).provenance()
            report.contentRoot = second.contentRoot
            report.storage = AdapterReport.Storage(
                stored: second, references: try registry.references(to: second.digest),
                lineage: try registry.lineage(of: second.contentRoot), documents: try registry.documents(of: second))
            let html = report.page.html()
            for text in [
                "made of &lt;one&gt;", second.digest.description, second.contentRoot.description, "note.txt", "scale",
                "adapterctl pull \(second.pinned) -o ./adapter", "Singular values", "Effective rank", "Lineage",
                "All 20 modules", "model.layers.19.q_proj", "Nobody has signed it.",
            ] { #expect(html.contains(text), "\(text)") }
            #expect(html == report.page.html())
            // Its own: nothing is fetched, and nothing could be.
            #expect(!html.contains("src=") && !html.contains("<link") && html.contains("default-src 'none'"))
        }
    }

    @Test func `an adapter without updates has a report too`() throws {
        let adapter = try Adapter(base: BaseModel(), modules: [])
        #expect(try report("empty", adapter).page.html().contains("No module has a low-rank update."))
        var generator = SeededGenerator(seed: 2)
        _ = generator.next()
        let everything = try SampleAdapters.everything(seed: 4)
        let plain = try Adapter(base: everything.base, modules: everything.modules.filter { $0.update == nil })
        #expect(try report("parts", plain).page.html().contains("full"))
    }

    @Test func `a lineage is drawn with its weights`() throws {
        try withTemporaryDirectory { folder throws in
            let registry = try Registry(opening: folder + "/registry", mode: .readWrite)
            let missing = SHA256.hash([9])
            let stored = try registry.push(
                try SampleAdapters.plain(seed: 1), as: try Reference(parsing: "a:v1"),
                provenance: {
                    Provenance(
                        operation: "merge", toolVersion: "1",
                        parents: [Provenance.Parent(digest: missing, contentRoot: missing, weight: -0.25)], options: [:]
                    )
                })
            let svg = GraphChart(try registry.lineage(of: stored.contentRoot)).svg()
            #expect(svg.contains("× -0.25") && svg.contains("a:v1") && svg.contains("class=\"absent\""))
            #expect(svg.contains(missing.abbreviated) && svg.contains("class=\"focus\""))
        }
    }
}
