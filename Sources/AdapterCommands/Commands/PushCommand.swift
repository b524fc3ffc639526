public import AdapterFormat
internal import AdapterRegistry
internal import Adapters
public import ArgumentParser
internal import ByteCoding
internal import Integrity
internal import Tensors

struct PushCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Store an adapter in the registry under a name.",
        discussion: """
            Reads a PEFT folder or an .adpt file, writes the binary format, stores it and moves the tag, all or nothing.

              adapterctl push ./my-adapter team/support:v1
              adapterctl push ./my-adapter team/support --base meta-llama/Llama-3.1-8B@main --label task=support
            """)

    @Argument(help: "The PEFT folder or the .adpt file.")
    var path: String

    @Argument(help: "The name it gets: NAME or NAME:TAG.")
    var reference: String

    @Option(help: "The base model, NAME, NAME@REVISION or NAME@sha256:DIGEST; default: what the adapter says.")
    var base: String?

    @Option(name: .shortAndLong, help: "What this version is, in a sentence.")
    var message: String?

    @Option(help: "The licence, as an SPDX expression.")
    var license: String?

    @Option(name: .customLong("label"), help: "KEY=VALUE for search; may be repeated.")
    var labels: [String] = []

    @Option(
        help: "How tensors are stored: planes (default, the most compact), zstd, or raw to map the file into memory.")
    var codec: WritingCodec?

    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let reference = try Reference(parsing: reference)
        let loaded = try LoadedAdapter(.path(path), label: path, options: options)
        let adapter = try annotated(loaded.adapter)
        // While one waits for the disk, the other looks at the values.
        let (stored, nonFinite) = try Concurrent.both {
            try store(adapter, from: loaded, as: reference)
        } _: {
            try loaded.nonFiniteTensors()
        }
        if !nonFinite.isEmpty {
            options.console.warn(
                "\(nonFinite.count) tensor\(nonFinite.count == 1 ? " holds" : "s hold") NaN or infinite values, kept as "
                    + "they are: \(nonFinite.prefix(3).joined(separator: ", "))\(nonFinite.count > 3 ? ", …" : "")")
        }
        var document = AdapterDescription(adapter: adapter).document
        document["reference"] = .string(reference.description)
        document["digest"] = .string(stored.digest.description)
        document["contentRoot"] = .string(stored.contentRoot.description)
        document["byteCount"] = MetadataValue(stored.byteCount)
        document["nonFiniteTensors"] = .array(nonFinite.map { .string($0) })
        try options.console.answer(
            .map(document), identifiers: [stored.digest.description],
            text: """
                Pushed \(reference)
                  digest        \(stored.digest)
                  content root  \(stored.contentRoot)
                  \(AdapterDescription(adapter: adapter).summary) · \
                \(Format.bytes(adapter.tensorByteCount)) as tensors, \(Format.bytes(stored.byteCount)) stored
                """)
    }

    private func store(_ adapter: Adapter, from loaded: LoadedAdapter, as reference: Reference) throws -> StoredAdapter
    {
        let registry = try options.openRegistry(.readWrite)
        let expected = try expectation.expectedTag
        let progress = options.console.progress("Pushing", totalByteCount: adapter.tensorByteCount)
        // A file in our own format is stored as it is, so that its digest stays.
        if loaded.file != nil, codec == nil, adapter.base == loaded.adapter.base, adapter.notes == loaded.adapter.notes
        {
            return try registry.push(
                contentsOf: path, as: reference, expected: expected, progress: progress.advance)
        }
        let provenance = try loaded.file?.provenance()
        let stored = try registry.push(
            adapter, as: reference, codec: codec ?? .planes, expected: expected,
            provenance: provenance.map { record in { record } }, signedAs: loaded.file, progress: progress.advance)
        if let file = loaded.file, file.contentRoot != stored.contentRoot, try !file.signatures().isEmpty {
            options.console.warn("the signatures of '\(path)' are not kept: they sign the base model that it names")
        }
        return stored
    }

    private func annotated(_ adapter: Adapter) throws -> Adapter {
        var adapter = adapter
        if let base { adapter.base = try BaseModel(parsing: base) }
        if let message { adapter.notes.message = message }
        if let license { adapter.notes.license = license }
        for label in labels {
            guard let equals = label.firstIndex(of: "="), equals != label.startIndex else {
                throw InputError.malformedLabel(label)
            }
            adapter.notes.labels[String(label[..<equals])] = String(label[label.index(after: equals)...])
        }
        return adapter
    }
}

extension WritingCodec: ExpressibleByArgument {}

extension BaseModel {
    /// A base model from `NAME`, `NAME@REVISION` or `NAME@sha256:DIGEST`.
    init(parsing text: String) throws {
        guard let at = text.lastIndex(of: "@") else {
            self.init(name: text)
            return
        }
        let name = String(text[..<at])
        let suffix = String(text[text.index(after: at)...])
        guard !name.isEmpty, !suffix.isEmpty else { throw InputError.malformedBase(text) }
        if suffix.hasPrefix("sha256:") {
            guard let digest = Digest(parsing: suffix) else { throw InputError.malformedBase(text) }
            self.init(name: name, digest: digest)
        } else {
            self.init(name: name, revision: suffix)
        }
    }
}
