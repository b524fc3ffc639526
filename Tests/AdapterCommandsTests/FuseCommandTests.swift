import AdapterInterchange
import AdapterTesting
import ByteCoding
import FileSystem
import Foundation
import Integrity
import Testing

@Suite struct FuseCommandTests {
    private static let base = Fixtures.directory + "/models/tiny-llama"

    private func files(_ folder: String) throws -> [String: Data] {
        try Dictionary(
            uniqueKeysWithValues: Directory.names(in: folder).map {
                ($0, try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)")))
            })
    }

    private func withRegistry(_ body: (CommandLineTool, String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            #expect(try tool.run("push", Fixtures.peft("llama-dora"), "t/dora").status == 0)
            #expect(try tool.run("push", Fixtures.peft("llama-task-a"), "t/a").status == 0)
            try body(tool, folder)
        }
    }

    @Test func `A fused model, checked`() throws {
        try withRegistry { tool, folder throws in
            let output = folder + "/fused"
            let arguments = ["fuse", "t/dora=0.5", "t/a=-1", "--base", FuseCommandTests.base, "-o", output]
            let result = try tool.run(arguments + ["--json"])
            #expect(result.status == 0, "\(result.errors)")
            let document = try JSON.parse(Array(result.output.utf8))
            #expect(document["files"]?.array?.count == 3)
            let sha = try tool.run(
                [], launcher: ["/usr/bin/sha256sum", "\(output)/model-00001-of-00003.safetensors", "--"])
            let digest = try #require(document["files"]?.array?.first?["digest"]?.string)
            #expect(sha.output.hasPrefix(digest.dropFirst(7)))
            #expect(Directory.kind(of: output + "/tokenizer.json") == .file)
            #expect(try tool.run(arguments + ["--check"]).status == 0)
            // What is there is not overwritten.
            #expect(try tool.run(arguments).status == 1)
            let different = try tool.run(
                ["fuse", "t/dora=0.5", "t/a=-1.01", "--base", FuseCommandTests.base, "-o", output, "--check", "--json"])
            #expect(different.status == 2)
            #expect(try JSON.parse(Array(different.output.utf8))["isEqual"] == false)
        }
    }

    @Test func `Weights by module`() throws {
        try withRegistry { tool, folder throws in
            let base = ["--base", FuseCommandTests.base, "-o"]
            let output = folder + "/fused"
            // Nothing of the second is left.
            let weights = ["--weights-for", "q_proj=2,0", "--weights-for", "(v|down)_proj=0"]
            let result = try tool.run(["fuse", "t/a=0.5", "t/dora"] + weights + base + [output, "--json"])
            try #require(result.status == 0, "\(result.errors)")
            #expect(try JSON.parse(Array(result.output.utf8))["weightsFor"] == ["q_proj=2,0", "(v|down)_proj=0"])
            let scaled = try tool.run(
                "merge", "t/a=0.5", "--weights-for", "q_proj=2", "--weights-for", "v_proj=0", "-t", "t/scaled")
            try #require(scaled.status == 0, "\(scaled.errors)")
            let alone = try tool.run(["fuse", "t/scaled"] + base + [folder + "/alone"])
            try #require(alone.status == 0, "\(alone.errors)")
            #expect(try files(folder + "/alone") == files(output))
            #expect(try tool.run(["fuse", "t/a=0.5"] + base + [folder + "/plain"]).status == 0)
            #expect(try files(folder + "/plain") != files(output))
            for (weights, status) in [("nothing=1", 1), ("q_proj=1,2,3", 1), ("q_proj=x", 64)] as [(String, Int32)] {
                let refused = try tool.run(
                    ["fuse", "t/a", "--weights-for", weights] + base + [folder + "/refused"])
                #expect(refused.status == status && Directory.kind(of: folder + "/refused") == nil, "\(refused.errors)")
            }
        }
    }

