internal import AdapterRegistry
internal import ArgumentParser

/// What somebody may have meant who named a command that does not exist.
struct CommandSuggestion {
    /// The commands above it.
    private let path: [String]
    private let word: String
    private let nearest: String?

    /// Nil when the arguments name a command, or none at all.
    init?(for arguments: [String]) {
        var type: any ParsableCommand.Type = Adapterctl.self
        var path = ["adapterctl"]
        for word in arguments {
            guard !type.configuration.subcommands.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
            guard let next = type.subcommand(named: word) else {
                let commands = type.configuration.subcommands.filter { $0.configuration.shouldDisplay }
                self.path = path
                self.word = word
                nearest = CommandSuggestion.nearest(to: word, among: commands.flatMap { $0.names })
                return
            }
            type = next
            path.append(word)
        }
        return nil
    }

    /// The command with the fewest edits, or the only one that begins so.
    private static func nearest(to word: String, among names: [String]) -> String? {
        let beginning = names.filter { $0.hasPrefix(word) }
        return beginning.count == 1 ? beginning[0] : Suggestion.nearest(to: word, among: names)
    }

    var text: String {
        let command = path.joined(separator: " ")
        let question = nearest.map { " Did you mean '\(command) \($0)'?" } ?? ""
        return """
            \(Adapterctl._errorPrefix)'\(command)' has no command '\(Format.printable(word))'.\(question)
            See '\(command) --help' for those that exist.
            """
    }
}
