internal import AdapterArithmetic
internal import AdapterFormat
internal import AdapterPictures
internal import AdapterRegistry
internal import AdapterTraining
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import Charts
internal import Integrity
internal import Tensors

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show what an adapter holds: modules, ranks, shapes, sizes, origin.",
        discussion: """
              adapterctl show team/support:v1
              adapterctl show ./my-adapter --json
              adapterctl show team/merged:v1 --plot merged.svg
            """)

    @Argument(help: "A stored adapter, an .adpt file, or what another tool wrote.")
    var subject: String

    @Option(
        help: ArgumentHelp(
            "Draw norms, ranks and the merge error by layer and kind of module, and the losses of a run, into an SVG or HTML file.",
            valueName: "file"))
    var plot: String?

    @OptionGroup var keyOptions: KeyOptions
    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let plot { _ = try PictureFile(plot) }
    }

    func run() throws {
        if case .reference(let reference) = try Subject(parsing: subject) {
            let registry = try options.openRegistry(.readOnly)
            let stored = try registry.resolve(reference)
            if stored.kind == .stack {
                if plot != nil { throw ValidationError("--plot draws one adapter, '\(subject)' is a stack.") }
                let description = StackDescription(stored: stored, stack: try registry.stack(stored))
                return try options.console.answer(
                    description.document, identifiers: [stored.digest.description], text: description.text)
            }
        }
        let loaded = try LoadedAdapter(try Subject(parsing: subject), label: subject, options: options)
        let provenance = try loaded.file?.provenance()
        let signatures = try loaded.file.flatMap { try SignatureDescription($0, keyOptions, options.console) }
        let description = AdapterDescription(adapter: loaded.adapter)
        let run = loaded.digest.flatMap { StoredRun(provenance, digest: $0) }
        if let plot { try draw(loaded.adapter, provenance?.certificate, run, plot) }
        var document = description.document
        document["subject"] = .string(subject)
        document["digest"] = MetadataValue(loaded.digest?.description)
        document["contentRoot"] = MetadataValue(loaded.file?.contentRoot.description)
        document["byteCount"] = loaded.file.map { MetadataValue($0.byteCount) } ?? .null
        document["encodedByteCount"] = loaded.file.map { MetadataValue($0.encodedByteCount) } ?? .null
        document["modules"] = description.modules
        document["behaviour"] = .map(loaded.adapter.behaviour)
        document["notes"] = loaded.adapter.notes.metadata
        document["signatures"] = signatures?.document ?? []
        document["provenance"] = provenance?.metadata ?? .null
        if let certificate = provenance?.certificate {
            document["certificate"] = CertificateDescription(certificate: certificate).document
        }
        try options.console.answer(
            .map(document), identifiers: [loaded.digest?.description ?? subject],
            text: text(loaded, provenance, run, signatures?.lines ?? [], description))
    }

    private func draw(_ adapter: Adapter, _ certificate: ErrorCertificate?, _ run: StoredRun?, _ path: String) throws {
        let progress = options.console.progress("Inspecting", totalByteCount: adapter.tensorByteCount)
        let pictures = SpectrumPictures(
            try AdapterSpectra(of: MergeInput(adapter: adapter, label: subject), progress: progress.advance))
        progress.finish()
        let losses: [any Chart] = run.map { [LineChart($0.record)] } ?? []
        let maps: [any Chart] = [certificate.map { HeatMap($0) }, pictures.norms, pictures.ranks].compactMap(\.self)
        try PictureFile(path).write(losses + maps, title: subject)
    }

    /// Options in words: ` with method exact, rank 8`.
    private static func text(_ options: [String: MetadataValue]) -> String {
        let words = options.filter { key, value in
            !["record", SearchRecord.name].contains(key) && !value.isNull && value != false
        }
        .sorted { $0.key.precedesInUTF8($1.key) }
        .map { key, value in
            value == true ? key : "\(key) \(value.string ?? value.number.map(Format.number) ?? JSON.text(value))"
        }
        return words.isEmpty ? "" : " with " + words.joined(separator: ", ")
    }

    private func text(
        _ loaded: LoadedAdapter, _ provenance: Provenance?, _ run: StoredRun?, _ signatures: [String],
        _ description: AdapterDescription
    ) -> String {
        var lines = [subject]
        func add(_ label: String, _ value: String?) {
            guard let value, !value.isEmpty else { return }
            lines.append("  \(label)\(String(repeating: " ", count: 14 - label.count))\(Format.printable(value))")
        }
        add("digest", loaded.digest?.description)
        add("content root", loaded.file?.contentRoot.description)
        add("base", loaded.adapter.base.summary)
        add("adapter", description.summary)
        if let file = loaded.file {
            let tensors = loaded.adapter.tensorByteCount
            let percent =
                tensors > 0 ? Format.decimal(100 * Double(file.encodedByteCount) / Double(tensors), places: 1) : "–"
            add("size", "\(Format.bytes(file.byteCount)); tensors stored in \(percent) % of \(Format.bytes(tensors))")
        }
        add("message", loaded.adapter.notes.message)
        add("license", loaded.adapter.notes.license)
        add(
            "labels",
            loaded.adapter.notes.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(
                separator: ", "))
        add("layout", loaded.adapter.notes.source?.layout)
        if !loaded.adapter.behaviour.isEmpty {
            add("behaviour", JSON.text(.map(loaded.adapter.behaviour)))
        }
        if let provenance {
            // A run says what it was in lines of its own; 'runs' has its settings.
            let words = run == nil ? ShowCommand.text(provenance.options) : ""
            add("made by", "\(provenance.operation)\(words), adapterctl \(provenance.toolVersion)")
            if let run { lines.append(RunDescription(run: run).text) }
            add("searched", SearchRecord(provenance)?.text)
            for parent in provenance.parents {
                let role = parent.role == "input" ? "" : " (\(parent.role))"
                add("parent", "\(parent.digest)\(parent.weight.map { " × \(Format.number($0))" } ?? "")\(role)")
            }
        }
        for signature in signatures { add("signed by", signature) }
        lines += ["", description.moduleTable]
        if let certificate = provenance?.certificate {
            lines += ["Error certificate", CertificateDescription(certificate: certificate).table]
        }
        return lines.joined(separator: "\n")
    }
}
