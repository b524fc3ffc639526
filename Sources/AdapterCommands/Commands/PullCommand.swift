internal import AdapterFormat
internal import AdapterInterchange
internal import AdapterRegistry
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import FileSystem
internal import Integrity
internal import Tensors

struct PullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Write a stored adapter to disk, or fetch one from a remote registry, verified.",
        discussion: """
            Every hash of the stored file is recomputed first. The folder or file appears complete or not at all.

              adapterctl pull team/support:v1 -o ./support
              adapterctl pull team/support:v1 -o support.adpt
              adapterctl pull team/support:v1 -o support.gguf --base ./Llama-3.1-8B
              adapterctl pull team/support:v1 -o ./support-mlx --as mlx

            From oci://HOST/NAME[:TAG], or oci:FOLDER[:TAG] for an OCI image layout, the adapter comes into this registry, \
            under the same name unless another is given, or with -o straight to disk.

              adapterctl pull oci://registry.example.com/team/support:v1
              adapterctl pull oci://registry.example.com/team/support:v1 mirror/support:v1
              adapterctl pull oci://registry.example.com/team/support:v1 -o ./support
            """)

    @Argument(help: "The stored adapter, or a remote one.")
    var reference: String

    @Argument(help: "The name that a remote adapter gets in this registry; default: its own.")
    var target: String?

    @Option(name: [.customShort("o"), .customLong("output")], help: "The folder or file to write.")
    var outputPath: String?

    @OptionGroup var layoutArguments: OutputLayoutArguments
    @OptionGroup var baseArguments: BaseFolderArguments

    @Flag(help: "Replace what stands at the path.")
    var force = false

    @Flag(help: "Fetch no provenance statements, bills of materials and signatures along.")
    var noDocuments = false

    @OptionGroup(title: "Remote registries") var connection: RemoteArguments
    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    /// The path to write; wrong usage when there is none.
    var output: String {
        get throws {
            guard let outputPath else { throw ValidationError("Where to? Name a folder or a file with -o.") }
            return outputPath
        }
    }

    func run() throws {
        if let place = try RemotePlace(parsing: reference) { return try pullRemote(place) }
        guard target == nil else {
            throw ValidationError("'\(reference)' is in this registry already. Give it another name with 'tag'.")
        }
        try pullLocal(to: output)
    }

    private func pullLocal(to output: String) throws {
        let reference = try Reference(parsing: reference)
        let registry = try options.openRegistry(.readOnly)
        let stored = try registry.resolve(reference)
        if stored.kind == .stack { return try pull(stack: stored, registry, to: output) }
        let file = try registry.open(stored)
        let layout = layoutArguments.layout(for: output)
        // The file's digest is computed beside the writing; nothing appears unless it is the right one.
        var prepared: AdapterExport.Prepared?
        if layout == .adpt {
            let progress = options.console.progress("Pulling", totalByteCount: file.byteCount)
            let (digest, target) = try Concurrent.both {
                try file.verify()
            } _: {
                try self.copy(file, to: output, progress)
            }
            try check(digest, stored)
            try target.commit(as: output)
            progress.finish()
        } else {
            let export = AdapterExport(
                adapter: file.adapter, layout: layout, path: output,
                writing: try layoutArguments.loss.writing(base: baseArguments.base, replacing: force), options: options)
            let (digest, written) = try Concurrent.both {
                try file.digest()
            } _: {
                try export.prepare()
            }
            try check(digest, stored)
            try written.commit()
            prepared = written
        }
        let document: [String: MetadataValue] = [
            "reference": .string(reference.description), "digest": .string(stored.digest.description),
            "contentRoot": .string(file.contentRoot.description), "path": .string(output),
            "layout": .string(layout.name),
        ]
        try options.console.answer(
            .map(document.merging(prepared?.document ?? [:]) { $1 }), identifiers: [output],
            text:
                "Pulled \(reference) to \(output) as \(layout.name), verified as \(stored.digest)\(prepared?.lines ?? "")"
        )
    }

    /// Writes a folder for each adapter of a stack, and `stack.json` with their weights.
    private func pull(stack stored: StoredAdapter, _ registry: Registry, to output: String) throws {
        guard layoutArguments.layout(for: output) == .foreign(.peft) else {
            throw ValidationError("A stack is pulled as PEFT folders; pull its adapters one by one in another layout.")
        }
        let stack = try registry.stack(stored)
        let folder = try OutputDirectory(creating: output, replacing: force)
        let progress = options.console.progress("Pulling")
        for (index, member) in stack.members.enumerated() {
            progress.count(index, of: stack.members.count)
            let part = try registry.stored(member.digest, as: stored.reference)
            let file = try registry.open(part)
            let (digest, partFolder) = try Concurrent.both {
                try file.digest()
            } _: {
                try PEFT.prepare(file.adapter, asFolder: "\(folder.temporaryPath)/\(member.name)")
            }
            try check(digest, part)
            try partFolder.commit()
        }
        progress.finish()
        var document = StackDescription(stored: stored, stack: stack).document.map ?? [:]
        document["reference"] = .string(stored.reference.description)
        let manifest = try OutputFile(in: folder.temporaryPath)
        try manifest.write(Array((JSON.text(.map(document), indented: true) + "\n").utf8))
        try manifest.commit(as: "\(folder.temporaryPath)/stack.json")
        try folder.commit()
        try options.console.answer(
            [
                "reference": .string(stored.reference.description), "digest": .string(stored.digest.description),
                "contentRoot": .string(stored.contentRoot.description), "path": .string(output), "layout": "stack",
                "adapters": StackDescription.members(stack),
            ], identifiers: [output],
            text: "Pulled \(stored.reference) to \(output), \(stack.members.count) folders and stack.json, verified")
    }

    private func check(_ digest: Digest, _ stored: StoredAdapter) throws {
        guard digest == stored.digest else {
            throw FormatError(
                .digestMismatch,
                "Unable to pull '\(reference)': the stored file does not have the digest \(stored.digest). Push it again."
            )
        }
    }

    private func copy(_ file: AdapterFile, to output: String, _ progress: Progress) throws -> OutputFile {
        try checkFree(output)
        let target = try OutputFile(beside: output)
        try file.forEachPiece { piece in
            try target.write(piece)
            progress.advance(by: piece.count)
        }
        return target
    }

    /// Throws when something stands at the path that may not be replaced.
    func checkFree(_ output: String) throws {
        guard force || Directory.kind(of: output) == nil else {
            throw FileSystemError(
                .alreadyExists, "Unable to write '\(output)': it exists already. Use --force to replace it.",
                path: output)
        }
    }
}
