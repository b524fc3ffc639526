import AdapterTesting
import FileSystem
import Foundation
import Integrity
import Testing

/// Files whose chunks have the digests that the file states, and are not those of its content root: only who recomputes
/// the content root from the values can tell.
@Suite struct ForgedFileTests {
    @Test func `A forged file is refused by show, unpack, pack, convert, push and verify`() throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            func succeed(_ arguments: String...) throws {
                let result = try tool.run(arguments)
                #expect(result.status == 0, "\(arguments): \(result.errors)")
            }
            let path = folder + "/signed.adpt"
            try succeed("key", "generate", "release")
            try succeed("pack", Fixtures.peft("llama-task-a"), "-o", path, "--codec", "raw")
            try succeed("sign", path, "--key", "release")
            try succeed("show", path)
            try succeed("unpack", path, "-o", folder + "/intact", "--signed-by", "release")

            try Data(ForgedFileTests.forged(path)).write(to: URL(fileURLWithPath: path))
            let output = folder + "/output"
            for arguments in [
                ["show", path], ["show", path, "--json"], ["report", path, "-o", output],
                ["unpack", path, "-o", output],
                ["unpack", path, "-o", output, "--signed-by", "release"], ["unpack", path, "-o", output + ".adpt"],
                ["unpack", path, "-o", output, "--as", "safetensors"], ["pack", path, "-o", output + ".adpt"],
                ["convert", path, output + ".adpt"], ["push", path, "team/a:v1"],
                ["push", path, "team/a:v1", "--message", "x"], ["push", path, "team/a:v1", "--codec", "planes"],
                ["sign", path, "--key", "release"], ["verify", path], ["verify", path, "--signed-by", "release"],
            ] {
                let result = try tool.run(arguments)
                #expect(result.status == 2, "\(arguments): \(result.output)\(result.errors)")
                #expect(!result.output.contains("valid"), "\(arguments)")
            }
            #expect(try tool.run("list", "-q").output == "")
            #expect(try Directory.names(in: folder).filter { $0.contains("output") } == [])
        }
    }

    @Test(arguments: try ForgedFileTests.malformed())
    func `Values of another content root are not packed`(name: String) throws {
        try withTemporaryDirectory { folder in
            let path = "\(Fixtures.directory)/malformed/\(name)"
            let result = try CommandLineTool(registry: folder + "/registry").run("pack", path, "-o", folder + "/a.adpt")
            #expect(result.status == 2)
            #expect(try Directory.names(in: folder) == [])
        }
    }

    @Test func `What was verified is said as it is`() throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            let path = folder + "/a.adpt"
            #expect(try tool.run("key", "generate", "release").status == 0)
            #expect(try tool.run("pack", Fixtures.peft("llama-task-a"), "-o", path).status == 0)
            let unsigned = try tool.run("unpack", path, "-o", folder + "/1")
            #expect(unsigned.output.contains("every chunk verified; content root as stated"))
            let demanded = try tool.run("unpack", path, "-o", folder + "/2", "--signed-by", "release", "--json")
            #expect(demanded.status == 2)
            #expect(demanded.errors.contains("no signature") || demanded.errors.contains("not signed"))
            #expect(Directory.kind(of: folder + "/2") == nil)
            let detached = ["sign", path, "--key", "release", "--detached", folder + "/a.sig"]
            #expect(try tool.run(detached).status == 0)
            let signed = try tool.run(
                "unpack", path, "-o", folder + "/3", "--signed-by", "release", "--signature", folder + "/a.sig")
            #expect(signed.status == 0, "\(signed.errors)")
            #expect(signed.output.contains("verified as content root"))
            #expect(signed.output.contains("signed by release"))
        }
    }

    @Test func `unpack and convert to .adpt keep signatures and provenance, and convert says what it leaves`() throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            func object(_ arguments: String...) throws -> [String: Any] {
                let result = try tool.run(arguments + ["--json"])
                #expect(result.status == 0, "\(arguments): \(result.errors)")
                return try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
            }
            #expect(try tool.run("key", "generate", "release").status == 0)
            #expect(try tool.run("push", Fixtures.peft("llama-task-a"), "a").status == 0)
            #expect(try tool.run("negate", "a", "-t", "b").status == 0)
            #expect(try tool.run("sign", "b", "--key", "release").status == 0)
            let path = folder + "/b.adpt"
            #expect(try tool.run("pull", "b", "-o", path).status == 0)
            for (index, arguments) in [["unpack", path], ["convert", path], ["convert", "b"]].enumerated() {
                let copy = "\(folder)/\(index).adpt"
                #expect(
                    try tool.run(arguments[0] == "unpack" ? arguments + ["-o", copy] : arguments + [copy]).status == 0)
                let shown = try object("show", copy)
                #expect((shown["signatures"] as? [[String: Any]])?.first?["state"] as? String == "valid")
                #expect((shown["provenance"] as? [String: Any])?["operation"] as? String == "negate")
            }
            let smaller = try tool.run("convert", path, folder + "/small.adpt", "--dtype", "bf16")
            #expect(smaller.status == 0)
            #expect(smaller.errors.contains("signatures"))
        }
    }

    private static func malformed() throws -> [String] {
        try Directory.names(in: Fixtures.directory + "/malformed").filter { $0.hasPrefix("digestMismatch--tensor") }
            .sorted()
    }

    /// The file with one bit of its first chunk changed, and each digest right that does not follow from the values.
    private static func forged(_ path: String) throws -> [UInt8] {
        var bytes = try InputFile.contents(of: path, limit: 1 << 24)
        func number(_ offset: Int, _ count: Int) -> Int {
            bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        let (headerByteCount, alignment) = (number(24, 8), number(40, 4))
        let entry = try #require(
            (0..<number(12, 4)).map { 128 + 64 * $0 }.first { Array(bytes[$0..<$0 + 4]) == Array("CHNK".utf8) })
        let (chunks, chunksByteCount, encodedByteCount) = (
            number(entry + 8, 8), number(entry + 16, 8), number(number(entry + 8, 8) + 8, 4)
        )
        let extent = headerByteCount..<headerByteCount + (encodedByteCount + alignment - 1) / alignment * alignment
        bytes[extent.lowerBound] ^= 1
        bytes.replaceSubrange(chunks + 16..<chunks + 48, with: MerkleTree.leaf(Array(bytes[extent])).bytes)
        bytes.replaceSubrange(
            entry + 32..<entry + 64, with: SHA256.hash(Array(bytes[chunks..<chunks + chunksByteCount])).bytes)
        bytes.replaceSubrange(96..<128, with: [UInt8](repeating: 0, count: 32))
        bytes.replaceSubrange(96..<128, with: SHA256.hash(Array(bytes[..<headerByteCount])).bytes)
        return bytes
    }
}
