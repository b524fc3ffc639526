import AdapterTesting
import ByteCoding
import FileSystem
import Foundation
import Testing

/// Other tools' layouts with the real binary.
@Suite struct InterchangeTests {
    private static let fixtures = "\(Fixtures.directory)/interchange"

    private func withTool(_ body: (CommandLineTool, _ folder: String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            try body(CommandLineTool(registry: folder + "/registry"), folder)
        }
    }

    private func succeed(_ tool: CommandLineTool, _ arguments: String...) throws -> MetadataValue {
        let result = try tool.run(arguments + ["--json"])
        try #require(result.status == 0, "\(arguments): \(result.errors)")
        return try JSON.parse(Array(result.output.utf8))
    }

    @Test(arguments: ["peft", "safetensors", "npz", "mlx", "gguf", "kohya"])
    func `what was pulled in a layout is pushed as the same adapter`(layout: String) throws {
        try withTool { tool, folder throws in
            let path = folder + "/out"
            _ = try succeed(tool, "push", "\(InterchangeTests.fixtures)/gguf/qwen3/peft", "a")
            let pulled = try succeed(
                tool, "pull", "a", "-o", path, "--as", layout, "--base", "\(InterchangeTests.fixtures)/gguf/qwen3/base")
            #expect(pulled["layout"] == .string(layout))
            let pushed = try succeed(tool, "push", path, "b")
            _ = try succeed(tool, "pull", "a", "-o", folder + "/before")
            _ = try succeed(tool, "pull", "b", "-o", folder + "/after")
            let (before, after) = (try pulledDeltas(folder + "/before"), try pulledDeltas(folder + "/after"))
            #expect(Set(before.keys) == Set(after.keys))
            for (name, values) in before {
                let others = try #require(after[name])
                // GGUF holds 1.5 · B, which bfloat16 values leave exact.
                #expect(zip(values, others).allSatisfy { ($0 - $1).magnitude <= 1e-12 })
            }
            if ["peft", "safetensors", "npz"].contains(layout) {
                let stored = try succeed(tool, "show", "a")
                #expect(pushed["contentRoot"] == stored["contentRoot"])
            }
        }
    }

    @Test func `the ending chooses the layout, and content is what counts when reading`() throws {
        try withTool { tool, folder throws in
            let source = "\(InterchangeTests.fixtures)/mlx/lora"
            for (name, layout) in [
                ("x.npz", "npz"), ("x.safetensors", "safetensors"), ("x.adpt", "adpt"), ("x", "peft"),
            ] {
                let document = try succeed(tool, "convert", source, "\(folder)/\(name)")
                #expect(document["from"] == "mlx" && document["layout"] == .string(layout))
            }
            try FileManager.default.moveItem(atPath: folder + "/x.npz", toPath: folder + "/y.safetensors")
            #expect(try succeed(tool, "convert", folder + "/y.safetensors", folder + "/z")["from"] == "npz")
            let again = try tool.run("convert", source, folder + "/x")
            #expect(again.status == 1)
            #expect(try tool.run("convert", source, folder + "/x", "--force").status == 0)
        }
    }

