import AdapterTesting
import ByteCoding
import Foundation
import Testing

/// `--rank` and `--energy` of merges by methods that make factors of their own, with the real binary.
@Suite struct MergeRankTests {
    /// A module of the certificate.
    private struct Module {
        let name: String
        let rank: Int
        /// What was dropped, as a share of ‖ΔW‖².
        let missed: Double
    }

    /// `task-a` (rank 4 in k, q, v) and `task-b` (rank 8 in o, q, v); q and o are 32 × 32, k and v 16 × 32.
    private func withAdapters(_ body: (CommandLineTool) throws -> Void) throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            for name in ["a", "b"] {
                try #require(try tool.run("push", Fixtures.peft("llama-task-\(name)"), "team/\(name):v1").status == 0)
            }
            try body(tool)
        }
    }

    private func run(_ tool: CommandLineTool, _ method: String, _ options: [String]) throws -> CommandLineTool.Result {
        try tool.run(
            ["merge", "team/a:v1", "team/b:v1=-0.6", "-t", "team/m:v1", "--json", "--method", method] + options)
    }

    private func modules(_ tool: CommandLineTool, _ method: String, _ options: String...) throws -> [Module] {
        let result = try run(tool, method, options)
        try #require(result.status == 0, "\(result.errors)")
        let document = try JSON.parse(Array(result.output.utf8))
        return try #require(document["certificate"]?["modules"]?.array).map { module in
            let error = try #require(module["truncationError"]?.number)
            let norm = try #require(module["deltaNorm"]?.number)
            return Module(
                name: try #require(module["name"]?.string), rank: try #require(module["rank"]?.integer),
                missed: (error / norm) * (error / norm))
        }
    }

    @Test(arguments: ["exact", "tsv", "knots-ties", "core-space", "ctm", "iso", "ties"])
    func `no rank is larger than the result's`(method: String) throws {
        try withAdapters { tool in
            let result = try run(tool, method, ["--rank", "5000"])
            #expect(result.errors.contains("less than rank 5000"), "\(result.errors)")
            let full = ["q_proj": 32, "o_proj": 32, "k_proj": 16, "v_proj": 16]
            let stacked = ["q_proj": 12, "o_proj": 8, "k_proj": 4, "v_proj": 12]
            let found = try modules(tool, method, "--rank", "5000", "--recompute")
            #expect(found.count == 8)
            for module in found {
                let kind = String(module.name.suffix(6))
                #expect(module.rank == (method == "ties" ? full : stacked)[kind], "\(module.name)")
                #expect(module.missed < 1e-12)
            }
        }
    }

    @Test(arguments: ["ties", "magnitude-prune", "tsv", "knots-ties", "core-space", "ctm"])
    func `energy takes the smallest rank that keeps it`(method: String) throws {
        try withAdapters { tool in
            let found = try modules(tool, method, "--energy", "0.97")
            #expect(found.allSatisfy { $0.missed <= 0.03 + 1e-9 })
            // Entries need more than all ranks together.
            if method == "ties" { #expect(found.contains { $0.rank > 12 }) }
            for rank in Set(found.map(\.rank)) where rank > 1 {
                let smaller = try modules(tool, method, "--rank", "\(rank - 1)")
                for (module, less) in zip(found, smaller) where module.rank == rank {
                    #expect(less.rank == rank - 1 && less.missed > 0.03 - 1e-3, "\(module.name) \(rank)")
                }
            }
            let limited = try modules(tool, method, "--energy", "0.97", "--rank", "2")
            #expect(limited.allSatisfy { $0.rank <= 2 } && limited.contains { $0.missed > 0.03 })
        }
    }

    @Test(arguments: ["tsv", "knots-ties", "core-space", "ctm", "iso"])
    func `rank auto loses nothing`(method: String) throws {
        try withAdapters { tool in
            let found = try modules(tool, method, "--rank", "auto")
            #expect(found.allSatisfy { $0.missed < 1e-12 && $0.rank <= 12 })
            let smaller = try modules(tool, method, "--rank", "11")
            // What iso keeps of fewer values is iso in full again.
            if method != "iso" { #expect(zip(found, smaller).contains { $0.rank == 12 && $1.missed > 1e-9 }) }
        }
    }

    @Test(arguments: ["ties", "dare-linear", "della", "sce", "compat-peft-ties-svd"])
    func `rank auto of a result of full rank is wrong usage`(method: String) throws {
        try withAdapters { tool in
            let result = try run(tool, method, ["--rank", "auto"])
            #expect(result.status == 64 && result.errors.contains("\(method) has full rank"), "\(result.errors)")
        }
    }

    @Test func `what no rank keeps is refused`() throws {
        try withAdapters { tool in
            // Compressed, then merged by ties: that is far from the exact sum at any rank.
            let result = try run(tool, "ctm", ["--inner", "ties", "--energy", "0.999"])
            #expect(result.status == 1 && result.errors.contains("the largest there is, keeps"), "\(result.errors)")
            #expect(try tool.run("show", "team/m:v1").status == 3)
        }
    }
}
