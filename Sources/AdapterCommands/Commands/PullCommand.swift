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
        abstract: "Write a stored adapter to disk, verified.",
        discussion: """
            Every hash of the stored file is recomputed first. The folder or file appears complete or not at all.

              adapterctl pull team/support:v1 -o ./support
              adapterctl pull team/support:v1 -o support.adpt
            """)

    enum Layout: String, CaseIterable, ExpressibleByArgument {
        case peft, adpt
    }

    @Argument(help: "The stored adapter.")
    var reference: String

    @Option(name: .shortAndLong, help: "The folder or file to write.")
    var output: String

    @Option(name: .customLong("as"), help: "The layout; default: adpt when the path ends in .adpt, else peft.")
    var layout: Layout?

    @Flag(help: "Replace what stands at the path.")
    var force = false

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let reference = try Reference(parsing: reference)
        let registry = try options.openRegistry(.readOnly)
        let stored = try registry.resolve(reference)
        if stored.kind == .stack { return try pull(stack: stored, registry) }
        let file = try registry.open(stored)
        let progress = options.console.progress("Pulling", totalByteCount: file.byteCount)
        let layout = layout ?? (output.hasSuffix(".adpt") ? .adpt : .peft)
        // The file's digest is computed beside the writing; nothing appears unless it is the right one.
        switch layout {
        case .peft:
            let (digest, folder) = try Concurrent.both {
                try file.digest()
            } _: {
                try PEFT.prepare(file.adapter, asFolder: output, replacing: force)
            }
            try check(digest, stored)
            try folder.commit()
        case .adpt:
            let (digest, target) = try Concurrent.both {
                try file.verify()
            } _: {
                try self.copy(file, progress)
            }
            try check(digest, stored)
            try target.commit(as: output)
        }
        progress.finish()
        try options.console.answer(
            [
                "reference": .string(reference.description), "digest": .string(stored.digest.description),
                "contentRoot": .string(file.contentRoot.description), "path": .string(output),
                "layout": .string(layout.rawValue),
            ], identifiers: [output],
            text: "Pulled \(reference) to \(output) as \(layout.rawValue), verified as \(stored.digest)")
    }

    /// Writes a folder for each adapter of a stack, and `stack.json` with their weights.
    private func pull(stack stored: StoredAdapter, _ registry: Registry) throws {
        guard layout ?? (output.hasSuffix(".adpt") ? .adpt : .peft) == .peft else {
            throw ValidationError("A stack is pulled as folders; pull its adapters one by one as adpt.")
        }
        let stack = try registry.stack(stored)
        let folder = try OutputDirectory(creating: output, replacing: force)
        for member in stack.members {
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

    private func copy(_ file: AdapterFile, _ progress: Progress) throws -> OutputFile {
        guard force || Directory.kind(of: output) == nil else {
            throw FileSystemError(
                .alreadyExists, "Unable to write '\(output)': it exists already. Use --force to replace it.",
                path: output)
        }
        let target = try OutputFile(beside: output)
        try file.forEachPiece { piece in
            try target.write(piece)
            progress.advance(by: piece.count)
        }
        return target
    }
}
