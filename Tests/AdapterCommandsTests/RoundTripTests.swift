import AdapterTesting
import ByteCoding
import FileSystem
import Foundation
import Testing

/// PEFT → push → pull → PEFT with the real binary, judged by readers that share no code with it.
@Suite struct RoundTripTests {
    @Test func `there are at least a dozen adapters written by PEFT`() throws {
        #expect(try Fixtures.peftNames().count >= 59)
    }

    @Test(arguments: try Fixtures.peftNames())
    func `survives push and pull bit for bit`(_ name: String) throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            let reference = "peft/\(name.replacing("/", with: "-")):v1"
            let push = try tool.run("push", Fixtures.peft(name), reference, "-q")
            try #require(push.status == 0, "\(push.errors)")
            let pull = try tool.run("pull", reference, "-o", folder + "/pulled")
            try #require(pull.status == 0, "\(pull.errors)")

            let original = try PEFTFolder(Fixtures.peft(name))
            let pulled = try PEFTFolder(folder + "/pulled")
            #expect(pulled.tensors == original.tensors)
            #expect(pulled.metadata == original.metadata)
            #expect(pulled.configuration == original.configuration)
            // Foundation takes 1 for 1.0; our own parser does not.
            #expect(try configuration(folder + "/pulled") == configuration(Fixtures.peft(name)))
            #expect(
                try Directory.names(in: folder + "/pulled") == ["adapter_config.json", "adapter_model.safetensors"])

            let again = try tool.run("push", folder + "/pulled", "again/copy:v1", "-q")
            #expect(again.output == push.output)
            let other = CommandLineTool(registry: folder + "/other")
            #expect(try other.run("push", Fixtures.peft(name), reference, "-q").output == push.output)
        }
    }

    @Test(arguments: ["raw", "zstd"])
    func `an adpt file goes out and in unchanged`(_ codec: String) throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            let push = try tool.run("push", Fixtures.peft("llama-task-a"), "a:v1", "--codec", codec, "-q")
            #expect(try tool.run("pull", "a:v1", "-o", folder + "/a.adpt").status == 0)
            #expect(try tool.run("push", folder + "/a.adpt", "b:v1", "--codec", codec, "-q").output == push.output)
            let digest = push.output.dropFirst("sha256:".count).prefix(64)
            let blob = folder + "/registry/blobs/sha256/\(digest.prefix(2))/\(digest)"
            #expect(FileManager.default.contentsEqual(atPath: blob, andPath: folder + "/a.adpt"))
        }
    }

    private func configuration(_ folder: String) throws -> MetadataValue {
        try JSON.parse(InputFile.contents(of: folder + "/adapter_config.json", limit: 1 << 20))
    }
}
