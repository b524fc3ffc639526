import AdapterInterchange
import AdapterTesting
import ByteCoding
import FileSystem
import Foundation
import Tensors
import Testing

/// `extract` with the real binary, on model folders.
@Suite struct ExtractCommandTests {
    /// Writes a model of two files.
    private func write(_ folder: String, _ tensors: [String: Tensor], tied: Bool = false) throws {
        try Directory.create(folder)
        let names = tensors.keys.sorted()
        var places: [String: MetadataValue] = [:]
        for (index, part) in [names.filter { !$0.contains("layers") }, names.filter { $0.contains("layers") }]
            .enumerated()
        {
            let name = "model-0000\(index + 1)-of-00002.safetensors"
            let file = try OutputFile(in: folder)
            try SafetensorsWriter.write(
                part.compactMap { name in tensors[name].map { (name, $0) } }, metadata: ["format": "pt"], to: file)
            try file.commit(as: "\(folder)/\(name)")
            for tensor in part { places[tensor] = .string(name) }
        }
        let index: MetadataValue = ["metadata": [:], "weight_map": .map(places)]
        try Data(JSON.text(index).utf8).write(to: URL(fileURLWithPath: "\(folder)/\(ModelFolder.indexName)"))
        let configuration: MetadataValue = [
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": .bool(tied),
            "vocab_size": 40,
        ]
        try Data(JSON.text(configuration).utf8).write(to: URL(fileURLWithPath: "\(folder)/config.json"))
    }

    private func random(_ extents: [Int], _ scale: Double, _ generator: inout SeededGenerator) -> [Double] {
        (0..<extents.reduce(1, *)).map { _ in scale * generator.nextSigned() }
    }

    /// A base model and a tuned one: a change of rank 3 and noise in the layers, noise in the rest, one layer unchanged.
    private func models(_ folder: String, _ dtype: DType, tied: Bool = false) throws -> (
        base: [String: Tensor], tuned: [String: Tensor]
    ) {
        var generator = SeededGenerator(seed: 91)
        var (base, tuned): ([String: Tensor], [String: Tensor]) = ([:], [:])
        for (name, extents) in [
            ("model.embed_tokens.weight", [40, 24]), ("model.norm.weight", [24]),
            ("model.layers.0.self_attn.q_proj.weight", [24, 24]), ("model.layers.0.self_attn.q_proj.bias", [24]),
            ("model.layers.0.self_attn.k_proj.weight", [12, 24]), ("model.layers.0.mlp.down_proj.weight", [24, 40]),
        ] + (tied ? [] : [("lm_head.weight", [40, 24])]) {
            let shape = try #require(Shape(extents))
            let old = random(extents, 1, &generator)
            base[name] = try Tensor(rounding: old, to: dtype, shape: shape)
            var change = random(extents, 0.01, &generator)
            if extents.count == 2, name.contains("layers") {
                for _ in 0..<3 {
                    let (b, a) = (random([extents[0]], 0.3, &generator), random([extents[1]], 0.3, &generator))
                    for index in change.indices { change[index] += b[index / extents[1]] * a[index % extents[1]] }
                }
            }
            if name.contains("k_proj") { change = change.map { _ in 0 } }
            tuned[name] = try Tensor(rounding: zip(old, change).map { $0 + $1 }, to: dtype, shape: shape)
        }
        try write(folder + "/base", base, tied: tied)
        try write(folder + "/tuned", tuned, tied: tied)
        return (base, tuned)
    }

    private func withTool(_ body: (CommandLineTool, String) throws -> Void) throws {
        try withTemporaryDirectory { folder throws in
            try body(CommandLineTool(registry: folder + "/registry"), folder)
        }
    }

    private func extract(_ tool: CommandLineTool, _ folder: String, _ arguments: String...) throws -> MetadataValue {
        let result = try tool.run(
            ["extract", "--base", folder + "/base", "--tuned", folder + "/tuned", "-t", "team/a:v1", "--json"]
                + arguments)
        try #require(result.status == 0, "\(result.errors)")
        return try JSON.parse(Array(result.output.utf8))
    }

