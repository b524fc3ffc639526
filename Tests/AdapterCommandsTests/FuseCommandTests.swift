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
