import AdapterTesting
import ByteCoding
import Foundation
import Testing

/// What was computed before is answered from the store, whichever command asks.
@Suite struct ReuseTests {
    private func withAdapters(_ body: (CommandLineTool) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            for name in ["a", "b"] {
                let push = try tool.run(
                    "push", Fixtures.peft("llama-task-\(name)"), "team/\(name):v1", "--message", "task \(name)",
                    "--label", "of=\(name)")
                try #require(push.status == 0, "\(push.errors)")
            }
            try body(tool)
        }
    }

    private func answer(_ tool: CommandLineTool, _ arguments: [String]) throws -> MetadataValue {
        let result = try tool.run(arguments + ["--json"])
        try #require(result.status == 0, "\(arguments): \(result.errors)")
        return try JSON.parse(Array(result.output.utf8))
    }

    static let commands: [[String]] = [
        ["merge", "team/a:v1=0.7", "team/b:v1=0.3"],
        ["merge", "team/a:v1", "team/b:v1", "--method", "dare-ties", "--seed", "3", "--rank", "4"],
        ["merge", "team/a:v1", "team/b:v1=-0.5", "--energy", "0.9"],
        ["interpolate", "team/a:v1", "team/b:v1", "--at", "0.25"],
        ["convert", "team/a:v1", "--dtype", "q8"], ["scale", "team/a:v1", "--by", "0.5"], ["negate", "team/b:v1"],
        ["subtract", "team/a:v1", "team/b:v1", "--rank", "auto"], ["resize", "team/a:v1", "--rank", "2"],
    ]

    @Test(arguments: commands)
    func `The same operation on the same inputs is not computed again`(_ command: [String]) throws {
        try withAdapters { tool in
            let first = try answer(tool, command + ["-t", "team/first:v1"])
            #expect(first["wasStored"] == false)
            let second = try answer(tool, command + ["-t", "team/second:v1"])
            #expect(second["wasStored"] == true)
            for key in ["digest", "contentRoot", "certificate", "byteCount", "parameterCount", "comparedWith"] {
                #expect(first[key] == second[key], "\(key)")
            }
            #expect(second["reference"] == "team/second:v1")
            let text = try tool.run(command + ["-t", "team/third:v1"])
            #expect(text.output.contains("Named team/third:v1, which the store had already"))
            // Told to, it computes, and gets the same.
            let again = try answer(tool, command + ["-t", "team/again:v1", "--recompute"])
            #expect(again["wasStored"] == false)
            #expect(again["digest"] == first["digest"])
            // Another sentence is another file.
            let other = try answer(tool, command + ["-t", "team/other:v1", "--message", "another"])
            #expect(other["wasStored"] == false)
            #expect(other["contentRoot"] == first["contentRoot"])
            #expect(other["digest"] != first["digest"])
            let same = try answer(tool, command + ["-t", "team/same:v1", "--message", "another"])
            #expect(same["wasStored"] == true)
            #expect(same["digest"] == other["digest"])
            // What has lost its name is still there until it is collected.
            for name in ["first", "second", "third", "again"] {
                #expect(try tool.run("rm", "team/\(name):v1").status == 0)
            }
            #expect(try answer(tool, command + ["-t", "team/back:v1"])["wasStored"] == true)
            #expect(try tool.run("rm", "team/back:v1").status == 0)
            #expect(try tool.run("gc", "--apply", "--grace", "0").status == 0)
            #expect(try answer(tool, command + ["-t", "team/new:v1"])["wasStored"] == false)
            #expect(try tool.run("fsck").status == 0)
        }
    }

    @Test func `Other options, weights, inputs and notes are other computations`() throws {
        try withAdapters { tool in
            _ = try answer(tool, ["merge", "team/a:v1=0.7", "team/b:v1=0.3", "-t", "m:v1"])
            for command in [
                ["merge", "team/a:v1=0.7", "team/b:v1=0.31"], ["merge", "team/b:v1=0.3", "team/a:v1=0.7"],
                ["merge", "team/a:v1=0.7", "team/b:v1=0.3", "--dtype", "bf16"], ["merge", "team/a:v1=0.7"],
            ] { #expect(try answer(tool, command + ["-t", "m:v2"])["wasStored"] == false, "\(command)") }
            // The same tensors under other labels: what is converted carries them on.
            let push = try tool.run(
                "push", Fixtures.peft("llama-task-a"), "team/relabelled:v1", "--label", "of=another")
            try #require(push.status == 0)
            _ = try answer(tool, ["convert", "team/a:v1", "--dtype", "bf16", "-t", "c:v1"])
            let converted = try answer(tool, ["convert", "team/relabelled:v1", "--dtype", "bf16", "-t", "c:v2"])
            #expect(converted["wasStored"] == false)
            let shown = try answer(tool, ["show", "c:v2"])
            #expect(JSON.text(shown).contains("another"))
        }
    }

    @Test func `A compare and swap that fails changes nothing, also from the store`() throws {
        try withAdapters { tool in
            _ = try answer(tool, ["scale", "team/a:v1", "--by", "2", "-t", "s:v1"])
            #expect(
                try tool.run("scale", "team/a:v1", "--by", "2", "-t", "team/b:v1", "--expect", "absent").status == 4)
            #expect(try tool.run("verify", "--all").status == 0)
            // A file that is gone is computed again.
            let digest = try #require(answer(tool, ["show", "s:v1"])["digest"]?.string?.split(separator: ":").last)
            try FileManager.default.removeItem(atPath: "\(tool.registry)/blobs/sha256/\(digest.prefix(2))/\(digest)")
            #expect(try answer(tool, ["scale", "team/a:v1", "--by", "2", "-t", "s:v2"])["wasStored"] == false)
            #expect(try tool.run("verify", "--all").status == 0)
        }
    }

    @Test(arguments: [
        ["merge", "team/a:v1=0.7", "team/b:v1=0.3", "-t"], ["compose", "recipe.yaml", "-t"],
    ])
    func `A result whose bytes changed is computed again, which heals it`(_ command: [String]) throws {
        try withAdapters { tool in
            let folder = URL(fileURLWithPath: tool.registry).deletingLastPathComponent()
            try Data("{operation: merge, inputs: [team/a:v1=0.7, team/b:v1=0.3]}".utf8)
                .write(to: folder.appendingPathComponent("recipe.yaml"))
            func run(_ name: String) throws -> MetadataValue {
                let result = try tool.run(command + [name, "--json"], directory: folder.path)
                try #require(result.status == 0, "\(result.errors)")
                let answer = try JSON.parse(Array(result.output.utf8))
                return answer["steps"]?.array?.first ?? answer
            }
            let first = try run("out:v1")
            #expect(try run("out:v2")["wasStored"] == true)
            let digest = try #require(first["digest"]?.string?.split(separator: ":").last)
            let blob = URL(fileURLWithPath: "\(tool.registry)/blobs/sha256/\(digest.prefix(2))/\(digest)")
            let whole = try Data(contentsOf: blob)
            var bytes = whole
            bytes[bytes.count / 2] ^= 1
            try FileManager.default.removeItem(at: blob)
            try bytes.write(to: blob)
            #expect(try tool.run("verify", "out:v1").status == 2)
            let again = try run("out:v3")
            #expect(again["wasStored"] == false)
            #expect(again["digest"] == first["digest"])
            #expect(try Data(contentsOf: blob) == whole)
            #expect(try run("out:v4")["wasStored"] == true)
            #expect(try tool.run("verify", "--all").status == 0)
        }
    }

    @Test func `A recipe whose target stands elsewhere computes nothing`() throws {
        try withAdapters { tool in
            let recipe = URL(fileURLWithPath: tool.registry + "-recipe.yaml")
            try Data("{operation: merge, inputs: [team/a:v1, team/b:v1]}".utf8).write(to: recipe)
            #expect(try tool.run("compose", recipe.path, "-t", "team/a:v1", "--expect", "absent").status == 4)
            #expect(try answer(tool, ["stats"])["fileCount"] == 2)
        }
    }
}