    /// The tensors of what fusing the adapter into the base gives.
    private func fused(_ tool: CommandLineTool, _ folder: String) throws -> ModelFolder {
        let fuse = try tool.run("fuse", "team/a:v1", "--base", folder + "/base", "-o", folder + "/fused")
        try #require(fuse.status == 0, "\(fuse.errors)")
        return try ModelFolder(opening: folder + "/fused")
    }

    private func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    @Test(arguments: [
        (DType.f32, "--rank=3"), (.bf16, "--rank=3"), (.f16, "--rank=5"), (.bf16, "--energy=0.95"),
        (.f32, "--error=0.2"),
    ])
    func `extract then fuse returns the tuned model within the certificate`(dtype: DType, size: String) throws {
        try withTool { tool, folder throws in
            let (_, tuned) = try models(folder, dtype)
            let document = try extract(tool, folder, size)
            #expect(document["leftOut"]?.array?.isEmpty == true && document["unchangedCount"] == 1)
            let fused = try fused(tool, folder)
            #expect(fused.entries.map(\.name) == tuned.keys.sorted())
            var stated: [String: Double] = [:]
            for module in try #require(document["certificate"]?["modules"]?.array) {
                stated[try #require(module["name"]?.string) + ".weight"] =
                    try #require(module["truncationError"]?.number) + #require(module["roundingError"]?.number)
            }
            #expect(stated.count == 2)
            for (name, expected) in tuned {
                let (found, wanted) = (try fused.tensor(named: name).doubles(), try expected.doubles())
                let distance = norm(zip(found, wanted).map { $0 - $1 })
                // Rounding the fused weights to their type comes on top.
                let ulp = dtype == .f32 ? 0x1p-23 : dtype == .bf16 ? 0x1p-8 : 0x1p-11
                let bound = stated[name].map { $0 * 1.0001 + ulp * norm(wanted) } ?? 0
                #expect(distance <= bound, "\(name): \(distance), \(bound)")
                if dtype == .f32, let stated = stated[name] { #expect(distance >= 0.99 * stated && stated > 0) }
            }
        }
    }

    @Test(arguments: [false, true]) func `with an error of 0 every bit of a bf16 model comes back`(tied: Bool) throws {
        try withTool { tool, folder throws in
            let (_, tuned) = try models(folder, .bf16, tied: tied)
            _ = try extract(tool, folder, "--error", "0", "--dtype", "f32")
            let fused = try fused(tool, folder)
            #expect(Set(fused.entries.map(\.name)) == Set(tuned.keys))
            for (name, expected) in tuned {
                #expect(try fused.tensor(named: name).bytes() == expected.bytes(), "\(name)")
            }
        }
    }

    @Test func `the adapter is bound to its base, recorded and pulled as a PEFT folder`() throws {
        try withTool { tool, folder throws in
            _ = try models(folder, .bf16)
            let document = try extract(tool, folder, "--rank", "4", "--base-name", "org/model@main", "-m", "difference")
            let show = try JSON.parse(Array(tool.run("show", "team/a:v1", "--json").output.utf8))
            #expect(show["provenance"]?["operation"] == "extract" && show["notes"]?["message"] == "difference")
            #expect(
                show["base"]?["name"] == "org/model"
                    && show["base"]?["digest"] == show["provenance"]?["options"]?["base"])
            #expect(show["certificate"] == document["certificate"])
            let pull = try tool.run("pull", "team/a:v1", "-o", folder + "/peft")
            #expect(pull.status == 0, "\(pull.errors)")
            #expect(try tool.run("push", folder + "/peft", "team/b:v1").status == 0)
            let again = try JSON.parse(Array(tool.run("show", "team/b:v1", "--json").output.utf8))
            #expect(again["parameterCount"] == show["parameterCount"])
            // Another base is refused by its digest.
            let wrong = try tool.run("fuse", "team/a:v1", "--base", folder + "/tuned", "-o", folder + "/wrong")
            #expect(wrong.status == 1 && wrong.errors.contains("was trained on"))
        }
    }

