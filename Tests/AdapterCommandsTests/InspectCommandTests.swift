import AdapterTesting
import ByteCoding
import Foundation
import Testing

/// `inspect`, `diff` and pictures with the real binary.
@Suite struct InspectCommandTests {
    private func withAdapters(_ body: (CommandLineTool, String) throws -> Void) throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            for name in ["a", "b", "c"] {
                let push = try tool.run("push", Fixtures.peft("llama-task-\(name)"), "team/\(name):v1", "-q")
                try #require(push.status == 0, "\(push.errors)")
            }
            try body(tool, folder)
        }
    }

    private func json(_ result: CommandLineTool.Result) throws -> MetadataValue {
        try #require(result.status == 0, "\(result.errors)")
        return try JSON.parse(Array(result.output.utf8))
    }

    private func oracle() throws -> MetadataValue {
        let path = Fixtures.directory + "/analysis/cases.json"
        return try JSON.parse([UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
    }

    @Test func `inspect of one adapter tells what NumPy tells`() throws {
        try withAdapters { tool, _ throws in
            let document = try json(tool.run("inspect", "team/a:v1", "--json"))
            let adapter = try #require(document["adapters"]?.array?.first)
            let expected = try #require(try oracle()["spectra"]?["llama-task-a"]?.map)
            let modules = try #require(adapter["modules"]?.array)
            #expect(modules.count == expected.count && document["comparison"]?.isNull == true)
            for module in modules {
                let truth = try #require(expected[module["name"]?.string ?? ""])
                for key in ["frobeniusNorm", "spectralNorm", "stableRank", "effectiveRank", "rank90"] {
                    let (found, wanted) = (try #require(module[key]?.number), try #require(truth[key]?.number))
                    #expect(abs(found - wanted) <= 1e-9 * wanted, "\(key)")
                }
            }
            // A folder and a file say the same as the stored adapter.
            let folder = try json(tool.run("inspect", Fixtures.peft("llama-task-a"), "--json"))
            #expect(folder["adapters"]?.array?.first?["modules"] == adapter["modules"])
            let text = try tool.run("inspect", "team/a:v1").output
            #expect(text.contains("EFFECTIVE") && text.contains("LAYER") && text.contains("100.0 %"))
        }
    }

    @Test func `inspect of several compares them and shows the energy of methods`() throws {
        try withAdapters { tool, folder throws in
            let document = try json(
                tool.run(
                    "inspect", "team/a:v1=0.7", "team/b:v1=-0.4", "team/c:v1=1.3", "--method", "exact", "--method",
                    "dare-ties", "--density", "0.5", "--at-rank", "2", "--at-rank", "4", "--json"))
            let comparison = try #require(document["comparison"])
            #expect(comparison["cosines"]?.array?.count == 3 && comparison["pairs"]?.array?.count == 3)
            let energies = try #require(document["energy"]?.array)
            #expect(energies.map { $0["method"] } == ["exact", "dare-ties"])
            #expect(energies.allSatisfy { $0["ranks"] == [2, 4] })
            // What exact keeps is what a merge of that rank does not lose.
            let merge = try json(
                tool.run(
                    "merge", "team/a:v1=0.7", "team/b:v1=-0.4", "team/c:v1=1.3", "--rank", "4", "-t", "m:v1", "--json"))
            let lost = try #require(merge["certificate"]?["relativeTruncationError"]?.number)
            let kept = try #require(energies[0]["kept"]?.array?[1].number)
            #expect(abs(1 - lost * lost - kept) < 1e-9)
            let plot = folder + "/plot.html"
            #expect(try tool.run("inspect", "team/a:v1", "team/b:v1", "--plot", plot, "-q").status == 0)
            let page = try String(contentsOfFile: plot, encoding: .utf8)
            #expect(
                page.hasPrefix("<!DOCTYPE html>") && page.contains("Sign conflicts") && page.contains("Energy kept"))
        }
    }

    @Test func `inspect takes the options of methods`() throws {
        try withAdapters { tool, _ throws in
            func kept(_ method: String, _ options: String...) throws -> [Double] {
                let result = try tool.run(
                    [
                        "inspect", "team/a:v1", "team/b:v1", "--method", method, "--at-rank", "2", "--at-rank", "5",
                        "--json",
                    ]
                        + options)
                try #require(result.status == 0, "\(method) \(options): \(result.errors)")
                let energies = try #require(try JSON.parse(Array(result.output.utf8))["energy"]?.array)
                return try #require(energies.first?["kept"]?.array).compactMap(\.number)
            }
            // Each changes what is left of ΔW; a factor of all of it does not.
            #expect(try kept("breadcrumbs", "--gamma", "0.3") != kept("breadcrumbs"))
            #expect(try kept("della", "--epsilon", "0.3") != kept("della"))
            #expect(try kept("ties", "--density", "0.2") != kept("ties"))
            #expect(try kept("dare-linear", "--seed", "7") != kept("dare-linear"))
            #expect(try kept("ties", "--lambda", "4") == kept("ties"))
            let (inner, exact) = (try kept("core-space", "--inner", "exact"), try kept("exact"))
            #expect(inner.count == 2 && zip(inner, exact).allSatisfy { abs($0 - $1) < 1e-9 }, "\(inner) \(exact)")
            // Of several methods each takes what it has.
            let both = try tool.run(
                "inspect", "team/a:v1", "team/b:v1", "--method", "breadcrumbs", "--method", "exact", "--gamma", "0.3")
            #expect(both.status == 0, "\(both.errors)")
        }
    }

    @Test func `diff says whether two adapters do the same`() throws {
        try withAdapters { tool, folder throws in
            func verdict(_ first: String, _ second: String, _ more: String...) throws -> (Int32, MetadataValue?) {
                let result = try tool.run(["diff", first, second, "--json", "--exit-code"] + more)
                return (result.status, try JSON.parse(Array(result.output.utf8))["verdict"])
            }
            #expect(try verdict("team/a:v1", "team/a:v1") == (0, "identical"))
            #expect(try verdict("team/a:v1", Fixtures.peft("llama-task-a")) == (0, "equal"))
            #expect(try verdict("team/a:v1", "team/b:v1") == (2, "different"))
            #expect(try tool.run("diff", "team/a:v1", "team/b:v1").status == 0)
            #expect(try tool.run("diff", "team/a:v1", "nobody:v1").status == 3)
            // Other factors of the same product, rounded: nearly the same effect.
            let merge = try tool.run("merge", "team/a:v1=0.5", "team/a:v1=0.5", "--rank", "4", "-t", "a2:v1", "-q")
            try #require(merge.status == 0, "\(merge.errors)")
            #expect(try verdict("team/a:v1", "a2:v1") == (2, "different"))
            #expect(try verdict("team/a:v1", "a2:v1", "--tolerance", "1e-6") == (0, "equal"))
            let document = try json(tool.run("diff", "team/a:v1", "team/b:v1", "--json"))
            let truth = try #require(
                try oracle()["differences"]?.array?.first { $0["adapters"] == ["llama-task-a", "llama-task-b"] })
            for module in try #require(document["modules"]?.array) {
                let expected = try #require(truth["modules"]?[module["name"]?.string ?? ""])
                for key in ["first", "second", "difference"] {
                    let found = try #require(module["update"]?[key]?.number)
                    let wanted = try #require(expected[key]?.number)
                    #expect(abs(found - wanted) <= 1e-9 * max(wanted, 1e-9))
                }
            }
            let plot = folder + "/diff.svg"
            #expect(try tool.run("diff", "team/a:v1", "team/b:v1", "--plot", plot).status == 0)
            #expect(try String(contentsOfFile: plot, encoding: .utf8).hasPrefix("<svg"))
        }
    }

    @Test func `wrong usage is told before anything is computed`() throws {
        try withAdapters { tool, _ throws in
            for arguments in [
                ["inspect"], ["inspect", "team/a:v1", "--plot", "x.png"], ["inspect", "team/a:v1", "--at-rank", "0"],
                ["inspect", "team/a:v1", "--method", "ties", "--density", "2"],
                ["inspect", "team/a:v1", "--gamma", "0.1"],
                ["inspect", "team/a:v1", "--method", "ties", "--method", "exact", "--inner", "ties"],
                ["inspect", "team/a:v1", "--method", "breadcrumbs", "--gamma", "1"], ["diff", "team/a:v1"],
                ["diff", "team/a:v1", "team/b:v1", "--tolerance=-1"],
            ] { #expect(try tool.run(arguments).status == 64, "\(arguments)") }
            for arguments in [
                ["inspect", "team/a:v1", "team/b:v1", "--method", "compat-peft-linear"],
                ["inspect", Fixtures.peft("llama-task-a"), Fixtures.peft("gpt2-conv1d")],
            ] {
                let result = try tool.run(arguments)
                #expect(result.status == 1 && result.errors.contains("Unable to"), "\(arguments): \(result.errors)")
            }
        }
    }

    @Test func `tables fit a narrow terminal`() throws {
        try withAdapters { tool, _ throws in
            let wide = try tool.run("inspect", "team/a:v1").output
            let narrow = try tool.run("inspect", "team/a:v1", environment: ["COLUMNS": "80"]).output
            #expect(wide.split(separator: "\n").contains { $0.count > 80 })
            #expect(narrow.split(separator: "\n").allSatisfy { $0.count <= 80 })
            // Names differ at their ends.
            #expect(narrow.contains("0.self_attn.k_proj") && narrow.contains("1.self_attn.k_proj"))
        }
    }
}
