import AdapterTesting
import FileSystem
import Foundation
import Testing

/// The pages of the manual: one a command, with all that the help says.
@Suite struct ManualTests {
    private func withPages(_ body: (String, [CommandTree.Command]) throws -> Void) throws {
        try withTemporaryDirectory { folder throws in
            let result = try CommandLineTool(registry: "/nonexistent").run("man", "--output", folder)
            try #require(result.status == 0, "\(result.errors)")
            #expect(result.output.isEmpty)
            try body(folder, CommandTree().commands)
        }
    }

    /// What a page says, without the escapes that keep it from being a request.
    private func text(_ path: String) throws -> String {
        let page = try String(contentsOfFile: path, encoding: .utf8)
        #expect(page.utf8.allSatisfy { $0 < 0x80 })
        return page.replacing(/\\\[u([0-9A-F]+)\]/) { match in
            UInt32(match.1, radix: 16).flatMap(Unicode.Scalar.init).map { String(Character($0)) } ?? ""
        }
        .replacing("\\-", with: "-").replacing("\\(aq", with: "'").replacing("\\(dq", with: "\"")
        .replacing("\\(ti", with: "~").replacing("\\(ha", with: "^").replacing("\\(ga", with: "`")
        .replacing("\\&", with: "").replacing("\\e", with: "\\")
    }

    @Test func `every command has a page with its options and examples`() throws {
        try withPages { folder, commands in
            let names = try Set(Directory.names(in: folder))
            let expected = commands.map { "adapterctl-\($0.path.joined(separator: "-")).1" } + ["adapterctl.1"]
            #expect(names == Set(expected))
            for command in commands {
                let page = try text("\(folder)/adapterctl-\(command.path.joined(separator: "-")).1")
                for heading in ["NAME", "SYNOPSIS", "OPTIONS", "EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "FILES"] {
                    #expect(page.contains("\n.SH \"\(heading)\"\n"), "\(command.name) lacks \(heading)")
                }
                for option in command.options { #expect(page.contains(option), "\(command.name) lacks \(option)") }
                for example in command.examples {
                    #expect(page.contains("\n\(example)\n"), "\(command.name) lacks '\(example)'")
                }
                for code in ["0", "1", "2", "3", "4", "5", "64"] { #expect(page.contains("\n.B \"\(code)\"\n")) }
            }
            let root = try text(folder + "/adapterctl.1")
            for command in commands where command.path.count == 1 {
                #expect(root.contains("\n.B \"\(command.name)\"\n"))
                #expect(root.contains("adapterctl-\(command.name)(1)"))
            }
        }
    }

    @Test func `one page is printed, and what is no command is refused`() throws {
        let tool = CommandLineTool(registry: "/nonexistent")
        #expect(try tool.run("man", "key", "generate").output.hasPrefix(".TH \"ADAPTERCTL-KEY-GENERATE\" \"1\""))
        #expect(try tool.run("man").output.hasPrefix(".TH \"ADAPTERCTL\" \"1\""))
        #expect(try tool.run("man", "nothing").status == 64)
        #expect(try tool.run("man", "merge", "--output", "x").status == 64)
    }

    @Test func `every variable that the program looks at is in the manual`() throws {
        try withPages { folder, _ in
            let page = try text(folder + "/adapterctl.1")
            let sources = Fixtures.directory + "/../../Sources"
            // Read under names that stand in variables, or by libcurl.
            var names: Set<String> = [
                "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "https_proxy", "HTTPS_PROXY", "http_proxy",
                "ALL_PROXY", "NO_PROXY",
            ]
            for file in try Directory.files(below: sources)
            where !file.hasPrefix("CFaultInjection/") && !file.hasPrefix("AdapterTesting/") {
                let text = try String(contentsOfFile: "\(sources)/\(file)", encoding: .utf8)
                names.formUnion(text.matches(of: /(?:environment|getenv)\("([A-Za-z_]+)"\)/).map { String($0.1) })
            }
            #expect(names.count > 13 && names.contains("ADAPTERCTL_THREADS"))
            for name in names { #expect(page.contains("\n.B \"\(name)\"\n"), "\(name)") }
        }
    }

    @Test(
        .enabled(
            if: Program.path(of: "mandoc") != nil || DockerRegistry.isRequired, "run Scripts/setup-peers first"))
    func `mandoc has nothing to say against the pages`() throws {
        let mandoc = try #require(Program.path(of: "mandoc"))
        try withPages { folder, _ in
            for name in try Directory.names(in: folder) {
                let result = try Program.run(mandoc, ["-Tlint", "-Wwarning", "\(folder)/\(name)"])
                #expect(result.status == 0 && result.output.isEmpty, "\(result.output)")
            }
        }
    }
}
