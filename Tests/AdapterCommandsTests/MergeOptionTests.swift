import AdapterTesting
import ByteCoding
import Foundation
import Testing

/// Options of methods with the real binary: each changes the result and stands in its record.
@Suite struct MergeOptionTests {
    private func withAdapters(_ body: (CommandLineTool, String) throws -> Void) throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            for name in ["llama-task-a", "llama-task-b", "llama-rank4-a", "llama-rank4-b", "llama-modules-to-save"] {
                let push = try tool.run("push", Fixtures.peft(name), name)
                try #require(push.status == 0, "\(push.errors)")
            }
            try body(tool, folder)
        }
    }

    /// Runs a command of words and returns what `show` says of the result.
    private func stored(_ tool: CommandLineTool, _ command: String) throws -> MetadataValue {
        let result = try tool.run(command.split(separator: " ").map(String.init) + ["-t", "out"])
        try #require(result.status == 0, "\(command): \(result.errors)")
        return try JSON.parse(Array(tool.run("show", "out", "--json").output.utf8))
    }

    @Test(
        arguments: [
            ("merge llama-task-a llama-task-b --method core-space", "--inner slerp", "inner", "slerp"),
            ("merge llama-task-a llama-task-b --method core-space --inner ties", "--density 0.2", "density", 0.2),
            ("merge llama-task-a llama-task-b --method ctm", "--inner iso", "inner", "iso"),
            ("merge llama-task-a llama-task-b --method breadcrumbs", "--gamma 0.2", "gamma", 0.2),
            ("merge llama-task-a llama-task-b --method della", "--epsilon 0.4", "epsilon", 0.4),
            ("merge llama-task-a llama-task-b --method ties", "--lambda -0.5", "lambda", -0.5),
            (
                "merge llama-rank4-a llama-rank4-b --method compat-peft-ties", "--majority-sign frequency",
                "majoritySign",
                "frequency"
            ),
            ("merge llama-task-a llama-task-b --method nuslerp", "--by row", "by", "row"),
            ("merge llama-task-a llama-task-b --method nuslerp --by row", "--by column", "by", "column"),
            ("merge llama-task-a llama-task-b --method model-stock", "--by row", "by", "row"),
            ("interpolate llama-task-a llama-task-b --at 0.3", "--method slerp", "method", "slerp"),
        ] as [(String, String, String, MetadataValue)])
    func `an option changes the digest and the record`(
        command: String, option: String, key: String, value: MetadataValue
    ) throws {
        try withAdapters { tool, folder throws in
            let before = try stored(tool, command)
            let after = try stored(tool, command + " " + option)
            #expect(after["digest"] != before["digest"] && after["contentRoot"] != before["contentRoot"])
            let options = try #require(after["provenance"]?["options"])
            #expect(options[key] == value && before["provenance"]?["options"]?[key] != value)
            // The record computes the same again, and so does a recipe of its options.
            let rebuild = try tool.run("rebuild", "out")
            #expect(rebuild.status == 0, "\(rebuild.errors)")
            let words = command.split(separator: " ")
            let recipe: MetadataValue = [
                "operation": .string(String(words[0])),
                "inputs": .array(words[1...2].map { .string(String($0)) }), "options": options,
            ]
            try Data(JSON.text(recipe).utf8).write(to: URL(fileURLWithPath: folder + "/recipe.json"))
            let composed = try tool.run("compose", folder + "/recipe.json", "-t", "again", "--recompute", "--json")
            try #require(composed.status == 0, "\(composed.errors)")
            #expect(try JSON.parse(Array(composed.output.utf8))["contentRoot"] == after["contentRoot"])
        }
    }

    @Test(arguments: [
        "--method core-space --inner core-space", "--method ctm --inner cat", "--method model-stock --by column",
        "--method slerp --by row", "--method core-space --inner compat-peft-ties", "--method nuslerp --by x",
        "--method core-space --inner nuslerp --by row",
    ])
    func `options that do not go together are wrong usage`(options: String) throws {
        try withAdapters { tool, _ throws in
            let words =
                ["merge", "llama-task-a", "llama-task-b", "-t", "out"] + options.split(separator: " ").map(String.init)
            let result = try tool.run(words)
            #expect(result.status == 64, "\(result.errors)")
        }
    }

    /// A copy of a fixture with a value that is no number in one tensor whose name ends so.
    private func poisoned(_ fixture: String, _ suffix: String, in folder: String) throws -> String {
        let path = folder + "/poisoned"
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.copyItem(atPath: Fixtures.peft(fixture), toPath: path)
        let file = URL(fileURLWithPath: path + "/adapter_model.safetensors")
        var bytes = [UInt8](try Data(contentsOf: file))
        let headerCount = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try JSON.parse(Array(bytes[8..<8 + headerCount]))
        let names = try #require(header.map?.keys.filter { $0.hasSuffix(suffix) }.sorted())
        let name = try #require(names.first, "\(suffix) is not in \(header.map?.keys.sorted() ?? [])")
        try #require(header[name]?["dtype"] == "F32")
        let end = try #require(header[name]?["data_offsets"]?.array?.last?.integer)
        // The last element.
        bytes.replaceSubrange(8 + headerCount + end - 4..<8 + headerCount + end, with: [0, 0, 0xC0, 0x7F])
        try Data(bytes).write(to: file)
        return path
    }

    @Test(arguments: [
        ("llama-modules-to-save", "lm_head.weight"), ("qwen2-bias-all", ".bias"),
        ("llama-trainable-tokens", "token_adapter.trainable_tokens_delta"), ("llama-lora-bias", "lora_B.bias"),
    ])
    func `values that are no numbers in other parameters are named, and nothing is stored`(
        fixture: String, suffix: String
    ) throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            #expect(try tool.run("push", Fixtures.peft(fixture), "good").status == 0)
            #expect(try tool.run("push", poisoned(fixture, suffix, in: folder), "bad").status == 0)
            for command in [
                ["merge", "bad", "good", "--absolute", "first"], ["merge", "good", "bad", "--absolute", "average"],
                ["merge", "bad"], ["scale", "bad", "--by", "2", "--absolute", "first"],
            ] {
                let result = try tool.run(command + ["-t", "out"])
                #expect(result.status == 1, "\(command)")
                #expect(
                    result.errors.contains("'bad'") && result.errors.contains("holds nan"),
                    "\(command): \(result.errors)")
                #expect(try tool.run("show", "out").status == 3)
            }
            let fine = try tool.run("merge", "good", "bad", "--absolute", "first", "-t", "out")
            // Taken from the other one; but a sum is of both.
            #expect(fine.status == (suffix == "lora_B.bias" ? 1 : 0), "\(fine.errors)")
        }
    }

    @Test func `fusing what is no number is refused by name, and no folder is left`() throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            let base = Fixtures.directory + "/models/tiny-llama"
            for (fixture, suffix, weight) in [
                ("llama-task-a", "q_proj.lora_B.weight", "1"), ("llama-modules-to-save", "lm_head.weight", "1"),
                ("llama-modules-to-save", "lm_head.weight", "0.5"),
                ("llama-trainable-tokens", "trainable_tokens_delta", "0.5"),
            ] {
                #expect(try tool.run("push", poisoned(fixture, suffix, in: folder), "bad").status == 0)
                let result = try tool.run("fuse", "bad=\(weight)", "--base", base, "-o", folder + "/fused")
                #expect(result.status == 1 && result.errors.contains("Unable to fuse 'bad"), "\(result.errors)")
                #expect(result.errors.contains("nan"), "\(result.errors)")
                #expect(!FileManager.default.fileExists(atPath: folder + "/fused"))
            }
        }
    }
}
