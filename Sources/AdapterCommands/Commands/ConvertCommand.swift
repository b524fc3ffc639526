internal import AdapterArithmetic
internal import AdapterFormat
internal import AdapterInterchange
internal import AdapterRegistry
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import Tensors

struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Turn an adapter into another layout or element type.",
        discussion: """
            With a path as the second argument the adapter is written there in another tool's layout, without a registry. \
            What the layout has no place for is refused by name, unless it is given up with --drop. LoHa and LoKr become \
            low-rank exactly; --rank and --energy make them smaller.

              adapterctl convert ./my-adapter my-adapter.gguf --base ./Llama-3.1-8B
              adapterctl convert style.safetensors ./style --as diffusers --base ./stable-diffusion-v1-5
              adapterctl convert ./mlx-adapter ./peft-adapter --dtype bf16

            With -t a stored adapter is stored in another element type, with an error certificate. Smaller types lose \
            precision; the result records its parent and what ΔW lost. f8_e4m3 and q8 (blocks of 32 8-bit codes with a \
            common scale) change A and B alone, and alpha takes up a power of two.

              adapterctl convert team/a:v1 -t team/a:small --dtype q8
              adapterctl convert team/a:small -t team/a:wide --dtype f32
            """)

    @Argument(help: "The adapter: a reference, a folder or a file.")
    var subject: String

    @Argument(help: "The folder or file to write, where it does not go into the registry.")
    var output: String?

    @Option(help: "The element type: f32, bf16, f16, f8_e4m3 or q8.")
    var dtype: DType?

    @Option(name: .shortAndLong, help: "The name of the result in the registry.")
    var target: String?

    @Option(name: .shortAndLong, help: "What the result is, in a sentence; default: the adapter's own message.")
    var message: String?

    @Flag(help: "Replace what stands at the path.")
    var force = false

    @OptionGroup var layoutArguments: OutputLayoutArguments
    @OptionGroup var baseArguments: BaseFolderArguments
    @OptionGroup var ranks: RankArguments
    @OptionGroup var recompute: RecomputeOption
    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard (output == nil) != (target == nil) else {
            throw ValidationError("Name a path to write to, or a reference with -t, and not both.")
        }
        if let dtype, !Convert.dtypes.contains(dtype) {
            throw ValidationError("--dtype must be \(Convert.dtypes.map(\.description).joined(separator: ", ")).")
        }
        guard target == nil || (dtype != nil && !ranks.isChosen && layoutArguments.layout == nil) else {
            throw ValidationError("-t takes --dtype alone: the registry has one layout, and 'resize' changes ranks.")
        }
        guard output == nil || message == nil else {
            throw ValidationError("--message goes with -t: most layouts have no place for it.")
        }
    }

    func run() throws {
        if let output {
            try write(to: output)
        } else if let target, let dtype {
            try store(as: target, dtype)
        }
    }

    private func write(to output: String) throws {
        let reading = try layoutArguments.loss.reading(base: baseArguments.base)
        let loaded = try LoadedAdapter(
            Subject(parsing: subject), label: subject, options: options, reading: reading)
        loaded.warnOfConversion(options.console)
        var adapter = loaded.adapter
        var certificates: [(step: String, certificate: ErrorCertificate)] = []
        if let certificate = try loaded.foreign?.certificate?() { certificates.append(("import", certificate)) }
        if ranks.isChosen {
            var merging = MergeOptions(method: .exact, dtype: nil, absolute: .refuse, allowDifferentBase: false)
            ranks.apply(to: &merging)
            let input = MergeInput(adapter: adapter, weight: 1, label: subject)
            let reduced = try Merge.merge([input], options: merging)
            adapter = reduced.adapter
            certificates.append(("rank", try certificate(of: reduced, "Resizing")))
        }
        if let dtype {
            let converted = try Convert.convert(adapter, to: dtype, label: subject)
            adapter = converted.adapter
            certificates.append(("dtype", try certificate(of: converted, "Converting")))
        }
        let layout = layoutArguments.layout(for: output)
        let isChanged = ranks.isChosen || dtype != nil
        let prepared = try AdapterExport(
            adapter: adapter, original: isChanged ? nil : loaded.file, layout: layout, path: output,
            writing: WritingOptions(base: reading.base, dropped: reading.dropped, replacing: force),
            provenance: isChanged ? nil : try loaded.provenance(), options: options
        ).prepare()
        if isChanged, layout == .adpt, try loaded.file?.signatures().isEmpty == false {
            options.console.warn("the signatures of '\(subject)' are not kept: they sign other values")
        }
        try loaded.checkUnchanged()
        try prepared.commit()
        var document = prepared.document
        document["subject"] = .string(subject)
        document["from"] = .string(loaded.foreign?.layout.rawValue ?? "adpt")
        document["path"] = .string(output)
        document["layout"] = .string(layout.name)
        document["remarks"] = .array(((loaded.foreign?.remarks ?? []) + prepared.remarks).map(MetadataValue.string))
        document["losses"] = .array(
            certificates.map { step, certificate in
                ["step": .string(step), "certificate": CertificateDescription(certificate: certificate).document]
            })
        let losses = certificates.map { step, certificate in
            "\n  \(step): truncation lost \(Format.scientific(certificate.relativeTruncationError)) of ‖ΔW‖, rounding at most "
                + Format.scientific(certificate.relativeRoundingError)
        }
        try options.console.answer(
            .map(document), identifiers: [output],
            text: "Converted \(subject) to \(output) as \(layout.name)\(losses.joined())\(prepared.lines)")
    }

    /// Computes everything, with a progress line.
    private func certificate(of computed: ComputedAdapter, _ activity: String) throws -> ErrorCertificate {
        let progress = options.console.progress(activity)
        defer { progress.finish() }
        return try computed.certificate()
    }

    private func store(as target: String, _ dtype: DType) throws {
        let target = try Reference(parsing: target)
        let parent = try StoredParent(Subject(parsing: subject), text: subject, verb: "convert", options: options)
        let result = ComputedResult(
            operation: .convert, computed: try Convert.convert(parent.loaded.adapter, to: dtype, label: subject),
            parents: [parent], settings: ["dtype": .string(dtype.description)], options: options,
            exactResult: "the adapter it was made of", message: parent.loaded.adapter.notes.message)
        let document = try result.store(
            as: target, expecting: expectation.expectedTag, message: message, recomputing: recompute.isSet)
        if options.json { try StandardOutput.write(JSON.text(document, indented: true) + "\n") }
    }
}
