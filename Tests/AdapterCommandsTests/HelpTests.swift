import AdapterCommands
import AdapterTesting
import ArgumentParser
import ByteCoding
import Foundation
import Testing

/// Each command explains itself, with examples that the parser takes.
@Suite struct HelpTests {
    @Test func `every command has help with an example of its own`() throws {
        let tool = CommandLineTool(registry: "/nonexistent")
        let commands = try CommandTree().commands
        #expect(commands.count > 50)
        let help = try tool.run("--help").output
        for command in commands {
            if command.path.count == 1 { #expect(help.contains("\n  \(command.name)")) }
            #expect(command.document["abstract"]?.string?.isEmpty == false, "\(command.name)")
            let own = command.examples.filter { $0.contains("adapterctl \(command.name)") }
            #expect(!own.isEmpty, "\(command.name) has no example")
            let shown = try tool.run(command.path + ["--help"])
            #expect(shown.status == 0)
            for example in command.examples where example.count < 70 {
                #expect(shown.output.contains("  \(example)\n"), "\(command.name) breaks '\(example)'")
            }
            for argument in command.arguments {
                #expect(argument["abstract"]?.string?.isEmpty == false, "\(command.name): \(argument)")
            }
        }
    }

    /// The words that a shell makes of an example, without those of other programs in it.
    private func words(of example: String, _ folder: String) throws -> [String] {
        let file = folder + "/words"
        try? FileManager.default.removeItem(atPath: file)
        let function = "adapterctl() { printf '%s\\0' \"$@\" > '\(file)'; }"
        try Program.run("/bin/bash", ["-c", "\(function); \(example)"], directory: folder)
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        return data.split(separator: 0, omittingEmptySubsequences: false).dropLast().map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    @Test func `the parser takes every example, its checks of options included`() throws {
        try withTemporaryDirectory { folder throws in
            var count = 0
            for command in try CommandTree().commands {
                for example in command.examples {
                    // What is written to a file, or read from a program that is not here, is no matter of the parser.
                    let line = example.replacing(" > /", with: " > ./").replacing(" > ~/", with: " > ./")
                        .replacing(#/>\ \./\S*/#, with: "> ./written")
                    let words = try words(of: line, folder)
                    #expect(!words.isEmpty, "\(example)")
                    do {
                        _ = try Adapterctl.parseAsRoot(words)
                        count += 1
                    } catch {
                        Issue.record("\(example): \(Adapterctl.message(for: error))")
                    }
                }
            }
            #expect(count > 100)
        }
    }

    @Test(arguments: [
        (["pus"], "adapterctl: error: 'adapterctl' has no command 'pus'. Did you mean 'adapterctl push'?"),
        (["lsit", "--json"], "Did you mean 'adapterctl list'?"),
        (["interp"], "Did you mean 'adapterctl interpolate'?"),
        (["--registry", "x", "shwo", "team/a"], "Did you mean 'adapterctl show'?"),
        (
            ["key", "generat", "x"],
            "'adapterctl key' has no command 'generat'. Did you mean 'adapterctl key generate'?"
        ),
        (["list", "--jsno"], "Did you mean '--json'?"),
        (["merge", "a", "-t", "b", "--weigths-for", "x=1"], "Did you mean '--weights-for'?"),
    ])
    func `what is misspelt is guessed`(arguments: [String], expected: String) throws {
        let result = try CommandLineTool(registry: "/nonexistent").run(arguments)
        #expect(result.status == 64)
        #expect(result.output.isEmpty)
        #expect(result.errors.contains(expected), "\(result.errors)")
    }

    @Test(arguments: [["qqqqqq"], ["key", "zzzzzz"], ["list", "--qqqqqqqqqqqq"], ["\u{1B}[31m"]])
    func `what is like nothing is not`(arguments: [String]) throws {
        let result = try CommandLineTool(registry: "/nonexistent").run(arguments)
        #expect(result.status == 64)
        #expect(!result.errors.contains("Did you mean"))
        #expect(!result.errors.contains("\u{1B}"))
    }

    @Test func `references that do not exist are guessed`() throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            for name in ["team/support:v1", "team/support:v2", "team/tone:stable"] {
                #expect(try tool.run("push", Fixtures.peft("llama-task-a"), name, "-q").status == 0)
            }
            for (wrong, right) in [
                ("team/suport:v1", "team/support"), ("team/support:v11", "team/support:v1"), ("tone", "team/tone"),
                ("team/tone:stabel", "team/tone:stable"),
            ] {
                for command in [["show"], ["pull", "-o", folder + "/x"], ["merge", "-t", "x"], ["verify"], ["rm"]] {
                    let result = try tool.run([command[0], wrong] + command.dropFirst())
                    #expect(result.status == 3, "\(command) \(wrong): \(result.errors)")
                    #expect(result.errors.contains("Did you mean '\(right)"), "\(result.errors)")
                    #expect(result.output.isEmpty)
                }
            }
            let unlike = try tool.run("show", "something/else")
            #expect(unlike.status == 3)
            #expect(!unlike.errors.contains("Did you mean"))
        }
    }
}
