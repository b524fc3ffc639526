internal import AdapterArithmetic
internal import AdapterInterchange
internal import AdapterRegistry
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import Integrity
internal import Tensors

struct ExtractCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract",
        abstract:
            "Make an adapter of what tuning changed in a model: ΔW = W_tuned − W_base, with an error certificate.",
        discussion: """
            Both are Hugging Face folders of one architecture. Linear layers get low-rank updates; embeddings, the output \
            layer, norms and biases that changed are kept whole unless --full says otherwise. What is left out counts as lost \
            in the certificate. Weights are read in pieces and never held. The same models and options are answered from the \
            store.

              adapterctl extract --base ./Llama-3.1-8B --tuned ./Llama-3.1-8B-Instruct -t team/instruct:v1 --rank 64
              adapterctl extract --base ./base --tuned ./tuned -t team/a:v1 --error 0.1 --rank 256
              adapterctl extract --base ./base --tuned ./tuned -t team/a:v1 --rank 16 --target-modules q_proj,v_proj --full none
            """)

    @Option(help: ArgumentHelp("The folder of the base model.", valueName: "dir"))
    var base: String

    @Option(help: ArgumentHelp("The folder of the tuned model.", valueName: "dir"))
    var tuned: String

    @Option(help: "The base model's name in the adapter, NAME or NAME@REVISION; default: the folder's name.")
    var baseName: String?

    @Option(name: .shortAndLong, help: "The name of the result.")
    var target: String

    @Option(name: .shortAndLong, help: "What the result is, in a sentence.")
    var message: String?

    @OptionGroup var arguments: ExtractArguments
    @OptionGroup var recompute: RecomputeOption
    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let target = try Reference(parsing: target)
        let (baseFolder, tunedFolder) = (try ModelFolder(opening: base), try ModelFolder(opening: tuned))
        try baseFolder.requireEqualOthers(in: tunedFolder)
        let isTarget = try arguments.targets(in: baseFolder)
        let (baseDigest, tunedDigest) = (try digest(baseFolder), try digest(tunedFolder))
        let model = try description(baseDigest)
        var settings = arguments.options.metadata
        settings["base"] = .string(baseDigest.description)
        settings["tuned"] = .string(tunedDigest.description)
        settings["baseName"] = .string(baseName ?? model.name ?? "")
        settings["targetModules"] = .string(arguments.targetModules)
        var extraction: Extraction?
        func compute() throws -> ComputedAdapter {
            let done = try extract(BaseWeights(tunedFolder), BaseWeights(baseFolder), model: model, isTarget)
            extraction = done
            return done.computed
        }
        let result = ComputedResult(
            operation: .extract, computed: try compute(),
            others: Provenance.Parent.outside([("base", "base"), ("tuned", "tuned")], of: settings),
            settings: settings, options: options, exactResult: "the difference of the models")
        var document =
            try result.store(
                as: target, expecting: expectation.expectedTag, message: message, recomputing: recompute.isSet
            ).map ?? [:]
        // What the store had does not say what it left out.
        if let extraction { try describe(extraction, &document) }
        if options.json { try StandardOutput.write(JSON.text(.map(document), indented: true) + "\n") }
    }

    private func describe(_ extraction: Extraction, _ document: inout [String: MetadataValue]) throws {
        document["full"] = .array(extraction.full.map(MetadataValue.string))
        document["leftOut"] = .array(extraction.leftOut.map(MetadataValue.string))
        document["unchangedCount"] = MetadataValue(extraction.unchangedCount)
        if !extraction.leftOut.isEmpty {
            options.console.warn(
                "\(extraction.leftOut.count) changed tensors are left out: "
                    + "\(Console.printable(extraction.leftOut.prefix(3).joined(separator: ", ")))"
                    + (extraction.leftOut.count > 3 ? ", …" : ""))
        }
        if !options.json, !options.quiet {
            try StandardOutput.write(
                "\(extraction.full.count) tensors kept whole, \(extraction.unchangedCount) unchanged\n")
        }
    }

    private func extract(
        _ tuned: BaseWeights, _ base: BaseWeights, model: BaseModel, _ isTarget: (@Sendable (String) throws -> Bool)?
    ) throws -> Extraction {
        let sizes = base.tensors.mapValues(\.byteCount)
        let progress = options.console.progress("Comparing", totalByteCount: sizes.values.reduce(0, +))
        defer { progress.finish() }
        return try Extract.extract(tuned, from: base, model: model, options: arguments.options, isTarget: isTarget) {
            progress.advance(by: sizes[$0] ?? 0)
        }
    }

    private func digest(_ folder: ModelFolder) throws -> Digest {
        let progress = options.console.progress(
            "Hashing \(folder.path)",
            totalByteCount: folder.entries.reduce(0) { $0 + $1.byteCount })
        defer { progress.finish() }
        return try folder.weightsDigest(progress: progress.advance)
    }

    /// What the adapter says of the base model.
    private func description(_ digest: Digest) throws -> BaseModel {
        let folder = base.split(separator: "/").last.map(String.init)
        var model = try baseName.map { try BaseModel(parsing: $0) } ?? BaseModel(name: folder)
        model.digest = digest
        return model
    }
}
