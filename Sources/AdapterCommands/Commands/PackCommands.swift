internal import AdapterFormat
internal import AdapterInterchange
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import FileSystem
internal import Integrity

struct PackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Turn an adapter in any known layout into an .adpt file, without a registry.",
        discussion: """
              adapterctl pack ./my-adapter -o my-adapter.adpt
              adapterctl pack ./my-adapter -o mapped.adpt --codec raw
              adapterctl pack style.safetensors -o style.adpt --base ./stable-diffusion-v1-5
            """)

    @Argument(help: "The folder or file; an .adpt file is stored with another codec.")
    var path: String

    @Option(name: .shortAndLong, help: "The file to write.")
    var output: String

    @Option(help: "How tensors are stored: planes (the most compact), zstd, or raw to map the file into memory.")
    var codec: WritingCodec = .planes

    @OptionGroup var baseArguments: BaseFolderArguments
    @OptionGroup var loss: LossArguments

    @Flag(help: "Replace what stands at the path.")
    var force = false

    @OptionGroup var options: GlobalOptions

    func run() throws {
        guard force || Directory.kind(of: output) == nil else {
            throw FileSystemError(
                .alreadyExists, "Unable to write '\(output)': it exists already. Use --force to replace it.",
                path: output)
        }
        let loaded = try LoadedAdapter(
            .path(path), label: path, options: options, reading: try loss.reading(base: baseArguments.base))
        loaded.warnOfConversion(options.console)
        let progress = options.console.progress("Packing", totalByteCount: loaded.adapter.tensorByteCount)
        let written = try RewrittenFile(
            loaded.adapter, of: loaded.file, provenance: try loaded.provenance(), beside: output, codec: codec,
            limits: options.limits, progress: progress.advance)
        try loaded.checkUnchanged()
        let byteCount = written.byteCount
        try written.output.commit(as: output)
        progress.finish()
        let tensors = loaded.adapter.tensorByteCount
        try options.console.answer(
            [
                "path": .string(output), "contentRoot": .string(written.contentRoot.description),
                "byteCount": MetadataValue(byteCount), "tensorByteCount": MetadataValue(tensors),
            ], identifiers: [written.contentRoot.description],
            text: """
                Packed \(path) into \(output)
                  content root  \(written.contentRoot)
                  \(Format.bytes(tensors)) as tensors, \(Format.bytes(byteCount)) stored
                """)
    }
}

struct UnpackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpack",
        abstract: "Turn an .adpt file into another layout, verified, without a registry.",
        discussion: """
            The header's and each chunk's digest are checked before their bytes are used. Of a signed file, and with
            --signed-by, the content root is recomputed from the values besides, and nothing appears unless it is right.

              adapterctl unpack my-adapter.adpt -o ./my-adapter
              adapterctl unpack my-adapter.adpt -o my-adapter.gguf --base ./Llama-3.1-8B
              adapterctl unpack my-adapter.adpt -o ./my-adapter --signed-by release
            """)

    @Argument(help: "The .adpt file.")
    var path: String

    @Option(name: .shortAndLong, help: "The folder or file to write.")
    var output: String

    @OptionGroup var layoutArguments: OutputLayoutArguments
    @OptionGroup var baseArguments: BaseFolderArguments

    @OptionGroup var signatures: SignatureArguments

    @Flag(help: "Replace what stands at the path.")
    var force = false

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let policy = try signatures.policy()
        var file = try AdapterFile(opening: path, limits: options.limits)
        // A signature is for the content root, so what it vouches for is known only when that was recomputed.
        let isRecomputed = file.hasSignatures || policy.demandsKeys
        if isRecomputed { file = try file.gatheringContent() }
        let signers = try policy.check(file.contentRoot, signedBy: file.signatures())
        let layout = layoutArguments.layout(for: output)
        let prepared = try AdapterExport(
            adapter: file.adapter, original: file, layout: layout, path: output,
            writing: try layoutArguments.loss.writing(base: baseArguments.base, replacing: force), options: options
        ).prepare()
        do {
            if isRecomputed { try file.verifyContent() }
        } catch var error as FormatError {
            error.path = path
            throw error
        }
        try prepared.commit()
        let verified =
            (isRecomputed ? "verified as content root" : "every chunk verified; content root as stated:")
            + " \(file.contentRoot)" + (signers.isEmpty ? "" : ", signed by \(signers.joined(separator: ", "))")
        let document: [String: MetadataValue] = [
            "path": .string(output), "contentRoot": .string(file.contentRoot.description),
            "verified": isRecomputed ? "content" : "chunks", "signedBy": .array(signers.map(MetadataValue.string)),
            "tensorByteCount": MetadataValue(file.adapter.tensorByteCount), "layout": .string(layout.name),
        ]
        try options.console.answer(
            .map(document.merging(prepared.document) { $1 }), identifiers: [output],
            text: "Unpacked \(path) to \(output), \(verified)\(prepared.lines)")
    }
}
