import AdapterTesting
import ByteCoding
import FileSystem
import Foundation
import Testing

/// What commands print with `--json` fits the published schemas, and nothing else does.
///
/// ``CommandLineTool/run(_:launcher:environment:directory:)`` compares every output of every test; here each command is
/// run, in each of its forms.
@Suite struct SchemaTests {
    /// Commands without JSON, and why.
    private static let exempt = [
        "completions": "prints a shell script", "man": "prints pages of the manual",
    ]

    /// Runs commands with `--json` and notes which forms of which schemas their outputs have.
    private final class Exercise {
        private let tool: CommandLineTool
        private let folder: String
        private let environment: [String: String]
        private(set) var commands: Set<String> = []
        /// The forms that occurred: `push 0`, `push 1`.
        private(set) var forms: Set<String> = []

        init(_ folder: String) {
            self.folder = folder
            tool = CommandLineTool(registry: folder + "/registry")
            environment = ["DOCKER_CONFIG": folder + "/docker", "HOME": folder, "XDG_RUNTIME_DIR": folder]
        }

        func callAsFunction(_ arguments: String..., status: Int32 = 0) throws {
            let arguments = arguments + ["--json"]
            let result = try tool.run(arguments, environment: environment, directory: folder)
            try #require(result.status == status, "\(arguments): \(result.errors)")
            try note(arguments, status: result.status, result.output)
        }

        /// Writes what a command prints without `--json` into a file.
        func write(_ arguments: String..., to name: String) throws {
            let result = try tool.run(arguments, environment: environment, directory: folder)
            try #require(result.status == 0, "\(arguments): \(result.errors)")
            try result.output.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }

