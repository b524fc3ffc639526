internal import AdapterInterchange
internal import AdapterTraining
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import FileSystem

/// The model that a run is about.
struct BaseArguments: ParsableArguments {
    @Option(
        name: [.long, .customLong("model")],
        help: ArgumentHelp(
            "The base model: a Hugging Face folder with config.json, safetensors and tokenizer.json.", valueName: "dir")
    )
    var base: String

    @Option(
        help: ArgumentHelp("The tokenizer's file; default: tokenizer.json in the model's folder.", valueName: "file"))
    var tokenizer: String?

    @Option(help: "The base model's name in adapters, NAME or NAME@REVISION; default: the folder's name.")
    var baseName: String?

    @Option(help: "The threads that compute; any number gives the same bits. Default: one for each processor.")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads must be 1 to 1024.") }
    }

    var workers: Workers { threads.map { Workers(count: $0) } ?? Workers() }

    func openTokenizer() throws -> Tokenizer {
        try Tokenizer(opening: tokenizer ?? base + "/tokenizer.json")
    }

    /// What adapters say of the model.
    func description(_ folder: ModelFolder, _ console: Console) throws -> BaseModel {
        var path = base
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        var description =
            try baseName.map { try BaseModel(parsing: $0) }
            ?? BaseModel(name: path.split(separator: "/").last.map(String.init))
        let progress = console.progress(
            "Hashing the base model", totalByteCount: folder.entries.reduce(0) { $0 + $1.byteCount })
        defer { progress.finish() }
        description.digest = try folder.weightsDigest(progress: progress.advance)
        return description
    }

    /// The token that ends a text: what the tokenizer's configuration says, else the model's.
    func endToken(_ tokenizer: Tokenizer, _ configuration: MetadataValue?) throws -> Int32? {
        let path = base + "/tokenizer_config.json"
        if Directory.kind(of: path) != nil {
            let document: MetadataValue
            do {
                document = try JSON.parse(
                    InputFile.contents(of: path, limit: 64 << 20), approximatesLargeIntegers: true)
            } catch let error as ByteCodingError {
                throw InputError(description: "Unable to read '\(path)': \(error). Correct the file.")
            }
            let content = document["eos_token"]?.string ?? document["eos_token"]?["content"]?.string
            if let content, let id = tokenizer.addedToken(content) { return id }
        }
        let ids = configuration?["eos_token_id"].map { $0.array ?? [$0] } ?? []
        return ids.lazy.compactMap(\.integer).first { (0..<tokenizer.tokenCount).contains($0) }.map { Int32($0) }
    }
}
