internal import ArgumentParser

extension ParsableCommand {
    /// The words that call the command below its parent.
    static var names: [String] { [configuration.commandName].compactMap(\.self) + configuration.aliases }

    /// The subcommand of that name; nil when there is none.
    static func subcommand(named name: String) -> (any ParsableCommand.Type)? {
        configuration.subcommands.first { $0.names.contains(name) }
    }
}
