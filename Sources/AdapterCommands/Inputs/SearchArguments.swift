internal import AdapterArithmetic
internal import AdapterInterchange
internal import AdapterTraining
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import Integrity

/// Options of `merge --search`.
struct SearchArguments: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Find the weights with the least loss on validation data, by a grid and then one weight at a time.",
            discussion: "Needs --base and --data; starts from the weights that are given."))
    var search = false

    @Option(help: ArgumentHelp("With --search: the folder of the base model.", valueName: "dir"))
    var base: String?

    @Option(help: ArgumentHelp("With --search: what to validate with, as for eval.", valueName: "file"))
    var data: String?

    @Option(help: "With --search: the most sets of weights that are tried.")
    var searchBudget = 40

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("With --search: between which numbers weights lie.", valueName: "low,high"))
    var searchRange: SearchRange = .unit

    @Option(help: "With --search: the most tokens of a row.")
    var maxSeqLength = 512

    @Flag(help: "With --search: judge by answers and completions alone.")
    var maskPrompt = false

    @Option(
        name: .customLong("chat-template"), help: "With --search: how conversations are written, as for eval.")
    var template: ChatTemplate?

    @Option(help: "With --search: longer rows: truncate, drop or refuse.")
    var truncation: TruncationPolicy = .truncate

    @Option(help: ArgumentHelp("With --search: the tokenizer's file, as for eval.", valueName: "file"))
    var tokenizer: String?

    @Option(help: "With --search: the threads that compute; any number gives the same weights.")
    var threads: Int?

    func validate() throws {
        guard search else {
            guard base == nil, data == nil else { throw ValidationError("--base and --data need --search.") }
            return
        }
        guard base != nil, data != nil else { throw ValidationError("--search needs --base DIR and --data FILE.") }
        guard (1...100_000).contains(searchBudget) else {
            throw ValidationError("--search-budget must be 1 to 100000.")
        }
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads must be 1 to 1024.") }
    }

    /// The weights with the least loss, with all that were tried and what the result is to tell of it.
    ///
    /// - Parameters:
    ///   - start: where the search starts.
    ///   - merged: the adapter that weights make.
    func run(
        from start: [Double], _ options: GlobalOptions, merged: ([Double]) throws -> Adapter
    ) throws -> (best: WeightSearch.Evaluation, search: WeightSearch, record: SearchRecord)? {
        guard search, let base, let data else { return nil }
        var words = ["--data", data, "--max-seq-length", "\(maxSeqLength)", "--truncation", truncation.rawValue]
        if maskPrompt { words.append("--mask-prompt") }
        if let template { words += ["--chat-template", template.rawValue] }
        var baseWords = ["--base", base]
        if let tokenizer { baseWords += ["--tokenizer", tokenizer] }
        if let threads { baseWords += ["--threads", "\(threads)"] }
        let model = try SearchedModel(
            BaseArguments.parse(baseWords), DataArguments.parse(words), console: options.console)
        var search = try WeightSearch(from: start, range: searchRange.range, budget: searchBudget)
        let progress = options.console.progress("Trying weights")
        var count = 0
        let best = try search.run { weights in
            count += 1
            progress.count(count, of: searchBudget)
            return try model.loss(of: merged(weights))
        }
        progress.finish()
        guard let best, best.loss.isFinite else {
            throw InputError(description: "Unable to merge: no weights that were tried give a finite loss.")
        }
        return (best, search, SearchRecord(settings: model.settings, model.dataset, search, best: best))
    }
}

/// Two numbers, `LOW,HIGH`.
struct SearchRange: ExpressibleByArgument {
    static let unit = SearchRange(range: 0...1)

    let range: ClosedRange<Double>

    init(range: ClosedRange<Double>) { self.range = range }

    init?(argument: String) {
        let numbers = argument.split(separator: ",").compactMap { Double($0) }
        guard numbers.count == 2, numbers.allSatisfy(\.isFinite), numbers[0] < numbers[1] else { return nil }
        range = numbers[0]...numbers[1]
    }

    var defaultValueDescription: String { "0,1" }
}

/// A base model and the data that adapters are judged by.
private struct SearchedModel {
    private static let batchTokenCount = 1024

    let dataset: Dataset
    /// What decides losses: digests of model and data, and how rows become tokens.
    let settings: [String: MetadataValue]
    private let weights: TransformerWeights<Float>
    private let workers: Workers

    init(_ base: BaseArguments, _ data: DataArguments, console: Console) throws {
        let tokenizer = try base.openTokenizer()
        let folder = try ModelFolder(opening: base.base)
        let endToken = try base.endToken(tokenizer, folder.configuration())
        let file: DataFile
        (dataset, file) = try data.dataset(data.data, tokenizer, endToken: endToken, console)
        weights = try TransformerWeights(folder)
        var settings = data.settings(tokenizer)
        settings["max_seq_length"] = MetadataValue(data.maxSeqLength)
        settings["base"] = MetadataValue(try base.description(folder, console).digest?.description)
        settings["val_data"] = .string(file.digest.description)
        self.settings = settings
        workers = base.workers
    }

    /// The loss with an adapter on the model.
    func loss(of adapter: Adapter) throws -> Double {
        let model = try Transformer(
            evaluating: dataset, weights, stack: [(adapter, 1, "the merged adapter")],
            batchTokens: SearchedModel.batchTokenCount, workers: workers)
        return try Evaluation(model, dataset).loss
    }
}
