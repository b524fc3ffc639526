internal import AdapterInterchange
internal import AdapterTraining
internal import ArgumentParser
internal import ByteCoding

struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Loss and perplexity of a base model with any weighted adapters.",
        discussion: """
            The adapters lie on the base unmerged; nothing is stored.

              adapterctl eval --base ./SmolLM2-135M --data test.jsonl --mask-prompt
              adapterctl eval --base ./SmolLM2-135M --data test.jsonl team/support:v1 team/tone:v1=0.5
            """)

    @OptionGroup var base: BaseArguments
    @OptionGroup var data: DataArguments

    @Argument(help: "The adapters: REF, REF=WEIGHT, or paths; a stored stack counts as all of its own.")
    var adapters: [String] = []

    @Option(help: "The tokens that are computed together.")
    var batchTokens = 1024

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard (2...1 << 20).contains(batchTokens) else { throw ValidationError("--batch-tokens must be 2 to 1048576.") }
    }

    func run() throws {
        let tokenizer = try base.openTokenizer()
        let folder = try ModelFolder(opening: base.base)
        let endToken = try base.endToken(tokenizer, folder.configuration())
        let dataset = try data.dataset(data.data, tokenizer, endToken: endToken, options.console).dataset
        let stack = try adapters.flatMap { try StackedAdapter.open($0, options: options) }.map(\.part)
        let weights = try TransformerWeights<Float>(folder)
        let model = try Transformer(
            evaluating: dataset, weights, stack: stack, batchTokens: batchTokens, workers: base.workers)
        let progress = options.console.progress("Evaluating")
        let evaluation = try Evaluation(model, dataset) { progress.count($0, of: dataset.examples.count) }
        progress.finish()
        try options.console.answer(
            [
                "loss": .double(evaluation.loss), "perplexity": .double(evaluation.perplexity),
                "tokens": MetadataValue(evaluation.tokenCount), "rows": MetadataValue(dataset.examples.count),
            ], identifiers: ["\(evaluation.loss)"],
            text: """
                loss        \(Format.decimal(evaluation.loss, places: 4))
                perplexity  \(Format.decimal(evaluation.perplexity, places: 2))
                tokens      \(evaluation.tokenCount) learned in \(dataset.examples.count) rows
                """)
    }
}
