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
        let provenance = try loaded.provenance()
        let progress = options.console.progress("Packing", totalByteCount: loaded.adapter.tensorByteCount)
        var file = try OutputFile(beside: output)
        let written = try AdapterFileWriter.write(
            loaded.adapter, to: file, codec: codec, provenance: provenance,
            progress: progress.advance)
        // Another codec leaves the content root as it is, and so the signatures valid.
        if let signatures = try loaded.file?.signatures(), !signatures.isEmpty {
            let unsigned = try AdapterFile(opening: file.temporaryPath, limits: options.limits)
            let signed = try OutputFile(beside: output)
            try AdapterFileWriter.copy(unsigned, signatures: signatures, to: signed, limits: options.limits)
            file = signed
        }
        let byteCount = file.offset
        try file.commit(as: output)
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
            The header's and each chunk's digest are checked before their bytes are used.

              adapterctl unpack my-adapter.adpt -o ./my-adapter
              adapterctl unpack my-adapter.adpt -o my-adapter.gguf --base ./Llama-3.1-8B
            """)

    @Argument(help: "The .adpt file.")
    var path: String

    @Option(name: .shortAndLong, help: "The folder or file to write.")
    var output: String

    @OptionGroup var layoutArguments: OutputLayoutArguments
    @OptionGroup var baseArguments: BaseFolderArguments

    @Flag(help: "Replace what stands at the path.")
    var force = false

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let file = try AdapterFile(opening: path, limits: options.limits)
        let layout = layoutArguments.layout(for: output)
        let prepared = try AdapterExport(
            adapter: file.adapter, layout: layout, path: output,
            writing: try layoutArguments.loss.writing(base: baseArguments.base, replacing: force), options: options
        ).prepare()
        try prepared.commit()
        let document: [String: MetadataValue] = [
            "path": .string(output), "contentRoot": .string(file.contentRoot.description),
            "tensorByteCount": MetadataValue(file.adapter.tensorByteCount), "layout": .string(layout.name),
        ]
        try options.console.answer(
            .map(document.merging(prepared.document) { $1 }), identifiers: [output],
            text: "Unpacked \(path) to \(output), verified as content root \(file.contentRoot)\(prepared.lines)")
    }
}
