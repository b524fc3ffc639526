import AdapterTesting
import ByteCoding
import Testing

/// The commands as the binary describes itself, so that no test has a list that could miss one.
struct CommandTree {
    struct Command {
        /// The words behind `adapterctl`.
        let path: [String]
        let document: MetadataValue

        var name: String { path.joined(separator: " ") }
        var isLeaf: Bool { (document["subcommands"]?.array ?? []).allSatisfy { $0["commandName"] == "help" } }

        var arguments: [MetadataValue] { (document["arguments"]?.array ?? []).filter { $0["shouldDisplay"] != false } }

        /// The options as they are typed.
        var options: [String] {
            arguments.flatMap { $0["names"]?.array ?? [] }.compactMap { name in
                name["name"]?.string.map { (name["kind"] == "long" ? "--" : "-") + $0 }
            }
        }

        /// The examples in the help.
        var examples: [String] {
            (document["discussion"]?.string ?? "").split(separator: "\n").filter { $0.hasPrefix("  ") }
                .map { $0.drop { $0 == " " } }
                .filter { $0.hasPrefix("adapterctl ") || $0.contains("| adapterctl ") }.map(String.init)
        }
    }

    /// The tool itself.
    let root: Command
    /// All commands, groups included; not the tool itself.
    let commands: [Command]

    init() throws {
        let result = try CommandLineTool(registry: "/nonexistent").run("--experimental-dump-help")
        try #require(result.status == 0)
        root = Command(path: [], document: try JSON.parse(Array(result.output.utf8))["command"] ?? .null)
        commands = CommandTree.commands(root.document, [])
    }

    private static func commands(_ document: MetadataValue, _ path: [String]) -> [Command] {
        (document["subcommands"]?.array ?? []).filter { $0["commandName"] != "help" && $0["shouldDisplay"] != false }
            .flatMap { subcommand in
                let path = path + [subcommand["commandName"]?.string ?? ""]
                return [Command(path: path, document: subcommand)] + commands(subcommand, path)
            }
    }

    var leaves: [Command] { commands.filter(\.isLeaf) }
}
