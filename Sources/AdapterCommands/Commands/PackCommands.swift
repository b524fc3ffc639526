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
        abstract: "Turn a PEFT folder into an .adpt file, without a registry.",
        discussion: """
              adapterctl pack ./my-adapter -o my-adapter.adpt
              adapterctl pack ./my-adapter -o mapped.adpt --codec raw
            """)

    @Argument(help: "The PEFT folder, or an .adpt file to store with another codec.")
    var path: String

    @Option(name: .shortAndLong, help: "The file to write.")
    var output: String

    @Option(help: "How tensors are stored: planes (the most compact), zstd, or raw to map the file into memory.")
    var codec: WritingCodec = .planes

    @Flag(help: "Replace what stands at the path.")
    var force = false

    @OptionGroup var options: GlobalOptions

    func run() throws {
        guard force || Directory.kind(of: output) == nil else {
            throw FileSystemError(
                .alreadyExists, "Unable to write '\(output)': it exists already. Use --force to replace it.",
                path: output)
        }
        let loaded = try LoadedAdapter(.path(path), label: path, options: options)
        let provenance = try loaded.file?.provenance()
        let progress = options.console.progress("Packing", totalByteCount: loaded.adapter.tensorByteCount)
        var file = try OutputFile(beside: output)
        let written = try AdapterFileWriter.write(
            loaded.adapter, to: file, codec: codec, provenance: provenance.map { record in { record } },
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
        abstract: "Turn an .adpt file into a PEFT folder, verified, without a registry.",
        discussion: """
            The header's and each chunk's digest are checked before their bytes are used.

              adapterctl unpack my-adapter.adpt -o ./my-adapter
            """)

    @Argument(help: "The .adpt file.")
    var path: String

    @Option(name: .shortAndLong, help: "The folder to write.")
    var output: String

    @Flag(help: "Replace what stands at the path.")
    var force = false

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let file = try AdapterFile(opening: path, limits: options.limits)
        try PEFT.prepare(file.adapter, asFolder: output, replacing: force).commit()
        try options.console.answer(
            [
                "path": .string(output), "contentRoot": .string(file.contentRoot.description),
                "tensorByteCount": MetadataValue(file.adapter.tensorByteCount),
            ], identifiers: [output],
            text: "Unpacked \(path) to \(output), verified as content root \(file.contentRoot)")
    }
}
