import AdapterTesting
import ByteCoding
import Foundation
import Testing

/// Merges with the real binary, checked against float64 oracles with arithmetic written here.
@Suite struct MergeCommandTests {
    private func withAdapters(_ body: (CommandLineTool, String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            for name in ["a", "b", "c"] {
                let push = try tool.run("push", Fixtures.peft("llama-task-\(name)"), "team/\(name):v1")
                try #require(push.status == 0, "\(push.errors)")
            }
            try body(tool, folder)
        }
    }

    private func relativeDistance(_ found: [String: [Double]], _ expected: [String: [Double]]) -> Double {
        guard Set(found.keys) == Set(expected.keys) else { return .infinity }
        var error = 0.0
        var norm = 0.0
        for (module, values) in expected {
            for (x, y) in zip(found[module] ?? [], values) {
                error += (x - y) * (x - y)
                norm += y * y
            }
        }
        return (error / norm).squareRoot()
    }

    @Test(arguments: ["cat-task-abc", "exact-task-abc-rank2", "exact-task-abc-rank4", "exact-task-abc-rank8"])
    func `equals the float64 oracle`(_ name: String) throws {
        try withAdapters { tool, folder in
            let oracle = "\(Fixtures.directory)/oracles/\(name)"
            let specification = try JSON.parse([UInt8](Data(contentsOf: URL(fileURLWithPath: oracle + "/case.json"))))
            let method = try #require(specification["method"]?.string)
            let inputs = try #require(specification["inputs"]?.array).map { input in
                let letter = input["adapter"]?.string?.last.map(String.init) ?? ""
                return "team/\(letter):v1=\(input["weight"]?.number ?? .nan)"
            }
            var arguments = ["merge"] + inputs + ["--method", method, "-t", "team/merged:v1", "--json"]
            if let rank = specification["rank"]?.integer { arguments += ["--rank", "\(rank)"] }
            let merge = try tool.run(arguments)
            try #require(merge.status == 0, "\(merge.errors)")
            #expect(try tool.run("pull", "team/merged:v1", "-o", folder + "/merged").status == 0)
            let expected = try PEFTFolder.doubles(oracle + "/delta.safetensors")
            #expect(relativeDistance(try pulledDeltas(folder + "/merged"), expected) < (method == "cat" ? 1e-6 : 1e-5))

            let document = try JSON.parse(Array(merge.output.utf8))
            for module in try #require(document["certificate"]?["modules"]?.array) {
                let name = try #require(module["name"]?.string)
                let truth = try #require(specification["modules"]?[name])
                let norm = try #require(truth["deltaNorm"]?.number)
                let error = truth["truncationError"]?.number ?? 0
                let statedNorm = try #require(module["deltaNorm"]?.number)
                let statedError = try #require(module["truncationError"]?.number)
                #expect(abs(statedNorm - norm) <= 1e-6 * norm)
                #expect(abs(statedError - error) <= 1e-6 * max(error, 1e-6 * norm))
            }
        }
    }

    @Test func `a merge records parents, weights and options`() throws {
        try withAdapters { tool, _ in
            #expect(
                try tool.run(
                    "merge", "team/a:v1=0.5", "team/b:v1=-2", "-t", "team/m:v1", "--method", "exact", "--rank", "3"
                ).status == 0)
            let show = try JSON.parse(Array(tool.run("show", "team/m:v1", "--json").output.utf8))
            let provenance = try #require(show["provenance"])
            #expect(provenance["operation"] == "merge")
            #expect(provenance["options"]?["rank"] == 3)
            #expect(provenance["parents"]?.array?.compactMap { $0["weight"]?.number } == [0.5, -2])
            let parent = try JSON.parse(Array(tool.run("show", "team/a:v1", "--json").output.utf8))
            #expect(provenance["parents"]?.array?.first?["digest"] == parent["digest"])
            #expect(provenance["parents"]?.array?.first?["contentRoot"] == parent["contentRoot"])
        }
    }

    @Test(arguments: try Fixtures.peftNames().filter { !$0.contains("multi") })
    func `a merge of one adapter is that adapter`(_ name: String) throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            #expect(try tool.run("push", Fixtures.peft(name), "x:v1").status == 0)
            let merge = try tool.run("merge", "x:v1", "-t", "y:v1")
            try #require(merge.status == 0, "\(merge.errors)")
            #expect(try tool.run("pull", "y:v1", "-o", folder + "/y").status == 0)
            #expect(try PEFTFolder(folder + "/y").tensors == PEFTFolder(Fixtures.peft(name)).tensors)
        }
    }

    @Test func `interpolation meets its ends`() throws {
        try withAdapters { tool, folder in
            let path = try tool.run("interpolate", "team/a:v1", "team/b:v1", "--steps", "2", "-t", "team/path:s")
            #expect(path.status == 0, "\(path.errors)")
            for (step, end) in [(0, "a"), (2, "b")] {
                #expect(try tool.run("pull", "team/path:s-\(step)", "-o", folder + "/\(step)").status == 0)
                #expect(
                    try PEFTFolder(folder + "/\(step)").tensors
                        == PEFTFolder(Fixtures.peft("llama-task-\(end)")).tensors)
            }
            #expect(try tool.run("merge", "team/a:v1=0.5", "team/b:v1=0.5", "-t", "team/half:v1", "-q").status == 0)
            #expect(try tool.run("pull", "team/half:v1", "-o", folder + "/half").status == 0)
            #expect(try tool.run("pull", "team/path:s-1", "-o", folder + "/1").status == 0)
            #expect(try PEFTFolder(folder + "/half").tensors == PEFTFolder(folder + "/1").tensors)
        }
    }

    @Test func `adapters that cannot be added are refused`() throws {
        try withAdapters { tool, _ in
            for name in ["llama-dora", "gpt2-conv1d", "llama-modules-to-save", "llama-kasa"] {
                #expect(try tool.run("push", Fixtures.peft(name), "other/\(name):v1").status == 0)
                let merge = try tool.run("merge", "team/a:v1", "other/\(name):v1", "-t", "team/m:v1")
                #expect(merge.status == 1, "\(name)")
                #expect(merge.errors.contains("other/\(name):v1"), "\(merge.errors)")
                #expect(try tool.run("show", "team/m:v1").status == 3)
            }
        }
    }
}