    @Test func `A value that is no number is named, and nothing is written`() throws {
        try withRegistry { tool, folder throws in
            let bad = folder + "/bad"
            try FileManager.default.copyItem(atPath: Fixtures.peft("llama-task-a"), toPath: bad)
            let path = URL(fileURLWithPath: bad + "/adapter_model.safetensors")
            var data = try Data(contentsOf: path)
            // The last element of the last tensor, of type f32.
            data.replaceSubrange(data.count - 4..<data.count, with: [0, 0, 0xC0, 0x7F])
            try data.write(to: path)
            #expect(try tool.run("push", bad, "t/bad").status == 0)
            let result = try tool.run(
                "fuse", "t/a", "t/bad=0.5", "--base", FuseCommandTests.base, "-o", folder + "/none")
            #expect(result.status == 1, "\(result.output)")
            #expect(
                result.errors.contains(/'t\/bad': [AB] of the module '[^']+_proj' holds nan/), "\(result.errors)")
            #expect(Directory.kind(of: folder + "/none") == nil)
        }
    }

    @Test(arguments: [2, 3, 5]) func `Parts in any order make the same folder`(count: Int) throws {
        try withRegistry { tool, folder throws in
            let arguments = ["fuse", "t/dora", "--base", FuseCommandTests.base, "-o"]
            #expect(try tool.run(arguments + [folder + "/whole"]).status == 0)
            for number in (1...count).reversed() {
                // Five parts of three files: the first has nothing to do.
                if count <= 3 { #expect(Directory.kind(of: folder + "/parts/" + ModelFolder.indexName) == nil) }
                #expect(try tool.run(arguments + [folder + "/parts", "--shard", "\(number)/\(count)"]).status == 0)
            }
            #expect(try files(folder + "/parts") == files(folder + "/whole"))
        }
    }

    @Test func `A failure leaves nothing`() throws {
        try withRegistry { tool, folder throws in
            let result = try tool.run(
                "fuse", "t/dora=1e300", "--base", FuseCommandTests.base, "-o", folder + "/none",
                "--allow-different-base"
            )
            #expect(result.status == 1)
            #expect(Directory.kind(of: folder + "/none") == nil)
            #expect(try Directory.names(in: folder).filter { $0.hasSuffix(".tmp") }.isEmpty)
        }
    }

    @Test func `An adapter that names its base model by digest`() throws {
        try withRegistry { tool, folder throws in
            let digest = try ModelFolder(opening: FuseCommandTests.base).weightsDigest()
            let other = "sha256:" + String(repeating: "0", count: 64)
            for (name, digest, status) in [("right", digest.description, 0), ("wrong", other, 1)]
                as [(String, String, Int32)]
            {
                #expect(
                    try tool.run("push", Fixtures.peft("llama-task-a"), "t/\(name)", "--base", "tiny@\(digest)").status
                        == 0)
                let output = "\(folder)/\(name)"
                #expect(
                    try tool.run("fuse", "t/\(name)", "--base", FuseCommandTests.base, "-o", output).status == status)
            }
            #expect(
                try tool.run(
                    "fuse", "t/wrong", "--base", FuseCommandTests.base, "-o", folder + "/forced",
                    "--allow-different-base"
                ).status == 0)
        }
    }

    @Test(arguments: ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2"]) func `Malformed parts`(text: String) throws {
        try withRegistry { tool, folder throws in
            #expect(
                try tool.run("fuse", "t/a", "--base", FuseCommandTests.base, "-o", folder + "/x", "--shard", text)
                    .status
                    == 64)
        }
    }

    @Test func `A base model that is not there or is another one`() throws {
        try withRegistry { tool, folder throws in
            #expect(try tool.run("fuse", "t/a", "--base", folder + "/none", "-o", folder + "/x").status == 3)
            let other = Fixtures.directory + "/models/tiny-gpt2"
            let result = try tool.run("fuse", "t/a", "--base", other, "-o", folder + "/x")
            #expect(result.status == 1 && result.errors.contains("has no tensor 'model.layers.0"))
        }
    }
}
