public import AdapterFormat
internal import AdapterRegistry
internal import Adapters
public import ArgumentParser
internal import ByteCoding
internal import FileSystem
internal import Integrity
internal import Tensors

struct PushCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Store an adapter under a name, or copy it to a remote registry.",
        discussion: """
            Reads an adapter in any known layout (PEFT, kohya, diffusers, MLX, GGUF, safetensors, NumPy, .adpt), writes \
            the binary format, stores it and moves the tag, all or nothing.

              adapterctl push ./my-adapter team/support:v1
              adapterctl push ./my-adapter team/support --base meta-llama/Llama-3.1-8B@main --label task=support
              adapterctl push style.safetensors art/style:v1 --base ./stable-diffusion-v1-5

            With oci://HOST/NAME[:TAG] the adapter is copied to a remote registry, with oci:FOLDER[:TAG] to an OCI image \
            layout, in each case only what is missing there.

              adapterctl push team/support:v1 oci://registry.example.com/team/support:v1
              adapterctl push team/support:v1 oci://registry.example.com/team/support:v1 \
              oci://registry.example.com/team/support:latest
              adapterctl push team/support:v1 oci:./transfer:v1
            """)

    @Argument(help: ArgumentHelp("The folder or file, or the stored adapter to copy.", valueName: "subject"))
    var path: String

    @Argument(
        help: ArgumentHelp(
            "The name it gets, NAME or NAME:TAG; or where it is copied, oci://HOST/NAME[:TAG] or oci:FOLDER[:TAG], several "
                + "of these.", valueName: "reference"))
    var destinations: [String]

    @Option(
        help: ArgumentHelp(
            "The base model, NAME, NAME@REVISION or NAME@sha256:DIGEST; default: what the adapter says.",
            discussion:
                "Or its folder, where the layout needs the model's module list or configuration: what exists as a "
                + "path is one."))
    var base: String?

    @OptionGroup var loss: LossArguments

    @Option(name: .shortAndLong, help: "What this version is, in a sentence.")
    var message: String?

    @Option(help: "The licence, as an SPDX expression.")
    var license: String?

    @Option(name: .customLong("label"), help: "KEY=VALUE for search; may be repeated.")
    var labels: [String] = []

    @Option(
        help: "How tensors are stored: planes (default, the most compact), zstd, or raw to map the file into memory.")
    var codec: WritingCodec?

    @OptionGroup(title: "Remote registries") var remote: RemotePushArguments
    @OptionGroup(title: "Remote registries") var connection: RemoteArguments
    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let places = try destinations.compactMap { try RemotePlace(parsing: $0) }
        if !places.isEmpty {
            guard places.count == destinations.count else {
                throw ValidationError("Push to a name in this registry and to remote ones with one command each.")
            }
            guard base == nil, message == nil, license == nil, labels.isEmpty, codec == nil else {
                throw ValidationError(
                    "A copy is not changed: --base, --message, --license, --label and --codec are for pushing to a name."
                )
            }
            return try pushRemote(to: places)
        }
        guard destinations.count == 1, let destination = destinations.first else {
            throw ValidationError("One name is expected. Set further tags with 'tag'.")
        }
        let reference = try Reference(parsing: destination)
        let loaded = try LoadedAdapter(
            .path(path), label: path, options: options, reading: try loss.reading(base: baseFolder))
        loaded.warnOfConversion(options.console)
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
        // What is stored anew gets the content root of its values, so a file that states another must end here.
        try loaded.file?.verifyContent()
        let provenance = try loaded.provenance()
        let stored = try registry.push(
            adapter, as: reference, codec: codec ?? .planes, expected: expected, provenance: provenance,
            signedAs: loaded.file, confirming: loaded.checkUnchanged, progress: progress.advance)
        if let file = loaded.file, file.contentRoot != stored.contentRoot, try !file.signatures().isEmpty {
            options.console.warn("the signatures of '\(path)' are not kept: they sign the base model that it names")
        }
        return stored
    }

    /// The base model's folder or file; nil where `--base` is a name.
    private var baseFolder: String? { base.flatMap { Directory.kind(of: $0) == nil ? nil : $0 } }

    private func annotated(_ adapter: Adapter) throws -> Adapter {
        var adapter = adapter
        if let base, baseFolder == nil || !(base.hasPrefix(".") || base.hasPrefix("/")) {
            adapter.base = try BaseModel(parsing: base)
        }
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
