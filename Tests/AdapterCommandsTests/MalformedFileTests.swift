import AdapterTesting
import FileSystem
import Foundation
import Testing

/// The malformed test vectors with the real binary, and how much a file may ask for.
@Suite struct MalformedFileTests {
    private static let folder = Fixtures.directory + "/malformed"

    @Test func `verify gives each malformed file the code in its name`() throws {
        try withTemporaryDirectory { folder in
            let names = try Directory.names(in: MalformedFileTests.folder).filter { $0.hasSuffix(".adpt") }.sorted()
            #expect(names.count >= 400)
            let result = try CommandLineTool(registry: folder).run(
                ["verify", "--json"] + names.map { "\(MalformedFileTests.folder)/\($0)" })
            #expect(result.status == 2)
            let document = try #require(
                JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
            #expect(document["damaged"] as? Int == names.count)
            let results = try #require(document["results"] as? [[String: Any]])
            #expect(results.count == names.count)
            for (name, result) in zip(names, results) {
                #expect(result["code"] as? String == String(name.prefix { $0 != "-" }), "\(name)")
            }
        }
    }

    @Test(arguments: ["bomb-constant-65-mebibytes", "bomb-of-many-tensors"])
    func `--max-decoded lets a file decode to as much and not to a byte more`(name: String) throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            let path = "\(MalformedFileTests.folder)/limitExceeded--\(name).adpt"
            let enough = ["--max-decoded", "\(65 << 20)"]
            let (tooLittle, generous) = (["--max-decoded", "\(65 << 20 - 1)"], ["--max-decoded=1G"])
            for arguments in [
                ["verify", path], ["pack", path, "-o", folder + "/a.adpt"],
                ["unpack", path, "-o", folder + "/b.npz", "--drop", "other"], ["push", path, "bomb"],
                ["pull", "bomb", "-o", folder + "/c.adpt"],
            ] {
                for limit in [[], tooLittle] {
                    let refused = try tool.run(limit + arguments)
                    #expect(refused.status == 2, "\(limit + arguments): \(refused.errors)")
                    let words = refused.errors + refused.output
                    #expect(words.contains("--max-decoded"), "\(limit + arguments): \(words)")
                }
                // Before and behind the command.
                let accepted = try tool.run(arguments[0] == "verify" ? generous + arguments : arguments + enough)
                #expect(accepted.status == 0, "\(arguments): \(accepted.errors)")
            }
        }
    }

    @Test func `More than the format has room for is refused as an option and said of a file`() throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder)
            let huge = "\(MalformedFileTests.folder)/limitExceeded--tensor-above-64-gibibytes.adpt"
            let result = try tool.run("verify", "--max-decoded", "64G", huge)
            #expect(result.status == 2)
            #expect(result.output.contains("the most that the format has room for"))
            #expect(!result.output.contains("Raise"))
            let option = try tool.run("verify", "--max-decoded", "100G", huge)
            #expect(option.status == 64)
            #expect(option.errors.contains("at most 64G"))
        }
    }
}
