internal import ArgumentParser
internal import ByteCoding

/// A command as people see it: what manual pages, completions and suggestions are made of.
///
/// Taken from the parser's own description of itself, so that there is no second list of commands or options.
struct CommandDescription {
    /// The words that call it: `adapterctl`, `key`, `generate`.
    let path: [String]
    let aliases: [String]
    let abstract: String
    /// Paragraphs, and examples that are indented by two spaces.
    let discussion: String
    let arguments: [ArgumentDescription]
    /// Without those that are hidden.
    let subcommands: [CommandDescription]

    /// Describes a command and all below it.
    ///
    /// - Throws: `ByteCodingError` when the parser describes itself in another way than we know.
    init(of type: any ParsableCommand.Type) throws {
        var text = ""
        do {
            _ = try type.parseAsRoot(["--experimental-dump-help"])
        } catch {
            text = type.fullMessage(for: error)
        }
        self.init(try JSON.parse(Array(text.utf8))["command"] ?? .null, below: [])
    }

    private init(_ document: MetadataValue, below parents: [String]) {
        let path = parents + [document["commandName"]?.string ?? ""]
        self.path = path
        aliases = document["aliases"]?.array?.compactMap(\.string) ?? []
        abstract = document["abstract"]?.string ?? ""
        discussion = document["discussion"]?.string ?? ""
        arguments = document["arguments"]?.array?.map(ArgumentDescription.init).filter { !$0.isHidden } ?? []
        subcommands =
            document["subcommands"]?.array?.filter { $0["shouldDisplay"] != false && $0["commandName"] != "help" }
            .map { CommandDescription($0, below: path) } ?? []
    }

    var name: String { path.joined(separator: " ") }

    /// The command and all below it, in the order of the help.
    var all: [CommandDescription] { [self] + subcommands.flatMap(\.all) }

    var options: [ArgumentDescription] { arguments.filter { $0.kind != .positional } }
    var positionals: [ArgumentDescription] { arguments.filter { $0.kind == .positional } }

    /// The lines of the discussion that show how the command is called.
    var examples: [String] {
        discussion.split(separator: "\n").filter { $0.hasPrefix("  ") }
            .map { String($0.drop { $0 == " " }) }
            .filter { $0.hasPrefix("adapterctl ") || $0.contains("| adapterctl ") }
    }
}
