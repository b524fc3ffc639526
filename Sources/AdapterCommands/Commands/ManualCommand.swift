internal import ArgumentParser
internal import FileSystem

struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "man",
        abstract: "Print a page of the manual, or write all pages.",
        discussion: """
            The pages are made of the same descriptions as the help.

              adapterctl man merge > adapterctl-merge.1
              adapterctl man key generate > adapterctl-key-generate.1
              adapterctl man --output ./man1
            """)

    @Argument(help: "The command; default: adapterctl itself.")
    var command: [String] = []

    @Option(name: .shortAndLong, help: ArgumentHelp("Write all pages into this folder.", valueName: "dir"))
    var output: String?

    func validate() throws {
        guard output == nil || command.isEmpty else {
            throw ValidationError("--output writes all pages: name no command.")
        }
    }

    func run() throws {
        let pages = try CommandDescription(of: Adapterctl.self).all.map(ManualPage.init)
        guard let output else {
            let path = ["adapterctl"] + command
            guard let page = pages.first(where: { $0.command.path == path }) else {
                throw ValidationError(
                    "'\(path.joined(separator: " "))' is no command. See 'adapterctl --help' for those that exist.")
            }
            return try StandardOutput.write(page.text)
        }
        try Directory.create(output)
        for page in pages {
            let file = try OutputFile(beside: "\(output)/\(page.fileName)")
            try file.write(Array(page.text.utf8))
            try file.commit(as: "\(output)/\(page.fileName)")
        }
    }
}
