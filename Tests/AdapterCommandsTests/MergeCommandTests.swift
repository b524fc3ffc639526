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

    @Test(arguments: ["linear", "ties", "dare-linear", "dare-ties", "magnitude-prune"])
    func `PEFT's way on factors says how far it is from the exact sum`(_ method: String) throws {
        try withAdapters { tool, folder in
            for name in ["a", "b"] {
                try #require(try tool.run("push", Fixtures.peft("llama-rank4-\(name)"), "even/\(name)").status == 0)
            }
            let (a, b) = (
                try pulledDeltas(Fixtures.peft("llama-rank4-a")), try pulledDeltas(Fixtures.peft("llama-rank4-b"))
            )
            let merge = try tool.run(
                "merge", "even/a=0.7", "even/b=-0.4", "--method", "compat-peft-\(method)", "-t", "m", "--json")
            try #require(merge.status == 0, "\(merge.errors)")
            let document = try JSON.parse(Array(merge.output.utf8))
            #expect(document["comparedWith"] == "the exact sum")
            try #require(try tool.run("pull", "m", "-o", folder + "/m").status == 0)
            let found = try pulledDeltas(folder + "/m")
            try #require(Set(found.keys) == Set(a.keys) && Set(found.keys) == Set(b.keys))
            let modules = try #require(document["certificate"]?["modules"]?.array)
            #expect(Set(modules.compactMap { $0["name"]?.string }) == Set(found.keys))
            func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            for module in modules {
                let name = try #require(module["name"]?.string)
                let exact = zip(a[name] ?? [], b[name] ?? []).map { 0.7 * $0 - 0.4 * $1 }
                let distance = norm(zip(found[name] ?? [], exact).map { $0 - $1 })
                let (stated, size) = (
                    try #require(module["truncationError"]?.number), try #require(module["deltaNorm"]?.number)
                )
                #expect(abs(stated - distance) < 1e-5 * distance, "\(name)")
                #expect(abs(size - norm(exact)) < 1e-6 * size && distance > 0.1 * size, "\(name)")
            }
            let text = try tool.run(
                "merge", "even/a=0.7", "even/b=-0.4", "--method", "compat-peft-\(method)", "-t", "m")
            #expect(text.output.contains("What the result lost against the exact sum"))
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
            // The ends have places, so this is their order.
            #expect(
                try tool.run(
                    "merge", "team/a:v1=0.5", "team/b:v1=0.5", "--order", "given", "-t", "team/half:v1", "-q"
                ).status == 0)
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