        /// Notes an output and tries each change that its schema must refuse.
        func note(_ arguments: [String], status: Int32 = 0, _ output: String) throws {
            let output = try #require(
                try JSONOutput(arguments, status: status, output: output), "\(arguments) printed no JSON")
            let schema = try JSONSchema(named: output.command)
            try output.check()
            commands.insert(output.command)
            for document in output.documents {
                for (index, form) in schema.alternatives.enumerated() where schema.accepts(document, as: form) {
                    forms.insert("\(output.command) \(index)")
                }
                for mutant in schema.mutants(of: document) {
                    #expect(!schema.faults(in: mutant.document).isEmpty, "\(output.command): \(mutant.change)")
                }
            }
        }
    }

    @Test func `every command's JSON fits its schema, in every form, and no changed one does`() throws {
        try withTemporaryDirectory { folder throws in
            let json = Exercise(folder)
            try store(json)
            try compute(json, folder)
            try keep(json, folder)
            try sign(json)
            try describe(json)
            try train(json, folder)
            try maintain(json, folder)
            try logIn(json, folder)

            let leaves = try CommandTree().leaves.map { $0.path.joined(separator: "-") }
            #expect(Set(leaves) == json.commands.union(Self.exempt.keys))
            for command in json.commands.sorted() {
                let schema = try JSONSchema(named: command)
                for index in schema.alternatives.indices {
                    #expect(json.forms.contains("\(command) \(index)"), "form \(index) of \(command) never occurred")
                }
            }
        }
    }

    @Test func `there is a schema for each command and for nothing else`() throws {
        let schemas = try Directory.names(in: JSONSchema.directory).filter { $0.hasSuffix(".json") }
            .map { String($0.dropLast(".json".count)) }
        let commands = try CommandTree().leaves.map { $0.path.joined(separator: "-") }
        #expect(Set(schemas) == Set(commands).subtracting(Self.exempt.keys).union(["definitions"]))
        for schema in schemas where schema != "definitions" { _ = try JSONSchema(named: schema) }
    }

    private func store(_ json: Exercise) throws {
        for (name, adapter) in [("a", "llama-task-a"), ("b", "llama-task-b"), ("dora", "llama-dora")] {
            try json("push", Fixtures.peft(adapter), "team/\(name):v1", "--message", "for tests", "--label", "k=v")
        }
        try json("push", "team/a:v1", "oci:layout:v1")
        try json("pull", "oci:layout:v1", "team/fetched:v1")
        try json("pull", "oci:layout:v1", "-o", "fetched")
        try json("pull", "team/a:v1", "-o", "a")
        try json("pull", "team/a:v1", "-o", "a.adpt")
        try json("list")
        try json("list", "oci:layout")
        try json("show", "team/a:v1")
        try json("show", Fixtures.peft("llama-dora"))
        try json("tag", "team/a:v1", "team/a:stable")
        try json("tag", "team/a:v1", "team/b:v2")
    }

    private func compute(_ json: Exercise, _ folder: String) throws {
        let model = Fixtures.directory + "/models/tiny-llama"
        try json("merge", "team/a:v1=0.7", "team/b:v1=0.3", "--method", "exact", "--rank", "4", "-t", "out/merged:v1")
        try json("interpolate", "team/a:v1", "team/b:v1", "--at", "0.5", "-t", "out/half:v1")
        try json("interpolate", "team/a:v1", "team/b:v1", "--steps", "2", "-t", "out/way")
        try json("scale", "team/a:v1", "--by", "0.5", "-t", "out/scaled:v1")
        try json("negate", "team/a:v1", "-t", "out/negated:v1")
        try json("subtract", "team/a:v1", "team/b:v1", "-t", "out/difference:v1")
        try json("resize", "team/a:v1", "--rank", "2", "-t", "out/small:v1")
        try json("pad", "team/a:v1", "--rank", "32", "-t", "out/even:v1")
        try json("convert", "team/a:v1", "--dtype", "q8", "-t", "out/q8:v1")
        try json("convert", "team/a:v1", "a.safetensors", "--dtype", "f16", "--rank", "4")
        try json("fuse", "team/a:v1", "--base", model, "-o", "fused", "--allow-different-base")
        try json("fuse", "team/a:v1", "--base", model, "-o", "fused", "--allow-different-base", "--check")
        try json(
            "fuse", "team/a:v1=0.5", "--base", model, "-o", "fused", "--allow-different-base", "--check", status: 2)
        try json("extract", "--base", model, "--tuned", "fused", "--rank", "4", "-t", "out/extracted:v1")
        try json("check", "team/a:v1", "--base", model)
        try json("check", "team/dora:v1", "--base", Fixtures.directory + "/models/tiny-gpt2", status: 2)
        try json("pack", Fixtures.peft("llama-task-a"), "-o", "packed.adpt")
        try json("unpack", "packed.adpt", "-o", "unpacked")
        let recipe = "{operation: merge, inputs: [team/a:v1=0.5, team/b:v1], options: {method: exact}}"
        try Data("steps: {result: \(recipe)}\n".utf8).write(to: URL(fileURLWithPath: folder + "/recipe.yaml"))
        try json("compose", "recipe.yaml", "-t", "out/composed:v1")
        try json("compose", "--keep-apart", "team/a:v1=0.5", "team/b:v1", "-t", "out/stack:v1")
        try json("pull", "out/stack:v1", "-o", "stack")
        try json("show", "out/stack:v1")
        try json("show", "out/merged:v1")
        try json("rebuild", "out/merged:v1")
        try json("recipe", "out/composed:v1")
        try json("lineage", "out/merged:v1")
        try json("lineage", "team/a:v1", "--impact")
    }

    private func keep(_ json: Exercise, _ folder: String) throws {
        try json("lock", "team/a")
        try json("verify", "--lock", "adapters.lock")
        try json("verify", "team/a:v1", "a")
        try json("verify", "--all")
        try json("tag", "team/b:v1", "team/b:moved")
        try json("tag", "team/a:v1", "team/b:moved")
        try json("rollback", "team/b:moved")
        try json("history", "team/b")
        try json("log")
        try json("log", "--verify")
        try json("tag", "team/a:v1", "team/a:gone")
        try json("verify", "--lock", "adapters.lock", status: 2)
        try json("untag", "team/a:gone")
    }

    private func sign(_ json: Exercise) throws {
        try json("key", "generate", "release", "--expires", "2090-12-31")
        try json("key", "generate", "openssf", "--algorithm", "p256")
        try json("key", "list")
        try json("key", "export", "release")
        try json("sign", "team/a:v1", "--key", "release", "--expires", "2090-12-30")
        try json("sign", "a", "--key", "openssf", "--format", "model-signing")
        try json("show", "team/a:v1")
        try json("verify", "team/a:v1", "--signed-by", "release")
        try json("verify", "team/b:v1", "--signed-by", "release", status: 2)
        try json("document", "list", "out/merged:v1")
        try json("document", "attach", "team/a:v1", "recipe.yaml")
        try json("document", "sign", "out/merged:v1", "--key", "openssf")
        try json("document", "verify", "out/merged:v1")
        try json("document", "export", "out/merged:v1", "-o", "documents")
        try json.write("key", "export", "release", to: "release.pem")
        try json("key", "trust", "alice", "release.pem")
        try json("key", "trust", "alice", "release.pem", "--expires", "2090-12-31")
        try json("key", "remove", "alice")
    }

    private func describe(_ json: Exercise) throws {
        try json("inspect", "team/a:v1")
        try json("inspect", "team/a:v1", "team/b:v1", "--method", "exact", "--method", "ties")
        try json("diff", "team/a:v1", "team/b:v1")
        try json("diff", "team/a:v1", "team/dora:v1", "--exit-code", status: 2)
        try json("report", "out/merged:v1", "-o", "report.html")
    }

    private func train(_ json: Exercise, _ folder: String) throws {
        let fixtures = Fixtures.directory + "/training"
        let book = try String(contentsOfFile: fixtures + "/bierce_train.txt", encoding: .utf8)
        try book.split(separator: "\n", omittingEmptySubsequences: false).prefix(40).joined(separator: "\n")
            .write(toFile: folder + "/data.txt", atomically: true, encoding: .utf8)
        let model = ["--base", fixtures + "/tiny", "--data", "data.txt", "--max-seq-length", "32"]
        let run = ["--val-split", "0.2", "--eval-steps", "1", "--early-stopping-patience", "1", "--save-steps", "2"]
        func train(_ more: [String]) throws {
            let arguments = ["train"] + model + more + ["--json"]
            let tool = CommandLineTool(registry: folder + "/registry")
            let result = try tool.run(arguments, directory: folder)
            try #require(result.status == 0, "\(result.errors)")
            try json.note(arguments, result.output)
        }
        // So large a rate that validation gets worse at once.
        try train(run + ["--max-steps", "6", "--lr", "5", "-t", "trained/a:v1"])
        try train(["--show-batch", "--batch-size", "1"])
        try json("runs")
        try json("runs", "trained/a:v1")
        try json("eval", "--base", fixtures + "/tiny", "--data", "data.txt", "--max-seq-length", "32", "trained/a:v1")
        try json(
            "merge", "trained/a:v1", "--search", "--base", fixtures + "/tiny", "--data", "data.txt", "--max-seq-length",
            "32", "--search-budget", "2", "-t", "trained/best:v1")
    }

    private func maintain(_ json: Exercise, _ folder: String) throws {
        try json("rm", "out/negated:v1")
        try json("gc", "--grace", "0")
        try json("gc", "--grace", "0", "--apply", "--keep-last", "0", "--names", "out/*")
        try json("fsck")
        try json("stats")
        try json("backup", "copy", "--verify")
    }

    private func logIn(_ json: Exercise, _ folder: String) throws {
        let peer = try ScriptedPeer { request in
            request.headers["authorization"] == nil
                ? PeerAnswer(401, [("WWW-Authenticate", "Basic realm=\"test\"")]) : PeerAnswer(200)
        }
        let arguments = ["login", peer.host, "-u", "alice", "--password-stdin", "--plain-http", "--json"]
        let login = try Program.run(
            "/usr/bin/env", ["DOCKER_CONFIG=\(folder)/docker", "HOME=\(folder)", CommandLineTool.path] + arguments,
            input: "secret\n")
        try #require(login.status == 0, "\(login.output)")
        try json.note(arguments, login.output)
        try json("logout", peer.host)
        let catalog = try ScriptedPeer { _ in PeerAnswer(200, [], Array(#"{"repositories":["team/a"]}"#.utf8)) }
        try json("list", "oci://\(catalog.host)/")
    }
}
