import AdapterTesting
import ByteCoding
import Foundation
import Testing

/// Completion: what the program answers the scripts, and what the shells make of it.
@Suite struct CompletionTests {
    private func withAdapters(_ body: (CommandLineTool, String) throws -> Void) throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            for name in ["team/support:v1", "team/support:v2", "team/tone:stable", "other/style:v1"] {
                try #require(try tool.run("push", Fixtures.peft("llama-task-a"), name, "-q").status == 0)
            }
            try #require(try tool.run("key", "generate", "release", "-q").status == 0)
            try Data().write(to: URL(fileURLWithPath: folder + "/sample.txt"))
            try FileManager.default.createDirectory(atPath: folder + "/some folder", withIntermediateDirectories: true)
            try body(tool, folder)
        }
    }

    /// What may stand for the last word, without notes.
    private func answer(_ tool: CommandLineTool, _ words: [String]) throws -> (mode: String, words: [String]) {
        let result = try tool.run(["--complete-words"] + words)
        #expect(result.status == 0)
        #expect(result.errors.isEmpty)
        let lines = result.output.split(separator: "\n").map(String.init)
        return (lines.first ?? "", lines.dropFirst().map { String($0.prefix { $0 != "\t" }) })
    }

    @Test func `commands, options, values, references, tags and keys are completed`() throws {
        try withAdapters { tool, folder in
            for (line, mode, words) in [
                (["pus"], "none closed", ["push"]),
                (["--registry", "x", "rec"], "none closed", ["recipe"]),
                (["help", "unp"], "none closed", ["unpack"]),
                (["key", "g"], "none closed", ["generate"]),
                (["list", "--sort", ""], "none closed", ["name", "created", "size", "rank", "parameters"]),
                (["merge", "team/tone", "--method=ti"], "none closed", ["--method=ties"]),
                (["list", "--rev"], "none closed", ["--reverse"]),
                (["list", "--reverse", "--rev"], "none closed", []),
                (["list", "--registry", ""], "directories closed", []),
                (["pull", "team/tone:stable", "-o", ""], "files closed", []),
                (["untag", "team/s"], "none closed", ["team/support:v1", "team/support:v2"]),
                (["tag", "team/support:v1", "o"], "none closed", ["other/style:v1"]),
                (["show", "team/support:v"], "none closed", ["team/support:v1", "team/support:v2"]),
                (["merge", "team/support:v1=0.5", "team/t"], "files closed", ["team/tone:stable"]),
                (["merge", "team/support:v1", "team/tone:stable="], "none closed", []),
                (["show", "./s"], "files closed", []),
                (["history", "t"], "none closed", ["team/support", "team/tone"]),
                (["sign", "team/tone:stable", "--key", "r"], "files closed", ["release"]),
                (["key", "export", ""], "files closed", ["release"]),
                (["completions", ""], "none closed", ["bash", "zsh", "fish"]),
                (["nothing", ""], "none closed", []), (["show", "a", "b", "c"], "none closed", []),
            ] {
                let found = try answer(tool, line)
                #expect(found.mode == mode, "\(line)")
                #expect(found.words == words, "\(line)")
            }
            let options = try answer(tool, ["rm", "team/tone:stable", ""]).words
            #expect(options.contains("--json") && !options.contains("-q"))
        }
    }

    @Test func `many references are completed by their names first`() throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            try #require(try tool.run("push", Fixtures.peft("llama-task-a"), "team/a:v0", "-q").status == 0)
            for number in 1...100 {
                try #require(try tool.run("tag", "team/a:v0", "team/b:v\(number)", "-q").status == 0)
            }
            let names = try answer(tool, ["show", "team/"])
            #expect(names == ("files open", ["team/a", "team/b"]))
            #expect(try answer(tool, ["show", "team/a"]) == ("files closed", ["team/a:v0"]))
            #expect(try answer(tool, ["show", "team/b:v9"]).words.count == 11)
        }
    }

    @Test func `no registry, a damaged one or none that may be read is no reason for a message`() throws {
        try withTemporaryDirectory { folder throws in
            try FileManager.default.createDirectory(atPath: folder + "/damaged", withIntermediateDirectories: true)
            try Data("no database".utf8).write(to: URL(fileURLWithPath: folder + "/damaged/catalog.sqlite"))
            try Data().write(to: URL(fileURLWithPath: folder + "/file"))
            for registry in ["nothing", "damaged", "file", "\u{1B}[31m", ""] {
                let found = try answer(CommandLineTool(registry: "\(folder)/\(registry)"), ["show", "team/"])
                #expect(found == ("files closed", []))
            }
            #expect(try answer(CommandLineTool(registry: folder), []).words.contains("merge"))
        }
    }

    @Test func `every value is of a kind that is known, or of none that could be completed`() throws {
        let known: Set = [
            "reference", "references", "ref", "new", "target", "on", "after", "subject", "subjects", "inputs",
            "adapters", "first", "second", "minuend", "subtrahend", "name", "names", "pattern", "key", "path", "file",
            "output", "base", "dir",
        ]
        let free: Set = [
            "REGEX=W[,W…]", "alpha", "alpha-pattern", "at", "at-rank", "base-name", "batch-size", "batch-tokens", "by",
            "bytes", "change", "command", "density", "depth", "digest", "dropout", "early-stopping-patience", "energy",
            "entry", "epochs", "epsilon", "error", "eval-steps", "gamma", "grad-accumulation", "host", "i/n",
            "keep-states",
            "label", "lambda", "learning-rate", "license", "limit", "loraplus-lr-ratio", "loss-limit",
            "loss-limit-patience", "low,high", "max-grad-norm", "max-seq-length", "max-steps", "message", "model",
            "modules", "n", "number:digest", "operation", "parameters", "rank", "rank-pattern", "save-steps", "search",
            "search-budget", "seed", "steps", "tag", "target-modules", "text", "threads", "time", "tolerance",
            "username", "val-split", "warmup-steps", "weight-decay", "yyyy-mm-dd",
        ]
        for command in try CommandTree().leaves {
            for argument in command.arguments where argument["kind"] != "flag" && argument["allValues"] == nil {
                let name = argument["valueName"]?.string ?? ""
                #expect(known.contains(name) || free.contains(name), "\(command.name): \(name)")
            }
        }
    }

    // MARK: Shells

    private func script(_ shell: String, _ folder: String) throws -> String {
        let path = "\(folder)/completion.\(shell)"
        let result = try CommandLineTool(registry: "/nonexistent").run("completion", shell)
        try #require(result.status == 0)
        try result.output.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func environment(_ tool: CommandLineTool) -> [String] {
        let binaries = URL(fileURLWithPath: CommandLineTool.path).deletingLastPathComponent().path
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return [
            "PATH=\(binaries):\(path)", "ADAPTERCTL_REGISTRY=\(tool.registry)", "ADAPTERCTL_KEYS=\(tool.registry)-keys",
        ]
    }

    /// Calls bash's function as bash does for a line with the cursor at its end, and gives what it replies.
    private func bash(_ tool: CommandLineTool, _ script: String, _ line: String, _ folder: String) throws -> [String] {
        // Words as readline splits them: ':' and '=' part words and stand for themselves.
        var words: [String] = [""]
        for character in line {
            switch character {
            case " ": if words.last != "" { words.append("") }
            case ":", "=":
                if words.last == "" {
                    words[words.count - 1] = String(character)
                } else {
                    words.append(String(character))
                }
                words.append("")
            default: words[words.count - 1].append(character)
            }
        }
        if words.last == "", line.last == ":" || line.last == "=" { words.removeLast() }
        let current = words.last.map { $0 == ":" || $0 == "=" ? "" : $0 } ?? ""
        func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
        let program = """
            source \(quoted(script))
            COMP_WORDS=(\(words.map(quoted).joined(separator: " ")))
            COMP_CWORD=\(words.count - 1) COMP_LINE=\(quoted(line)) COMP_POINT=\(line.utf8.count)
            _adapterctl adapterctl \(quoted(current)) ''
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let result = try Program.run(
            "/usr/bin/env", environment(tool) + ["/bin/bash", "--norc", "-c", program], directory: folder)
        return result.output.split(separator: "\n").map(String.init).sorted()
    }

    @Test func `bash completes words that it splits at colons and equals signs`() throws {
        try withAdapters { tool, folder in
            let script = try script("bash", folder)
            #expect(try Program.run("/bin/bash", ["-n", script]).status == 0)
            for (line, replies) in [
                ("adapterctl pus", ["push"]), ("adapterctl key g", ["generate"]),
                ("adapterctl untag team/su", ["team/support:v1", "team/support:v2"]),
                ("adapterctl untag team/support:", ["v1", "v2"]), ("adapterctl untag team/tone:st", ["stable"]),
                ("adapterctl tag team/support:v1 other", ["other/style:v1"]),
                ("adapterctl merge team/support:v1=0.7 team/tone:", ["stable"]),
                ("adapterctl merge team/support:v1 --method=dare-", ["dare-linear", "dare-ties"]),
                ("adapterctl pull team/tone:stable -o s", ["sample.txt", "some folder"]),
                ("adapterctl show sam", ["sample.txt"]), ("adapterctl list --registry some", ["some folder"]),
                ("adapterctl verify team/tone:stable --signed-by rel", ["release"]),
                ("adapterctl nothing ", []),
            ] {
                #expect(try bash(tool, script, line, folder) == replies, "\(line)")
            }
        }
    }

    @Test(
        .enabled(if: Program.path(of: "fish") != nil || DockerRegistry.isRequired, "run Scripts/setup-peers first"))
    func `fish completes`() throws {
        let fish = try #require(Program.path(of: "fish"))
        try withAdapters { tool, folder in
            let script = try script("fish", folder)
            #expect(try Program.run(fish, ["--no-execute", script]).status == 0)
            for (line, replies) in [
                ("adapterctl pus", ["push"]),
                ("adapterctl untag team/support:", ["team/support:v1", "team/support:v2"]),
                ("adapterctl tag team/support:v1 oth", ["other/style:v1"]),
                ("adapterctl list --sort cr", ["created"]), ("adapterctl show sam", ["sample.txt"]),
            ] {
                let result = try Program.run(
                    "/usr/bin/env",
                    environment(tool) + ["HOME=\(folder)", fish, "-c", "source '\(script)'; complete -C'\(line)'"],
                    directory: folder)
                let found = result.output.split(separator: "\n").map { String($0.prefix { $0 != "\t" }) }
                #expect(found.sorted() == replies, "\(line): \(result.output)")
            }
        }
    }

    @Test(.enabled(if: Program.path(of: "zsh") != nil || DockerRegistry.isRequired, "run Scripts/setup-peers first"))
    func `zsh is offered what may stand there`() throws {
        let zsh = try #require(Program.path(of: "zsh"))
        try withAdapters { tool, folder in
            let script = try script("zsh", folder)
            #expect(try Program.run(zsh, ["-n", script]).status == 0)
            for (words, prefix, replies) in [
                ("adapterctl pus", "pus", ["push:Store an adapter under a name, or copy it to a remote registry."]),
                ("adapterctl untag team/t", "team/t", ["team/tone\\:stable"]),
                (
                    "adapterctl tag team/support:v1 ''", "",
                    [
                        "other/style\\:v1", "team/support\\:v1", "team/support\\:v2", "team/tone\\:stable",
                    ]
                ),
                ("adapterctl pull team/tone:stable -o ''", "", ["FILES"]),
                ("adapterctl list --registry ''", "", ["FILES -/"]),
            ] {
                // The functions of zsh's own completion system, which is there only while somebody types.
                let program = """
                    compdef() { :; }
                    _files() { print -r -- FILES $*; }
                    _describe() { print -rl -- "${(@P)3}"; }
                    source '\(script)'
                    words=(\(words)); CURRENT=${#words}; PREFIX='\(prefix)'
                    _adapterctl
                    """
                let result = try Program.run(
                    "/usr/bin/env", environment(tool) + [zsh, "-f", "-c", program], directory: folder)
                #expect(result.output.split(separator: "\n").map(String.init) == replies, "\(words): \(result.output)")
            }
        }
    }
}
