internal import AdapterTraining
public import ArgumentParser
internal import ByteCoding

/// The data of a run and how its rows become tokens.
struct DataArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What to learn from: JSON lines with text, prompt and completion, or messages; or plain text.",
            valueName: "file"))
    var data: String

    @Option(
        name: [.long, .customLong("chat-template")],
        help: "How conversations are written: chatml, llama3 or mistral; default: by the tokenizer's tokens.")
    var template: ChatTemplate?

    @Flag(help: "Learn answers and completions alone.")
    var maskPrompt = false

    @Option(help: "The most tokens of a row.")
    var maxSeqLength = 512

    @Option(help: "Longer rows: truncate, drop or refuse.")
    var truncation: TruncationPolicy = .truncate

    /// Reads a file and makes examples of it, and says what was lost.
    func dataset(
        _ path: String, _ tokenizer: Tokenizer, endToken: Int32?, _ console: Console
    ) throws -> (dataset: Dataset, file: DataFile) {
        let file = try DataFile(opening: path)
        let template = template ?? ChatTemplate.detected(in: tokenizer)
        if let template, tokenizer.addedToken(template.endToken) == nil {
            console.warn("the tokenizer has no token '\(template.endToken)', which ends turns in \(template.rawValue)")
        }
        let maker = try ExampleMaker(
            tokenizer,
            DataOptions(
                maximumLength: maxSeqLength, truncation: truncation, masksPrompt: maskPrompt, template: template,
                endToken: endToken))
        let dataset = try maker.dataset(file)
        warn(dataset, path, console)
        return (dataset, file)
    }

    private func warn(_ dataset: Dataset, _ path: String, _ console: Console) {
        let losses = dataset.losses
        func warn(_ count: Int, _ what: String) {
            if count > 0 { console.warn("\(path): \(count) row\(count == 1 ? "" : "s") \(what)") }
        }
        warn(losses.truncatedCount, "longer than \(maxSeqLength) tokens, cut off there")
        warn(losses.tooLongCount, "longer than \(maxSeqLength) tokens, left out")
        warn(losses.unlearnedCount, "in which nothing is learned, left out")
        if dataset.neverLearnsToStop {
            console.warn("\(path): the token that ends an answer is learned nowhere; the model will not learn to stop")
        }
    }

    /// What decides the examples beside the file.
    func settings(_ tokenizer: Tokenizer) -> [String: MetadataValue] {
        [
            "chat_template": MetadataValue((template ?? ChatTemplate.detected(in: tokenizer))?.rawValue),
            "mask_prompt": .bool(maskPrompt), "truncation": .string(truncation.rawValue),
        ]
    }
}

extension ChatTemplate: ExpressibleByArgument {}
extension TruncationPolicy: ExpressibleByArgument {}
