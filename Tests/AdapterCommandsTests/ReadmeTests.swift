import AdapterTesting
import Foundation
import Testing

/// The README's commands work as they stand there.
@Suite struct ReadmeTests {
    @Test(arguments: ["README.md", "docs/interchange.md"])
    func `every adapterctl line runs`(document: String) throws {
        try withTemporaryDirectory { folder in
            let root = URL(fileURLWithPath: Fixtures.directory).deletingLastPathComponent().deletingLastPathComponent()
            let readme = try String(contentsOf: root.appendingPathComponent(document), encoding: .utf8)
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/fixtures", withDestinationPath: root.appendingPathComponent("fixtures").path)
            let tool = CommandLineTool(registry: folder + "/registry")
            let commands = readme.split(separator: "\n").filter { $0.hasPrefix("adapterctl ") }
            #expect(commands.count >= 8)
            for command in commands {
                let arguments = command.dropFirst("adapterctl ".count)
                let result = try tool.run(
                    [], launcher: ["/bin/bash", "-c", "\"$0\" \(arguments)"], directory: folder)
                #expect(result.status == 0, "\(command): \(result.errors)")
            }
        }
    }

    @Test func `every command has help with an example`() throws {
        let tool = CommandLineTool(registry: "/nonexistent")
        let commands = [
            "push", "pull", "list", "show", "inspect", "diff", "report", "tag", "untag", "rm", "history", "verify",
            "sign", "key", "merge", "interpolate", "scale", "negate", "subtract", "resize", "pad", "extract", "fuse",
            "convert", "check", "pack", "unpack", "compose", "rebuild",
            "recipe", "lineage", "rollback", "lock",
            "log", "gc", "fsck", "backup", "stats", "document", "completions", "train", "eval", "runs", "login",
            "logout",
        ]
        let help = try tool.run("--help")
        for command in commands {
            #expect(help.output.contains("\n  \(command)"))
            let result = try tool.run(command, "--help")
            #expect(result.status == 0)
            #expect(result.output.contains("adapterctl \(command) "), "\(command) has no example")
        }
        #expect(try tool.run("--version").status == 0)
    }
}