    @Test func `what was extracted is found from its models, and not computed again`() throws {
        try withTool { tool, folder throws in
            _ = try models(folder, .bf16)
            let first = try extract(tool, folder, "--rank", "2")
            let show = try JSON.parse(Array(tool.run("show", "team/a:v1", "--json").output.utf8))
            let parents = try #require(show["provenance"]?["parents"]?.array)
            #expect(parents.map { $0["role"] } == ["base", "tuned"])
            #expect(parents.map { $0["digest"] } == ["base", "tuned"].map { show["provenance"]?["options"]?[$0] })
            for parent in parents {
                let digest = try #require(parent["digest"]?.string)
                #expect(try tool.run("lineage", digest, "--impact").output == "team/a:v1\n")
            }
            #expect(try tool.run("lineage", "team/a:v1").output.contains("extract (base): base\n"))
            let again = try extract(tool, folder, "--rank", "2")
            #expect(again["wasStored"] == true && again["digest"] == first["digest"])
            #expect(again["certificate"] == first["certificate"] && again["leftOut"] == nil)
            for more in ["--rank=3", "--base-name=another", "--full=none", "--recompute"] {
                let rank = more.hasPrefix("--rank") ? [] : ["--rank=2"]
                let other = try tool.run(
                    ["extract", "--base", folder + "/base", "--tuned", folder + "/tuned", "-t", "team/b:v1", "--json"]
                        + rank + [more])
                #expect(try JSON.parse(Array(other.output.utf8))["wasStored"] == false, "\(more)")
            }
            #expect(try tool.run("fsck").status == 0)
        }
    }

    @Test func `targets and policies choose what is kept, and the rest is said`() throws {
        try withTool { tool, folder throws in
            _ = try models(folder, .f32)
            let result = try tool.run(
                "extract", "--base", folder + "/base", "--tuned", folder + "/tuned", "-t", "team/a:v1", "--rank", "2",
                "--target-modules", "q_proj", "--full", "vectors")
            #expect(result.status == 0)
            #expect(result.errors.contains("3 changed tensors are left out: lm_head.weight"), "\(result.errors)")
            let document = try extract(
                tool, folder, "--rank", "2", "--target-modules", ".*(q|down)_proj", "--full", "none")
            let modules = try #require(document["certificate"]?["modules"]?.array)
            #expect(modules.count == 6 && modules.count { $0["rank"] == 0 } == 4)
            #expect(document["leftOut"]?.array?.count == 4 && document["full"] == [])
        }
    }

    @Test func `models that do not fit, wrong usage, nothing to store`() throws {
        try withTool { tool, folder throws in
            let (base, tuned) = try models(folder, .bf16)
            func fails(_ status: Int32, _ word: String, _ arguments: String...) throws {
                let result = try tool.run(
                    ["extract", "--base", folder + "/base", "--tuned", folder + "/tuned", "-t", "team/x:v1"] + arguments
                )
                #expect(result.status == status && result.errors.contains(word), "\(result.errors)")
            }
            try fails(64, "no size is given")
            try fails(64, "exclude each other", "--energy", "0.5", "--error", "0.5")
            try fails(64, "full", "--rank", "4", "--full", "some")
            try fails(1, "no linear layer", "--rank", "4", "--target-modules", "q_prj")
            try fails(1, "no linear layer", "--rank", "4", "--target-modules", "q_proj,k_prj")
            try fails(1, "none of the", "--rank", "4", "--target-modules", "k_proj", "--full", "none")
            #expect(try tool.run("extract", "--base", folder, "--tuned", folder, "-t", "x", "--rank", "1").status == 1)
            #expect(
                try tool.run("extract", "--base", folder + "/none", "--tuned", folder, "-t", "x", "--rank", "1").status
                    == 3)
            let equal = try tool.run(
                "extract", "--base", folder + "/base", "--tuned", folder + "/base", "-t", "x", "--rank", "1")
            #expect(equal.status == 1 && equal.errors.contains("equals"))

            var other = tuned
            other["model.norm.weight"] = nil
            try FileManager.default.removeItem(atPath: folder + "/tuned")
            try write(folder + "/tuned", other)
            try fails(1, "lacks the tensor 'model.norm.weight'", "--rank", "4")
            other = tuned
            other["model.layers.0.mlp.down_proj.weight"] = base["model.layers.0.self_attn.q_proj.weight"]
            try FileManager.default.removeItem(atPath: folder + "/tuned")
            try write(folder + "/tuned", other)
            try fails(1, "is [24, 40]", "--rank", "4")
            #expect(try tool.run("show", "team/x:v1").status == 3)
        }
    }
}