    @Test func `ambiguous names ask for the base`() throws {
        try withTool { tool, folder throws in
            let file = "\(InterchangeTests.fixtures)/kohya/lora/adapter.safetensors"
            let refused = try tool.run("push", file, "art/style")
            #expect(refused.status == 1 && refused.errors.contains("--base DIR"))
            let base = "\(InterchangeTests.fixtures)/bases/tiny-diffusion"
            let pushed = try succeed(tool, "push", file, "art/style", "--base", base)
            #expect(pushed["base"]?["name"] == .null)
            // What was written here lists its modules.
            _ = try succeed(tool, "pull", "art/style", "-o", folder + "/x.safetensors", "--as", "kohya")
            #expect(
                try succeed(tool, "push", folder + "/x.safetensors", "art/again")["contentRoot"]
                    == pushed["contentRoot"])
        }
    }

    @Test func `products keep their certificate in the registry, and can be made smaller`() throws {
        try withTool { tool, folder throws in
            let file = "\(InterchangeTests.fixtures)/lycoris/lokr-tucker/adapter.safetensors"
            let base = "\(InterchangeTests.fixtures)/bases/layers"
            let push = try tool.run("push", file, "art/lokr", "--base", base)
            #expect(push.status == 0 && push.errors.contains("exact low-rank form"))
            let stored = try succeed(tool, "show", "art/lokr")
            #expect(stored["provenance"]?["operation"] == "import")
            #expect((stored["certificate"]?["relativeRoundingError"]?.number ?? 1) < 1e-6)
            let smaller = try succeed(tool, "convert", file, folder + "/small", "--base", base, "--rank", "1")
            let losses = smaller["losses"]?.array ?? []
            #expect(losses.map { $0["step"]?.string } == ["import", "rank"])
            #expect((losses.last?["certificate"]?["relativeTruncationError"]?.number ?? 0) > 0)
        }
    }

    @Test func `nothing is lost unasked`() throws {
        try withTool { tool, folder throws in
            let base = "\(Fixtures.directory)/models/tiny-llama"
            let arguments = ["convert", Fixtures.peft("llama-dora"), folder + "/x.npz", "--base", base]
            #expect(try tool.run(arguments).status == 0)
            let refused = try tool.run("convert", Fixtures.peft("llama-dora"), folder + "/x", "--as", "kohya")
            #expect(refused.status == 1 && refused.errors.contains("--drop dora"))
            #expect(Directory.kind(of: folder + "/x") == nil)
            let dropped = try succeed(
                tool, "convert", Fixtures.peft("llama-dora"), folder + "/x", "--as", "kohya", "--drop", "dora")
            #expect(dropped["remarks"]?.array?.first?.string?.hasPrefix("dropped dora") == true)
        }
    }

    @Test func `usage is checked`() throws {
        try withTool { tool, folder throws in
            let source = Fixtures.peft("llama-task-a")
            for arguments in [
                ["convert", source], ["convert", source, folder + "/x", "-t", "a"], ["convert", source, "-t", "a"],
                ["convert", source, folder + "/x", "--as", "nonsense"],
                ["convert", source, folder + "/x", "--drop", "x"],
                ["check", source], ["check", source, "--base", folder, "--for", "nonsense"],
            ] {
                #expect(try tool.run(arguments).status == 64, "\(arguments)")
            }
            #expect(try tool.run("convert", folder + "/nowhere", folder + "/x").status == 3)
        }
    }

    // MARK: check

    @Test(arguments: [
        ("llama-task-a", "tiny-llama"), ("llama-modules-to-save", "tiny-llama"), ("llama-alora", "tiny-llama"),
        ("gpt2-conv1d", "tiny-gpt2"), ("qwen3-moe-experts", "tiny-qwen3-moe"), ("cnn-conv", "tiny-cnn"),
        ("llama-trainable-tokens-tied", "tiny-llama-tied"),
    ]) func `adapters fit the models they were trained on`(name: String, base: String) throws {
        try withTool { tool, _ throws in
            let report = try succeed(
                tool, "check", Fixtures.peft(name), "--base", "\(Fixtures.directory)/models/\(base)", "--for", "peft")
            #expect(report["fits"] == true && report["compared"] == "weights")
        }
    }

    @Test func `what does not fit is named`() throws {
        try withTool { tool, _ throws in
            let result = try tool.run(
                "check", Fixtures.peft("qwen2-all-linear"), "--base", "\(Fixtures.directory)/models/tiny-gpt2", "--json"
            )
            #expect(result.status == 2)
            let report = try JSON.parse(Array(result.output.utf8))
            #expect(report["fits"] == false)
            let findings = report["findings"]?.array ?? []
            #expect(findings.count == report["moduleCount"]?.integer)
            #expect(findings.allSatisfy { $0["code"] == "missingTarget" })
            let text = try tool.run(
                "check", Fixtures.peft("qwen2-all-linear"), "--base", "\(Fixtures.directory)/models/tiny-gpt2")
            #expect(text.output.contains("does not fit") && text.output.contains("q_proj"))
        }
    }

    @Test func `shapes and components of a pipeline are compared`() throws {
        try withTool { tool, _ throws in
            let base = "\(InterchangeTests.fixtures)/bases/tiny-diffusion"
            let report = try succeed(tool, "check", "\(InterchangeTests.fixtures)/diffusers/metadata", "--base", base)
            #expect(report["fits"] == true && report["compared"] == "shapes")
            let other = try tool.run("check", Fixtures.peft("llama-task-a"), "--base", base)
            #expect(other.status == 2)
        }
    }

    @Test func `a model of other weights is found by its digest`() throws {
        try withTool { tool, _ throws in
            let digest = "sha256:" + String(repeating: "0", count: 64)
            _ = try succeed(tool, "push", Fixtures.peft("llama-task-a"), "a", "--base", "tiny@\(digest)")
            let base = "\(Fixtures.directory)/models/tiny-llama"
            let result = try tool.run("check", "a", "--base", base)
            #expect(result.status == 2 && result.output.contains(digest))
            #expect(try tool.run("check", "a", "--base", base, "--skip-digest").status == 0)
            // The one that it has, which is said, fits.
            let found = try #require(
                result.output.matches(of: /sha256:[0-9a-f]{64}/).map { String($0.0) }.first { $0 != digest })
            _ = try succeed(tool, "push", Fixtures.peft("llama-task-a"), "b", "--base", "tiny@\(found)")
            let report = try succeed(tool, "check", "b", "--base", base, "--for", "peft")
            #expect(report["fits"] == true)
        }
    }

    @Test func `ranks beyond a server's are refused, others are said`() throws {
        try withTool { tool, _ throws in
            let base = "\(Fixtures.directory)/models/tiny-llama"
            _ = try succeed(tool, "push", Fixtures.peft("llama-task-a"), "a")
            for (rank, status, words) in [
                ("640", Int32(2), "the rank 640 exceeds"), ("24", 0, "--max-lora-rank 32"),
                ("512", 0, "--max-lora-rank 512"),
            ] {
                _ = try succeed(tool, "pad", "a", "-t", "padded:\(rank)", "--rank", rank)
                let result = try tool.run("check", "padded:\(rank)", "--base", base, "--for", "vllm")
                #expect(result.status == status && result.output.contains(words), "\(result.output)")
            }
        }
    }

    @Test func `a GGUF file leaves nothing to scale`() throws {
        try withTool { tool, folder throws in
            let source = "\(InterchangeTests.fixtures)/gguf/llama"
            _ = try succeed(tool, "convert", source + "/peft", folder + "/x.gguf", "--base", source + "/base")
            let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/x.gguf"))
            let key = try #require(data.range(of: Data("adapter.lora.alpha".utf8)))
            // The type 6, a binary32, and 0.
            #expect(Array(data[key.upperBound..<key.upperBound + 8]) == [6, 0, 0, 0, 0, 0, 0, 0])
        }
    }

    @Test func `servers say what they need and why not`() throws {
        try withTool { tool, folder throws in
            let base = "\(Fixtures.directory)/models/tiny-llama"
            func verdict(_ adapter: String, _ server: String) throws -> MetadataValue {
                // The models of the fixtures lack some tensors, which is not what is asked here.
                let result = try tool.run("check", adapter, "--base", base, "--json")
                let report = try JSON.parse(Array(result.output.utf8))
                return try #require(report["servers"]?.array?.first { $0["name"] == .string(server) })
            }
            let plain = Fixtures.peft("llama-task-a")
            for server in ["peft", "vllm", "mlx"] { #expect(try verdict(plain, server)["fits"] == true) }
            #expect(try verdict(Fixtures.peft("llama-dora"), "vllm")["fits"] == false)
            #expect(try verdict(Fixtures.peft("llama-dora"), "mlx")["fits"] == true)
            let pattern = try verdict(Fixtures.peft("llama-rank-pattern"), "vllm")
            #expect(pattern["reasons"]?.array?.first?.string?.contains("one scaling") == true)
            #expect(try tool.run("check", Fixtures.peft("llama-dora"), "--base", base, "--for", "vllm").status == 2)
            _ = try succeed(tool, "convert", plain, folder + "/x", "--as", "mlx")
            let rank = Fixtures.peft("llama-task-b")
            #expect(try verdict(rank, "vllm")["advice"]?.string?.contains("pull it as peft") == true)
        }
    }
}
