internal import AdapterArithmetic
internal import AdapterFormat
internal import AdapterPictures
internal import AdapterRegistry
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import Charts
internal import Integrity

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write one HTML page about an adapter: facts, modules, spectra, merge error, lineage, training.",
        discussion: """
            The page needs nothing but itself: no network, no scripts. It is read in light and in dark.

              adapterctl report team/support:v1 -o support.html
            """)

    @Argument(help: "A stored adapter, an .adpt file or a PEFT folder.")
    var subject: String

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The page to write, which replaces what stands there.", valueName: "file"))
    var output: String

    @OptionGroup var keyOptions: KeyOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let parsed = try Subject(parsing: subject)
        let loaded = try LoadedAdapter(parsed, label: subject, options: options)
        let input = MergeInput(adapter: loaded.adapter, label: loaded.label, contentRoot: loaded.file?.contentRoot)
        let progress = options.console.progress("Inspecting", totalByteCount: 2 * loaded.adapter.tensorByteCount)
        var report = AdapterReport(
            name: subject, adapter: loaded.adapter, spectra: try AdapterSpectra(of: input, progress: progress.advance),
            energy: try EnergyProfile(
                of: [input], options: MergeOptions(), ranks: InspectCommand.defaultRanks([input]),
                progress: progress.advance))
        progress.finish()
        report.contentRoot = loaded.file?.contentRoot
        report.provenance = try loaded.file?.provenance()
        report.signatures = try loaded.file.flatMap { try SignatureDescription($0, keyOptions, options.console) }
        report.footer = "Written by adapterctl \(ToolVersion.current)."
        if case .reference(let reference) = parsed {
            let registry = try options.openRegistry(.readOnly)
            let stored = try registry.resolve(reference)
            report.storage = try AdapterReport.Storage(of: stored, in: registry)
        }
        let html = report.page.html()
        try PictureFile.write(html, to: output)
        try options.console.answer(
            [
                "subject": .string(subject), "digest": MetadataValue(loaded.digest?.description),
                "contentRoot": MetadataValue(loaded.file?.contentRoot.description), "path": .string(output),
                "byteCount": MetadataValue(html.utf8.count),
            ], identifiers: [output], text: "Wrote \(Format.printable(output)), \(Format.bytes(html.utf8.count)).")
    }
}
