import AdapterRegistry
import AdapterTesting
import ByteCoding
import FileSystem
import Foundation
import FoundationXML
import Testing

/// The registry as a system of record, with the real binary: recipes, stacks, locks, the log, documents, repair.
@Suite struct RecordTests {
    private func withAdapters(_ body: (CommandLineTool, String) throws -> Void) throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            for name in ["a", "b", "c"] {
                try succeed(tool, "push", Fixtures.peft("llama-task-\(name)"), "team/\(name):v1", "-q")
            }
            try body(tool, folder)
        }
    }

    @discardableResult
    private func succeed(_ tool: CommandLineTool, _ arguments: String..., directory: String? = nil) throws -> String {
        let result = try tool.run(arguments, directory: directory)
        try #require(result.status == 0, "\(arguments): \(result.output)\(result.errors)")
        return result.output
    }

    private func json(_ text: String) throws -> MetadataValue { try JSON.parse(Array(text.utf8)) }

    private func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    /// Each method that `merge` offers, as its help lists them: a new one is tested without a line here.
    private func methods(_ tool: CommandLineTool) throws -> [String] {
        let result = try tool.run("merge", "team/a:v1", "-t", "x", "--method", "no-such-method")
        return result.errors.matches(of: /(?m)^  - (\S+)$/).map { String($0.1) }
    }

    @Test func `Every merge method, interpolation and conversion is rebuilt bit for bit`() throws {
        try withAdapters { tool, _ throws in
            var names: [String] = []
            let methods = try methods(tool)
            #expect(Set(methods).isSuperset(of: ["cat", "exact"]) && methods.count > 20, "\(methods)")
            // PEFT's own on factors need equal ranks.
            for name in ["a", "b"] {
                try succeed(tool, "push", Fixtures.peft("llama-rank4-\(name)"), "even/\(name)", "-q")
            }
            for method in methods {
                let (folder, tag) = method.hasPrefix("compat-peft-") ? ("even", "latest") : ("team", "v1")
                // Some methods take no weights.
                let weights = ["model-stock", "sce"].contains(method) ? ["", ""] : ["=0.7", "=0.3"]
                try succeed(
                    tool, "merge", "\(folder)/a:\(tag)\(weights[0])", "\(folder)/b:\(tag)\(weights[1])", "--method",
                    method,
                    "-t", "out/\(method):v1", "-q")
                names.append("out/\(method):v1")
            }
            for (name, arguments) in [
                ("three", ["merge", "team/a:v1=0.5", "team/b:v1", "team/c:v1=-2"]),
                ("three-ties", ["merge", "team/c:v1", "team/b:v1=0.5", "team/a:v1", "--method", "ties"]),
                // As versions recorded it that knew no other order.
                ("as-given", ["merge", "team/c:v1", "team/b:v1=0.5", "team/a:v1", "--order", "given"]),
                ("turned", ["merge", "team/a:v1", "team/b:v1=0.5", "team/c:v1", "--order", "given"]),
                ("scale", ["scale", "team/a:v1", "--by", "-0.3"]), ("negate", ["negate", "team/b:v1"]),
                ("subtract", ["subtract", "team/a:v1", "team/b:v1"]),
                ("subtract-back", ["subtract", "team/b:v1", "team/a:v1", "--rank", "auto"]),
                ("slerp-at", ["interpolate", "team/b:v1", "team/a:v1", "--at", "0.2", "--method", "slerp"]),
            ] {
                let result = try tool.run(arguments + ["-t", "out/\(name):v1"])
                try #require(result.status == 0, "\(arguments): \(result.errors)")
                names.append("out/\(name):v1")
            }
            // Both orders give their own bits, and each is rebuilt in its own.
            let roots = try ["as-given", "turned"].map { name in
                try json(succeed(tool, "show", "out/\(name):v1", "--json"))["contentRoot"]?.string
            }
            #expect(roots[0] != roots[1])
            try succeed(
                tool, "merge", "team/a:v1=0.7", "team/b:v1=-0.3", "--method", "exact", "--rank", "3", "-t", "out/r:v1")
            for (name, option) in [
                ("k", "--rank=2"), ("s", "--energy=0.7"), ("x", "--error=0.4"), ("p", "--budget=0.7k"),
            ] {
                try succeed(tool, "resize", "team/a:v1", option, "-t", "out/\(name):v1")
                names.append("out/\(name):v1")
            }
            try succeed(tool, "pad", "team/a:v1", "--rank", "16", "-t", "out/pad:v1")
            names.append("out/pad:v1")
            try succeed(
                tool, "merge", "team/a:v1", "team/b:v1", "--method", "exact", "--energy", "0.9", "-t", "out/e:v1")
            try succeed(tool, "interpolate", "team/a:v1", "team/b:v1", "--at", "0.3", "-t", "out/i:v1")
            for type in ["bf16", "f16", "f8_e4m3", "q8"] {
                try succeed(
                    tool, "convert", "team/a:v1", "--dtype", type, "-t", "out/to-\(type.replacing("_", with: "-")):v1")
                names.append("out/to-\(type.replacing("_", with: "-")):v1")
            }
            names += ["out/r:v1", "out/e:v1", "out/i:v1"]
            let result = try tool.run(["rebuild", "--json"] + names)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            let reports = try #require(try json(result.output).array)
            #expect(reports.count == names.count)
            for report in reports {
                #expect(report["isEqual"] == true && report["isSameFile"] == true, "\(report)")
            }
            // A printed recipe says the order that its record leaves out.
            let recipe = try succeed(tool, "recipe", "out/as-given:v1")
            #expect(recipe.contains("given"), "\(recipe)")
            try withTemporaryDirectory { folder throws in
                try write(recipe, folder + "/recipe.yaml")
                try succeed(tool, "compose", folder + "/recipe.yaml", "-t", "out/again:v1", "--recompute")
            }
            #expect(try json(succeed(tool, "show", "out/again:v1", "--json"))["contentRoot"]?.string == roots[0])
            #expect(try tool.run("rebuild", "team/a:v1").status == 1)
        }
    }

    @Test func `A recipe is computed once, equals the commands, and can be printed, edited and un-merged`() throws {
        try withAdapters { tool, folder throws in
            try write(
                """
                steps:
                  wide: {operation: convert, inputs: [team/a:v1], options: {dtype: f32}}
                  both:
                    operation: merge
                    inputs: [wide=0.7, team/b:v1=0.3]
                    options: {method: exact, rank: 4}
                """, folder + "/recipe.yaml")
            let first = try json(succeed(tool, "compose", folder + "/recipe.yaml", "-t", "out:v1", "--json"))
            #expect(first["steps"]?.array?.map { $0["wasStored"] } == [false, false])
            let again = try json(succeed(tool, "compose", folder + "/recipe.yaml", "-t", "out:v2", "--json"))
            #expect(again["steps"]?.array?.map { $0["wasStored"] } == [true, true])
            #expect(again["digest"] == first["digest"])
            let fresh = try json(
                succeed(tool, "compose", folder + "/recipe.yaml", "-t", "out:v3", "--json", "--recompute"))
            #expect(fresh["digest"] == first["digest"])
            #expect(fresh["steps"]?.array?.map { $0["wasStored"] } == [false, false])
            // The same by commands, and commands' results answer recipes.
            try succeed(tool, "convert", "team/a:v1", "--dtype", "f32", "-t", "byhand:wide")
            try succeed(
                tool, "merge", "byhand:wide=0.7", "team/b:v1=0.3", "--method", "exact", "--rank", "4", "-t",
                "byhand:both")
            #expect(try json(succeed(tool, "show", "byhand:both", "--json"))["contentRoot"] == first["contentRoot"])
            try succeed(tool, "merge", "team/a:v1", "team/c:v1", "-t", "byhand:ac")
            try write("{operation: merge, inputs: [team/a:v1, team/c:v1], options: {method: cat}}", folder + "/ac.yaml")
            let known = try json(succeed(tool, "compose", folder + "/ac.yaml", "-t", "out:ac", "--json"))
            #expect(known["steps"]?.array?.map { $0["wasStored"] } == [true])

            try write(succeed(tool, "recipe", "out:v1"), folder + "/printed.yaml")
            let printed = try json(succeed(tool, "compose", folder + "/printed.yaml", "-t", "out:v4", "--json"))
            #expect(printed["digest"] == first["digest"])
            try succeed(tool, "compose", "--of", "byhand:ac", "--without", "team/c:v1", "-t", "out:alone")
            let alone = try json(succeed(tool, "show", "out:alone", "--json"))["contentRoot"]
            #expect(try alone == json(succeed(tool, "show", "team/a:v1", "--json"))["contentRoot"])
            #expect(try tool.run("compose", "--of", "byhand:ac", "--without", "team/b:v1", "-t", "x").status == 3)
            #expect(try tool.run("fsck").status == 0)
            // An input that was damaged behind our back is an error, not an adapter.
            let path = try #require(json(succeed(tool, "show", "team/b:v1", "--json"))["digest"]?.string)
            let digits = path.dropFirst(7)
            let blob = "\(tool.registry)/blobs/sha256/\(digits.prefix(2))/\(digits)"
            var bytes = try InputFile.contents(of: blob, limit: 1 << 20)
            bytes[bytes.count / 2] ^= 1
            try FileManager.default.removeItem(atPath: blob)
            try Data(bytes).write(to: URL(fileURLWithPath: blob))
            #expect(try tool.run("compose", folder + "/recipe.yaml", "-t", "out:v5", "--recompute").status == 2)
            #expect(try tool.run("show", "out:v5").status == 3)
        }
    }

    @Test(arguments: [
        ("{operation: merge, inputs: [team/none:v1]}", 3),
        ("{operation: merge, inputs: [team/a:v1], options: {rnk: 1}}", 1),
        ("{operation: merge, inputs: [team/a:v1], options: {registry: /tmp}}", 1),
        ("{operation: rm, inputs: [team/a:v1]}", 1),
        ("{operation: merge, inputs: [team/a:v1], options: {help: true}}", 1),
        ("{operation: convert, inputs: [team/a:v1, team/b:v1], options: {dtype: f16}}", 1),
        ("{operation: interpolate, inputs: [team/a:v1=2, team/b:v1], options: {at: 0.5}}", 1),
        ("{operation: merge, inputs: [team/a:v1], options: {method: exact, rank: -1}}", 1), ("[", 1),
        ("steps: {a: {operation: merge, inputs: [b]}, b: {operation: merge, inputs: [a]}}", 1),
    ])
    func `A recipe that cannot be run changes nothing`(_ text: String, _ status: Int32) throws {
        try withAdapters { tool, folder throws in
            let before = try succeed(tool, "list", "--json")
            try write(text, folder + "/recipe.yaml")
            let result = try tool.run("compose", folder + "/recipe.yaml", "-t", "out:v1")
            #expect(result.status == status, "\(result.output)\(result.errors)")
            #expect(result.errors.hasPrefix("adapterctl: error: Unable to"), "\(result.errors)")
            #expect(try succeed(tool, "list", "--json") == before)
            #expect(try succeed(tool, "gc", "--grace", "0", "-q").isEmpty)
        }
    }

    @Test func `A stack is pulled as folders that PEFT reads, with their weights`() throws {
        try withAdapters { tool, folder throws in
            try succeed(tool, "compose", "--keep-apart", "team/a:v1=0.5", "team/b:v1", "-t", "served:v1", "-m", "both")
            try succeed(tool, "pull", "served:v1", "-o", folder + "/out")
            #expect(try Directory.names(in: folder + "/out") == ["a", "b", "stack.json"])
            for name in ["a", "b"] {
                #expect(
                    try PEFTFolder("\(folder)/out/\(name)").tensors
                        == PEFTFolder(Fixtures.peft("llama-task-\(name)")).tensors)
            }
            let manifest = try JSON.parse(InputFile.contents(of: folder + "/out/stack.json", limit: 1 << 16))
            #expect(manifest["adapters"]?.array?.map { $0["weight"]?.number } == [0.5, 1])
            #expect(try json(succeed(tool, "show", "served:v1", "--json"))["kind"] == "stack")
            try succeed(tool, "verify", "served:v1")
            try succeed(tool, "key", "generate", "k", "-q")
            #expect(try tool.run("verify", "served:v1", "--signed-by", "k").status == 2)
            try succeed(tool, "rm", "team/a:v1")
            try succeed(tool, "gc", "--apply", "--grace", "0", "--drop-parents")
            try succeed(tool, "pull", "served:v1", "-o", folder + "/again")
            try succeed(tool, "verify", "--all")
            for arguments in [["merge", "served:v1", "-t", "x"], ["pull", "served:v1", "-o", folder + "/x.adpt"]] {
                #expect(try tool.run(arguments).status != 0)
            }
        }
    }

    @Test func `The workflow and the pre-commit entry of the documentation do what they say`() throws {
        try withAdapters { tool, folder throws in
            try succeed(tool, "key", "generate", "release", "-q")
            for name in ["a", "b"] { try succeed(tool, "sign", "team/\(name):v1", "--key", "release", "-q") }
            let work = folder + "/checkout"
            try Directory.create(work)
            try succeed(tool, "lock", "team/a", "team/b", "--signed-by", "release", directory: work)
            let docs = URL(fileURLWithPath: Fixtures.directory).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("docs")
            func commands(_ file: String, _ key: String) throws -> [String] {
                try String(contentsOf: docs.appendingPathComponent(file), encoding: .utf8).split(separator: "\n")
                    .map { $0.trimmingCharacters(in: .whitespaces) }.filter { $0.hasPrefix(key + ": adapterctl ") }
                    .map { String($0.dropFirst(key.count + 2 + "adapterctl ".count)) }
            }
            let steps = try commands("adapters-workflow.yml", "run") + commands("pre-commit-config.yaml", "entry")
            #expect(steps.count == 4)
            func run() throws -> [CommandLineTool.Result] {
                try steps.map { step in
                    try tool.run([], launcher: ["/bin/bash", "-c", "\"$0\" \(step)"], directory: work)
                }
            }
            let good = try run()
            #expect(good.map(\.status) == [0, 0, 0, 0], "\(good)")
            let report = try XMLDocument(contentsOf: URL(fileURLWithPath: work + "/adapters.xml"))
            #expect(try report.nodes(forXPath: "//testcase").count == 2)
            #expect(try report.nodes(forXPath: "//failure").isEmpty)

            // Moved, unlisted and unsigned at once.
            try succeed(tool, "tag", "team/c:v1", "team/a:v1", "-q")
            try succeed(tool, "tag", "team/c:v1", "team/b:extra", "-q")
            let bad = try run()
            #expect(bad.map(\.status) == [2, 2, 0, 2], "\(bad)")
            #expect(bad[0].output.contains("::error file=adapters.lock,line="))
            #expect(bad[0].output.contains("team/a%3Av1%3A changed"))
            #expect(bad[0].output.contains("team/b%3Aextra%3A unlisted"))
            let failures = try XMLDocument(contentsOf: URL(fileURLWithPath: work + "/adapters.xml"))
                .nodes(forXPath: "//failure/@type").compactMap(\.stringValue)
            #expect(failures.sorted() == ["changed", "unlisted"])
            try succeed(tool, "lock", directory: work)
            #expect(try run().map(\.status) == [2, 2, 0, 2], "c is not signed")
            let unsigned = try tool.run(["verify", "--lock", "adapters.lock", "--format", "json"], directory: work)
            #expect(
                try json(unsigned.output)["results"]?.array?.compactMap { $0["code"]?.string } == [
                    "unsigned", "unsigned",
                ])
            // A line that was edited by hand.
            let text = try String(contentsOf: URL(fileURLWithPath: work + "/adapters.lock"), encoding: .utf8)
            try write(text.replacing("team/b:v1", with: "team/b:v2"), work + "/adapters.lock")
            #expect(try tool.run(["verify", "--lock", "adapters.lock"], directory: work).status == 2)
            try write(text, work + "/adapters.lock")
            // A recipe whose input has moved since.
            try write("{operation: merge, inputs: [team/a:v1]}", work + "/recipe.yaml")
            try succeed(tool, "compose", "recipe.yaml", "--lock", "adapters.lock", "-t", "out", directory: work)
            try succeed(tool, "tag", "team/b:v1", "team/a:v1", "-q")
            let moved = try tool.run(
                ["compose", "recipe.yaml", "--lock", "adapters.lock", "-t", "out"], directory: work)
            #expect(moved.status == 4, "\(moved.errors)")
        }
    }

    @Test func `Log, rollback, lineage, statistics, backup, repair and documents from the command line`() throws {
        try withAdapters { tool, folder throws in
            try succeed(tool, "merge", "team/a:v1=0.5", "team/b:v1=0.5", "-t", "team/m:v1")
            try succeed(tool, "tag", "team/m:v1", "team/live:production")
            try succeed(tool, "tag", "team/a:v1", "team/live:production")
            let back = try json(succeed(tool, "rollback", "team/live:production", "-m", "worse", "--json"))
            #expect(try back["digest"] == json(succeed(tool, "show", "team/m:v1", "--json"))["digest"])
            let log = try json(succeed(tool, "log", "--json", "--limit", "2")).array ?? []
            #expect(log.map { $0["action"] } == ["rollback", "tag"])
            let head = try #require(json(succeed(tool, "log", "--verify", "--json"))["head"]?.string)
            try succeed(tool, "tag", "team/a:v1", "team/more:v1")
            try succeed(tool, "log", "--verify", "--expect", head)
            // The same place with another hash: the last digit of the one that was noted.
            let changed = head.dropLast() + (head.hasSuffix("0") ? "1" : "0")
            #expect(try tool.run("log", "--verify", "--expect", String(changed)).status == 2)
            #expect(try tool.run("log", "--verify", "--expect", "nonsense").status == 64)

            #expect(
                try succeed(tool, "lineage", "team/a:v1", "--impact", "-q").split(separator: "\n")
                    == ["team/live:production", "team/m:v1"])
            #expect(try succeed(tool, "lineage", "team/m:v1", "--dot").hasPrefix("digraph lineage {"))
            #expect(try json(succeed(tool, "lineage", "team/m:v1", "--json"))["edges"]?.array?.count == 2)
            #expect(try succeed(tool, "lineage", "team/m:v1").contains("merge: team/b:v1"))
            #expect(try json(succeed(tool, "stats", "--json"))["tagCount"] == 6)

            try succeed(tool, "backup", folder + "/backup", "--verify")
            let restored = CommandLineTool(registry: folder + "/backup")
            #expect(try succeed(restored, "list", "--json") == succeed(tool, "list", "--json"))
            try succeed(restored, "pull", "team/m:v1", "-o", folder + "/m")
            #expect(try tool.run("backup", folder + "/backup").status == 4)
            let digest = try #require(
                json(succeed(tool, "show", "team/c:v1", "--json"))["digest"]?.string?.dropFirst(7))
            try FileManager.default.removeItem(atPath: "\(tool.registry)/blobs/sha256/\(digest.prefix(2))/\(digest)")
            #expect(try tool.run("fsck").status == 2)
            #expect(try tool.run("verify", "--all").status == 2)
            #expect(try tool.run("fsck", "--repair").status == 2)
            try succeed(tool, "fsck", "--repair", "--from", folder + "/backup")
            try succeed(tool, "verify", "--all", "--format", "junit")

            #expect(try json(succeed(tool, "document", "list", "team/m:v1", "--json")).array?.count == 2)
            try succeed(tool, "key", "generate", "openssf", "--algorithm", "p256", "-q")
            try succeed(tool, "document", "sign", "team/m:v1", "--key", "openssf")
            try succeed(tool, "document", "verify", "team/m:v1", "--signed-by", "openssf")
            try succeed(tool, "key", "generate", "other", "-q")
            #expect(try tool.run("document", "verify", "team/m:v1", "--signed-by", "other").status == 2)
            try succeed(tool, "document", "export", "team/m:v1", "-o", folder + "/documents")
            #expect(
                try Directory.names(in: folder + "/documents")
                    == ["bom.cdx.json", "model.sig", "provenance.dsse.json", "provenance.intoto.json"])
            #expect(try tool.run("document", "attach", "team/a:v1", folder + "/documents/bom.cdx.json").status == 1)
        }
    }

    @Test func `Retention keeps the last, the young and the tagged, of the names that it is given`() throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            for name in ["team/a", "lab/b"] {
                for adapter in ["llama-task-a", "llama-task-b", "llama-task-c"] {
                    try succeed(tool, "push", Fixtures.peft(adapter), name + ":live", "-q")
                }
            }
            func retired(_ arguments: String...) throws -> [String] {
                let result = try tool.run(["gc", "--json"] + arguments)
                try #require(result.status == 0, "\(result.errors)")
                return try json(result.output)["retired"]?.array?.compactMap {
                    $0.string?.split(separator: "@").first.map(String.init)
                } ?? []
            }
            #expect(try retired().isEmpty)
            #expect(try retired("--keep-last", "3").isEmpty)
            #expect(try retired("--keep-last", "2") == ["lab/b", "team/a"])
            #expect(try retired("--keep-last", "1") == ["lab/b", "lab/b", "team/a", "team/a"])
            #expect(try retired("--keep-last", "1", "--names", "team/*") == ["team/a", "team/a"])
            #expect(try retired("--keep-last", "1", "--keep-younger", "1h").isEmpty)
            #expect(try retired("--keep-younger", "1h").isEmpty)
            #expect(try retired("--keep-younger", "0") == ["lab/b", "lab/b", "team/a", "team/a"])
            // The oldest of each name goes, and nothing else.
            let kept = try json(succeed(tool, "show", "team/a:live", "--json"))["digest"]
            let report = try json(succeed(tool, "gc", "--apply", "--grace", "0", "--keep-last", "2", "--json"))
            let first = try #require(json(succeed(tool, "history", "team/a", "--json")).array?.last?["to"])
            #expect(report["files"]?.array?.map { $0["digest"] } == [first])
            #expect(try json(succeed(tool, "show", "team/a:live", "--json"))["digest"] == kept)
            try succeed(tool, "verify", "--all")
        }
    }

    @Test func `Removals say why and who, and only of what was expected`() throws {
        try withAdapters { tool, _ throws in
            let digest = try #require(json(succeed(tool, "show", "team/a:v1", "--json"))["digest"]?.string)
            try succeed(tool, "tag", "team/a:v1", "team/a:v2")
            for command in ["untag", "rm"] {
                let name = command == "rm" ? "team/a:v1" : "team/a:v2"
                let other = "sha256:" + String(repeating: "0", count: 64)
                #expect(try tool.run(command, name, "--expect", other).status == 4)
                let result = try tool.run(
                    [command, name, "--expect", digest, "-m", "wrong tickets"],
                    environment: ["ADAPTERCTL_ACTOR": "ci/build 7"])
                #expect(result.status == 0, "\(result.errors)")
                let event = try json(succeed(tool, "history", name, "--json")).array?.first
                #expect(event?["message"] == "wrong tickets")
                #expect(event?["actor"] == "ci/build 7")
            }
            #expect(try tool.run("show", "team/a:v1").status == 3)
        }
    }

    @Test func `A long history is shown by pages of a hundred`() throws {
        try withAdapters { tool, folder throws in
            let registry = try Registry(opening: folder + "/registry")
            for _ in 0..<60 {
                try registry.tag(Reference(parsing: "team/a:v1"), as: Reference(parsing: "team/a:live"))
                try registry.untag(Reference(parsing: "team/a:live"))
            }
            func entries(_ arguments: String...) throws -> (entries: [Int], warning: String) {
                let result = try tool.run(["history", "team/a:live", "--json"] + arguments)
                #expect(result.status == 0, "\(result.errors)")
                return (try json(result.output).array?.compactMap { $0["entry"]?.integer } ?? [], result.errors)
            }
            let all = try entries("--everything")
            #expect(all.entries.count == 120 && all.warning.isEmpty)
            let first = try entries()
            #expect(first.entries == Array(all.entries.prefix(100)))
            let last = try #require(first.entries.last)
            #expect(first.warning.contains("--after \(last)"))
            let second = try entries("--after", "\(last)")
            #expect(second.entries == Array(all.entries.dropFirst(100)) && second.warning.isEmpty)
            let limited = try entries("--limit", "3")
            #expect(limited.entries == Array(all.entries.prefix(3)) && limited.warning.isEmpty)
            #expect(try tool.run("history", "team/a", "--limit", "0").status == 64)
            #expect(try tool.run("history", "team/a", "--limit", "2", "--everything").status == 64)
        }
    }

    @Test func `The log names whom --actor names, else whom the environment names, else the user`() throws {
        try withAdapters { tool, _ throws in
            func loggedActor(_ arguments: [String], _ environment: [String: String] = [:]) throws -> String? {
                let result = try tool.run(arguments, environment: environment)
                #expect(result.status == 0, "\(arguments): \(result.errors)")
                let entries = try json(succeed(tool, "log", "--limit", "1", "--json"))
                return entries.array?.first?["actor"]?.string
            }
            let environment = ["ADAPTERCTL_ACTOR": "environment"]
            #expect(try loggedActor(["tag", "team/a:v1", "team/a:x1", "--actor", "ü 1"], environment) == "ü 1")
            #expect(try loggedActor(["--actor=before", "tag", "team/a:v1", "team/a:x2"], environment) == "before")
            #expect(try loggedActor(["--actor", "before", "untag", "team/a:x1"]) == "before")
            #expect(try loggedActor(["push", Fixtures.peft("llama-task-b"), "x", "--actor", "pusher"]) == "pusher")
            #expect(
                try loggedActor(["merge", "team/a:v1", "x", "--rank", "1", "-t", "y", "--actor", "merger"]) == "merger")
            #expect(try loggedActor(["tag", "team/a:v1", "team/a:x3"], environment) == "environment")
            #expect(
                try loggedActor(["tag", "team/a:v1", "team/a:x4"], ["ADAPTERCTL_ACTOR": ""]) == Registry.userName)
            let refused = try tool.run("tag", "team/a:v1", "team/a:x5", "--actor", "")
            #expect(refused.status == 64)
            #expect(refused.errors.contains("--actor must name somebody"))
        }
    }

    @Test func `A newer schema and a damaged page are told as such`() throws {
        try withAdapters { tool, folder throws in
            let path = tool.registry + "/catalog.sqlite"
            let bytes = try InputFile.contents(of: path, limit: 1 << 24)
            // The first page of the tables: the schema.
            var damaged = bytes
            for offset in 100..<1000 { damaged[offset] ^= 0xFF }
            try Data(damaged).write(to: URL(fileURLWithPath: path))
            for arguments in [["list"], ["push", Fixtures.peft("llama-task-a"), "x"], ["fsck"]] {
                let result = try tool.run(arguments)
                #expect([1, 2].contains(result.status), "\(arguments): \(result.status)")
                #expect((result.output + result.errors).contains("damaged"), "\(arguments): \(result.errors)")
            }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            try succeed(tool, "fsck")
            // The last migration has a name that this version does not know, in the table and in its index.
            let (known, unknown) = (Array("v4-sequence".utf8), Array("v9-sequence".utf8))
            var newer = bytes
            for place in newer.indices.dropLast(known.count)
            where newer[place] == known[0] && newer[place..<place + known.count].elementsEqual(known) {
                newer.replaceSubrange(place..<place + known.count, with: unknown)
            }
            #expect(newer != bytes)
            try Data(newer).write(to: URL(fileURLWithPath: path))
            for arguments in [["list"], ["push", Fixtures.peft("llama-task-a"), "x"], ["fsck"]] {
                let result = try tool.run(arguments)
                #expect(result.status == 1, "\(arguments): \(result.status)")
                #expect(result.errors.contains("newer version"), "\(arguments): \(result.errors)")
            }
            #expect(try InputFile.contents(of: path, limit: 1 << 24) == newer)
        }
    }

    @Test func `A registry of an older version is upgraded by the first command, whichever it is`() throws {
        try withTemporaryDirectory { folder throws in
            try FileManager.default.copyItem(
                atPath: "\(Fixtures.directory)/registries/v1", toPath: folder + "/registry")
            let tool = CommandLineTool(registry: folder + "/registry")
            #expect(try succeed(tool, "list", "-q").split(separator: "\n").count == 6)
            try succeed(tool, "verify", "--all")
            try succeed(tool, "log", "--verify")
            try succeed(tool, "rebuild", "team/assistant:v1", "team/assistant:small")
        }
    }

    @Test(arguments: [
        ["list", "--search", ""], ["list", "--search", String(repeating: "x", count: 100_000)],
        ["list", "--limit", "0"], ["list", "--limit", "5", "--everything"], ["gc", "--grace", "soon"],
        ["gc", "--grace", "-1s"], ["gc", "--names", "x"], ["gc", "--keep-last", "-1"], ["log", "--limit", "0"],
        ["compose", "-t", "x"], ["compose", "a", "b", "-t", "x"], ["fsck", "--from", "x"],
        ["lineage", "a", "--depth", "0"],
        ["verify", "--all", "--lock", "x"], ["lock"],
    ])
    func `Wrong usage is told as such`(_ arguments: [String]) throws {
        try withTemporaryDirectory { folder throws in
            let result = try CommandLineTool(registry: folder + "/registry").run(arguments, directory: folder)
            #expect(result.status == 64, "\(result.errors)")
            #expect(result.errors.utf8.count < 3000)
        }
    }
}
