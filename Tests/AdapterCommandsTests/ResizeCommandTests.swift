import AdapterTesting
import ByteCoding
import Foundation
import Testing

/// `resize` and `pad` with the real binary.
@Suite struct ResizeCommandTests {
    private func withAdapter(_ body: (CommandLineTool, String) throws -> Void) throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            let push = try tool.run("push", Fixtures.peft("llama-task-a"), "team/a:v1", "--message", "tickets")
            try #require(push.status == 0, "\(push.errors)")
            try body(tool, folder)
        }
    }

    private func document(_ tool: CommandLineTool, _ arguments: String...) throws -> MetadataValue {
        let result = try tool.run(arguments + ["--json"])
        try #require(result.status == 0, "\(result.errors)")
        return try JSON.parse(Array(result.output.utf8))
    }

    private func distance(_ first: [Double]?, _ second: [Double]?) -> Double {
        zip(first ?? [.infinity], second ?? [0]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }

    @Test(arguments: [
        "--rank=2", "--energy=0.8", "--error=0.3", "--budget=0.6k", "--budget=900", "--error=0.2 --dtype=bf16",
    ])
    func `the stated error is that of the pulled folder`(options: String) throws {
        try withAdapter { tool, folder throws in
            let options = options.split(separator: " ").map(String.init)
            let result = try tool.run(["resize", "team/a:v1", "-t", "team/a:small", "--json"] + options)
            try #require(result.status == 0, "\(result.errors)")
            let resized = try JSON.parse(Array(result.output.utf8))
            let stored = try document(tool, "show", "team/a:small")
            #expect(stored["certificate"] == resized["certificate"] && stored["notes"]?["message"] == "tickets")
            #expect(stored["provenance"]?["operation"] == "resize")
            #expect(try tool.run("pull", "team/a:small", "-o", folder + "/small").status == 0)
            let (before, after) = (
                try pulledDeltas(Fixtures.peft("llama-task-a")), try pulledDeltas(folder + "/small")
            )
            let modules = try #require(stored["certificate"]?["modules"]?.array)
            #expect(Set(modules.compactMap { $0["name"]?.string }) == Set(before.keys) && before.keys == after.keys)
            for module in modules {
                let name = try #require(module["name"]?.string)
                let truncation = try #require(module["truncationError"]?.number)
                let rounding = try #require(module["roundingError"]?.number)
                let error = distance(before[name], after[name])
                #expect(abs(error - truncation) <= rounding * 1.001 + 1e-9)
            }
            #expect(try tool.run("rebuild", "team/a:small").status == 0)
        }
    }

    @Test func `a budget is kept, and a recipe gives the same adapter`() throws {
        try withAdapter { tool, folder throws in
            let whole = try document(tool, "show", "team/a:v1")
            let count = try #require(whole["parameterCount"]?.integer)
            let small = try document(tool, "resize", "team/a:v1", "--budget", "\(count / 2)", "-t", "team/a:half")
            let left = try #require(small["parameterCount"]?.integer)
            #expect(left <= count / 2 && left > count / 3)
            let recipe = "operation: resize\ninputs: [team/a:v1]\noptions: {budget: \(count / 2)}\n"
            try Data(recipe.utf8).write(to: URL(fileURLWithPath: folder + "/recipe.yaml"))
            let again = try document(tool, "compose", folder + "/recipe.yaml", "-t", "team/b:v1", "--recompute")
            #expect(again["digest"] == small["digest"] && small["digest"]?.string != nil)
        }
    }

    @Test func `padding changes no effect`() throws {
        try withAdapter { tool, folder throws in
            let padded = try document(tool, "pad", "team/a:v1", "--rank", "24", "-t", "team/a:24")
            #expect(padded["ranks"] == [24])
            #expect(padded["certificate"]?["roundingError"]?.number == 0)
            #expect(try tool.run("pull", "team/a:24", "-o", folder + "/24").status == 0)
            #expect(try pulledDeltas(folder + "/24") == pulledDeltas(Fixtures.peft("llama-task-a")))
            #expect(try tool.run("rebuild", "team/a:24").status == 0)
            let small = try tool.run("pad", "team/a:v1", "--rank", "1", "-t", "team/a:1")
            #expect(small.status == 1 && small.errors.contains("resize it first"))
        }
    }

    @Test func `a rank beyond what there is is cut and said`() throws {
        try withAdapter { tool, _ throws in
            let large = try tool.run("resize", "team/a:v1", "--rank", "5000", "-t", "team/a:large")
            #expect(large.status == 0 && large.errors.contains("less than rank 5000"), "\(large.errors)")
            let merge = try tool.run(
                "merge", "team/a:v1", "team/a:v1", "--method", "exact", "--rank", "5000", "-t", "team/a:merged")
            #expect(merge.status == 0 && merge.errors.contains("less than rank 5000"), "\(merge.errors)")
            let fitting = try tool.run("resize", "team/a:v1", "--rank", "1", "-t", "team/a:one")
            #expect(fitting.status == 0 && fitting.errors.isEmpty)
        }
    }

    @Test func `wrong usage, missing adapters and what has no smaller rank`() throws {
        try withAdapter { tool, _ throws in
            for options in [
                [], ["--rank", "0"], ["--rank", "x"], ["--energy", "0"], ["--energy", "1.5"], ["--error", "1"],
                ["--error", "-1"], ["--budget", "0"], ["--budget", "-5"], ["--budget", "1e400M"], ["--budget", "5X"],
                ["--error", "0.1", "--energy", "0.5"], ["--rank", "1", "--dtype", "q8"],
            ] {
                let result = try tool.run(["resize", "team/a:v1", "-t", "team/x:v1"] + options)
                #expect(result.status == 64, "\(options): \(result.errors)")
            }
            #expect(try tool.run("pad", "team/a:v1", "-t", "team/x:v1").status == 64)
            #expect(try tool.run("resize", "team/none:v1", "-t", "team/x:v1", "--rank", "2").status == 3)
            let budget = try tool.run("resize", "team/a:v1", "-t", "team/x:v1", "--budget", "10")
            #expect(budget.status == 1 && budget.errors.contains("the budget is 10"))
            #expect(try tool.run("push", Fixtures.peft("llama-dora"), "team/dora:v1").status == 0)
            let dora = try tool.run("resize", "team/dora:v1", "-t", "team/x:v1", "--rank", "1")
            #expect(dora.status == 1 && dora.errors.contains("Unable to resize 'team/dora:v1'"))
            #expect(try tool.run("pad", "team/dora:v1", "-t", "team/dora:64", "--rank", "64").status == 0)
            #expect(try tool.run("show", "team/x:v1").status == 3)
        }
    }
}
