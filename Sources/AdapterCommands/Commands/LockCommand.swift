internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import FileSystem
internal import Integrity

struct LockCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock",
        abstract: "Write or refresh adapters.lock: which bytes stand behind which names.",
        discussion: """
            Keep the file under version control and let CI run 'verify --lock'. Without names, what the file locks is \
            locked anew.

              adapterctl lock 'team/*' --signed-by release
              adapterctl lock
              adapterctl verify --lock adapters.lock --format github
            """)

    @Argument(help: "Names or patterns, in which * stands for any text; NAME:TAG locks one tag.")
    var names: [String] = []

    @Option(name: .shortAndLong, help: "The lock file.")
    var output = "adapters.lock"

    @Option(
        name: .customLong("signed-by"),
        help: ArgumentHelp(
            "Demand a signature by this trusted key in every verification; may be repeated.", valueName: "key"))
    var signers: [String] = []

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let registry = try options.openRegistry(.readOnly)
        let exists = Directory.kind(of: output) != nil
        // Names on the command line say all anew, so a file that was damaged can be written again.
        let before = names.isEmpty && exists ? try LockFile(readingFile: output) : nil
        guard let names = before?.names ?? (names.isEmpty ? nil : names) else {
            throw ValidationError("Name what to lock, such as 'team/*': there is no '\(output)' yet.")
        }
        let signers = try signers.isEmpty ? before?.signers ?? [] : signers.map { try KeyName(parsing: $0).description }
        let progress = options.console.progress("Locking")
        let lock = try registry.lock(names, signers: signers)
        progress.finish()
        let file = try OutputFile(beside: output)
        try file.write(Array(lock.text.utf8))
        try file.commit(as: output)
        try options.console.answer(
            [
                "path": .string(output), "names": .array(lock.names.map { .string($0) }),
                "signedBy": .array(lock.signers.map { .string($0) }),
                "adapters": .array(
                    lock.entries.values.sorted { $0.reference.description < $1.reference.description }.map { entry in
                        [
                            "reference": .string(entry.reference.description),
                            "digest": .string(entry.digest.description),
                            "contentRoot": .string(entry.contentRoot.description),
                        ]
                    }),
            ], identifiers: [output], text: "Locked \(lock.entries.count) adapters in \(output)")
    }
}
