internal import AdapterFormat
internal import AdapterInterchange
internal import AdapterRegistry
internal import AdapterTraining
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import Integrity

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Fine-tune a base model and store the adapter.",
        discussion: """
            Trains low-rank updates (LoRA) of a Llama, Mistral, Qwen 2 or Qwen 3 model on this machine's processor. Every \
            checkpoint is a version under the target's tag that names its data, its base and its losses; after a crash \
            the same command with --resume goes on, bit for bit. The same seed gives the same adapter.

              adapterctl train --base ./SmolLM2-135M --data chat.jsonl --mask-prompt -t team/support:v1
              adapterctl train --base ./SmolLM2-135M --data book.txt --val-split 0.05 --max-steps 400 --lr 1e-3 -t team/style
              adapterctl train --base ./SmolLM2-135M --data chat.jsonl --mask-prompt --show-batch
            """)

    @OptionGroup var base: BaseArguments
    @OptionGroup var data: DataArguments

    @Option(help: ArgumentHelp("Data to validate with.", valueName: "file"))
    var valData: String?

    @Option(help: "The part of the data to validate with instead.")
    var valSplit: Double?

    @Option(name: .shortAndLong, help: "The name of the adapter.")
    var target: String?

    @OptionGroup var training: TrainingArguments

    @Option(
        name: .customLong("on"),
        help:
            "REF=WEIGHT: a stored adapter, or all of a stored stack, that lies on the base and stays as it is; may be repeated."
    )
    var stack: [String] = []

    @Flag(help: "Go on where the target's run stopped; the other arguments must be those it was begun with.")
    var resume = false

    @Option(name: .customLong("keep-states"), help: "The states to go on from that are kept.")
    var keptStates = 1

    @Flag(help: "Print what the first batch learns from and what it masks, and stop.")
    var showBatch = false

    @Option(name: .shortAndLong, help: "What the adapter is, in a sentence.")
    var message: String?

    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard let target else {
            guard showBatch else { throw ValidationError("Name the adapter: -t NAME.") }
            return try checkValidation()
        }
        _ = try Reference(parsing: target)
        try checkValidation()
    }

    private func checkValidation() throws {
        if let valSplit, !(valSplit > 0 && valSplit < 1) {
            throw ValidationError("--val-split must be above 0 and below 1.")
        }
        if valSplit != nil, valData != nil { throw ValidationError("--val-data and --val-split exclude each other.") }
        if training.earlyStoppingPatience != nil, valData == nil, valSplit == nil {
            throw ValidationError("--early-stopping-patience needs --val-data or --val-split.")
        }
        guard keptStates >= 1 else { throw ValidationError("--keep-states must be at least 1.") }
    }

    func run() throws {
        let tokenizer = try base.openTokenizer()
        let folder = try ModelFolder(opening: base.base)
        let endToken = try base.endToken(tokenizer, folder.configuration())
        var (dataset, file) = try data.dataset(data.data, tokenizer, endToken: endToken, options.console)
        let configuration = try training.configuration(maximumLength: data.maxSeqLength)
        let validation = try validation(&dataset, file, tokenizer, endToken, seed: configuration.seed)
        guard !showBatch else { return try showBatch(dataset, configuration, tokenizer) }
        guard let target else { return }
        try train(
            Reference(parsing: target), folder, dataset, validation, configuration,
            settings: data.settings(tokenizer).merging(["data": .string(file.digest.description)]) { own, _ in own })
    }

    /// The rows to validate with and what decided them.
    private func validation(
        _ dataset: inout Dataset, _ file: DataFile, _ tokenizer: Tokenizer, _ endToken: Int32?, seed: UInt64
    ) throws -> (dataset: Dataset, settings: [String: MetadataValue])? {
        if let valData {
            let validation = try data.dataset(valData, tokenizer, endToken: endToken, options.console)
            return (validation.dataset, ["val_data": .string(validation.file.digest.description)])
        }
        guard let valSplit else { return nil }
        let isStream = file.rows.contains { if case .stream = $0 { true } else { false } }
        let part = try dataset.splitOff(fraction: valSplit, seed: seed, isStream: isStream)
        return (part, ["val_split": .double(valSplit)])
    }

    private func showBatch(_ dataset: Dataset, _ configuration: TrainingConfiguration, _ tokenizer: Tokenizer) throws {
        var order = BatchOrder(
            dataset, batchSize: configuration.batchSize,
            packLength: configuration.packs ? configuration.maximumLength : nil, seed: configuration.seed)
        var position = BatchOrder.Position()
        let rows = order.next(&position)
        let display = BatchDisplay(tokenizer: tokenizer, examples: rows.map { dataset.examples[$0] })
        try options.console.answer(display.document, identifiers: rows.map { String($0 + 1) }, text: display.text)
    }

    /// What the run lies on, each stored: a result names its parents by digest.
    private func frozenAdapters() throws -> [StoredParent] {
        try stack.flatMap { text in
            let weighted = try WeightedReference(parsing: text)
            guard case .reference = weighted.subject else {
                throw InputError.referenceNeeded(weighted.text, verb: "train on")
            }
            return try StackedAdapter.open(text, options: options).map { StoredParent($0.loaded, weight: $0.weight) }
        }
    }

    private func train(
        _ target: Reference, _ folder: ModelFolder, _ dataset: Dataset,
        _ validation: (dataset: Dataset, settings: [String: MetadataValue])?, _ configuration: TrainingConfiguration,
        settings: [String: MetadataValue]
    ) throws {
        let parents = try frozenAdapters()
        let description = try base.description(folder, options.console)
        var settings = settings.merging(validation?.settings ?? [:]) { own, _ in own }
        settings["base"] = MetadataValue(description.digest?.description)
        if !parents.isEmpty {
            settings["on"] = .array(
                parents.map { [MetadataValue($0.loaded.digest?.description), .double($0.weight ?? 1)] })
        }
        let registry = try options.openRegistry(.readWrite)
        let run = try resume ? storedRun(target, registry) : nil
        if let run, run.isFinal { return try answer(run, target, registry.resolve(target)) }
        let trainer = try Trainer(
            TransformerWeights(folder), base: description, training: dataset, validation: validation?.dataset,
            configuration: configuration, settings: settings,
            stack: parents.map { ($0.loaded.adapter, $0.weight ?? 1, $0.loaded.label) },
            continuing: run?.openState(in: registry), workers: base.workers)
        StopSignal.watch()
        try announce(trainer, dataset)
        let sink = RegistryCheckpointSink(
            registry, target: target,
            settings: settings.merging(configuration.document) { own, _ in own },
            data: [
                "training": DataSummary(dataset).document,
                "validation": validation.map { DataSummary($0.dataset).document } ?? .null,
            ],
            parents: parents.compactMap(\.provenance).map { parent in
                var parent = parent
                parent.role = "frozen"
                return parent
            }
                + Provenance.Parent.outside(
                    [("base", "base"), ("data", "data"), ("validation", "val_data")], of: settings),
            message: message, keptStates: keptStates, parameterBudget: trainer.parameterBudget,
            expected: try expectation.expectedTag, continuing: run)
        let progress = TrainingProgress(options)
        try trainer.run(sink, shouldStop: { StopSignal.isRaised }, report: progress.report)
        progress.finish()
        guard let stored = sink.stored, let done = try storedRun(target, registry) else { return }
        try answer(done, target, stored)
    }

    /// The run that the target's version tells of; nil when there is no such version yet.
    private func storedRun(_ target: Reference, _ registry: Registry) throws -> StoredRun? {
        let stored: StoredAdapter
        do {
            stored = try registry.resolve(target)
        } catch let error as RegistryError where error.code == .notFound {
            return nil
        }
        guard let run = StoredRun(try registry.open(stored).provenance(), digest: stored.digest) else {
            throw InputError(
                description:
                    "Unable to resume '\(target)': it was not trained here. Leave --resume out to begin a new run.")
        }
        return run
    }

    /// Says what will be done before it is.
    private func announce(_ trainer: Trainer, _ dataset: Dataset) throws {
        let summary = DataSummary(dataset)
        if options.json {
            let plan: MetadataValue = [
                "event": "plan", "byteCount": MetadataValue(trainer.plannedByteCount),
                "rows": MetadataValue(dataset.examples.count), "dropped": MetadataValue(summary.droppedCount),
                "step": MetadataValue(trainer.step), "steps": MetadataValue(trainer.totalSteps),
                "values": MetadataValue(trainer.updates.elementCount),
                "layers": MetadataValue(trainer.updates.updates.count),
            ]
            try StandardOutput.write(JSON.text(plan) + "\n")
            return try StandardOutput.flush()
        }
        guard !options.quiet else { return }
        StandardError.write(
            "\(summary.text); \(trainer.totalSteps) steps from step \(trainer.step); "
                + "\(Format.count(trainer.updates.elementCount)) values trained in \(trainer.updates.updates.count) layers; "
                + "\(Format.bytes(trainer.plannedByteCount)) planned\n")
    }

    private func answer(_ run: StoredRun, _ target: Reference, _ stored: StoredAdapter) throws {
        let description = RunDescription(run: run)
        var document = description.document
        document["reference"] = .string(target.description)
        document["digest"] = .string(stored.digest.description)
        document["contentRoot"] = .string(stored.contentRoot.description)
        document["byteCount"] = MetadataValue(stored.byteCount)
        if options.json {
            document["event"] = "done"
            return try StandardOutput.write(JSON.text(.map(document)) + "\n")
        }
        try options.console.answer(
            .map(document), identifiers: [stored.digest.description],
            text: """
                Trained \(target)
                  digest        \(stored.digest)
                  content root  \(stored.contentRoot)
                \(description.text)
                """)
    }
}
