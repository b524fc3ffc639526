import AdapterTesting
import ByteCoding
import Foundation
import Testing

/// Conversions with the real binary.
@Suite struct ConvertCommandTests {
    private func withAdapter(_ body: (CommandLineTool, String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            let push = try tool.run(
                "push", Fixtures.peft("llama-task-a"), "team/a:v1", "--message", "tickets", "--license", "MIT")
            try #require(push.status == 0, "\(push.errors)")
            try body(tool, folder)
        }
    }

    private func document(_ tool: CommandLineTool, _ arguments: String...) throws -> MetadataValue {
        let result = try tool.run(arguments + ["--json"])
        try #require(result.status == 0, "\(result.errors)")
        return try JSON.parse(Array(result.output.utf8))
    }

    @Test(arguments: ["bf16", "f16", "f8_e4m3", "q8", "f32"])
    func `the stated error is that of the pulled folder`(dtype: String) throws {
        try withAdapter { tool, folder in
            let converted = try document(tool, "convert", "team/a:v1", "-t", "team/a:small", "--dtype", dtype)
            #expect(converted["dtypes"] == [.string(dtype)])
            let stored = try document(tool, "show", "team/a:small")
            #expect(stored["certificate"] == converted["certificate"])
            #expect(stored["digest"] == converted["digest"])
            #expect(stored["dtypes"] == [.string(dtype)])
            #expect(stored["notes"]?["message"] == "tickets")
            #expect(stored["notes"]?["license"] == "MIT")

            #expect(try tool.run("pull", "team/a:small", "-o", folder + "/small").status == 0)
            let (before, after) = (
                try pulledDeltas(Fixtures.peft("llama-task-a")), try pulledDeltas(folder + "/small")
            )
            #expect(Set(before.keys) == Set(after.keys))
            let modules = try #require(stored["certificate"]?["modules"]?.array)
            #expect(modules.count == before.count)
            for module in modules {
                let name = try #require(module["name"]?.string)
                let stated = try #require(module["roundingError"]?.number)
                let error = zip(before[name] ?? [], after[name] ?? []).reduce(0) {
                    $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
                }.squareRoot()
                #expect(abs(error - stated) <= 1e-6 * stated, "\(name): stated \(stated), found \(error)")
                #expect((stated == 0) == (dtype == "f32"))
                #expect(module["truncationError"]?.number == 0)
            }
            #expect(try tool.run("verify", "team/a:small").status == 0)
        }
    }

    @Test func `parent, options and error are recorded and printed`() throws {
        try withAdapter { tool, _ in
            let parent = try document(tool, "show", "team/a:v1")
            let convert = try tool.run(
                "convert", "team/a:v1", "-t", "team/a:q8", "--dtype", "q8", "--message", "half the size")
            #expect(convert.status == 0, "\(convert.errors)")
            #expect(convert.output.contains("What the result lost against the adapter it was made of"))
            let show = try document(tool, "show", "team/a:q8")
            #expect(show["notes"]?["message"] == "half the size")
            #expect(show["provenance"]?["operation"] == "convert")
            #expect(show["provenance"]?["options"] == ["dtype": "q8"])
            let parents = try #require(show["provenance"]?["parents"]?.array)
            #expect(parents.count == 1)
            #expect(parents[0]["digest"] == parent["digest"])
            #expect(parents[0]["contentRoot"] == parent["contentRoot"])
            #expect(parents[0]["weight"] == nil)
            let total = try #require(show["certificate"]?["relativeRoundingError"]?.number)
            #expect(total > 1e-3 && total < 1e-2)
            // The same table is printed when it is made and when it is shown.
            let table = try #require(convert.output.range(of: "MODULE")).lowerBound
            let text = try tool.run("show", "team/a:q8").output
            #expect(text.contains(convert.output[table...]))
            #expect(text.contains("made by       convert with dtype q8"))
            let sizes = try [show, parent].map { try #require($0["tensorByteCount"]?.integer) }
            // 34 bytes for 32 elements instead of 128.
            #expect(sizes[0] * 128 == sizes[1] * 34)
            #expect(try tool.run("list", "team/a").output.contains("q8"))
        }
    }

    @Test func `there and back`() throws {
        try withAdapter { tool, folder in
            for (source, target, dtype) in [("v1", "a", "bf16"), ("a", "b", "f32"), ("b", "c", "bf16")] {
                let result = try tool.run("convert", "team/a:\(source)", "-t", "team/a:\(target)", "--dtype", dtype)
                #expect(result.status == 0, "\(result.errors)")
            }
            let (first, last) = (try document(tool, "show", "team/a:a"), try document(tool, "show", "team/a:c"))
            #expect(first["contentRoot"] == last["contentRoot"])
            #expect(last["certificate"]?["roundingError"]?.number == 0)
            #expect(try document(tool, "show", "team/a:b")["certificate"]?["roundingError"]?.number == 0)
        }
    }

    @Test func `wrong types, paths and unknown adapters are refused`() throws {
        try withAdapter { tool, folder in
            for dtype in ["i8", "f8_e5m2", "int4", ""] {
                let result = try tool.run("convert", "team/a:v1", "-t", "team/x:v1", "--dtype", dtype)
                #expect(result.status == 64, "\(dtype)")
            }
            #expect(try tool.run("convert", "team/a:v1", "-t", "team/x:v1").status == 64)
            #expect(try tool.run("convert", "team/none:v1", "-t", "team/x:v1", "--dtype", "q8").status == 3)
            let path = try tool.run(
                "convert", Fixtures.peft("llama-task-a"), "-t", "team/x:v1", "--dtype", "q8")
            #expect(path.status == 1)
            #expect(path.errors.contains("a reference is needed"))
            #expect(try tool.run("show", "team/x:v1").status == 3)
            let taken = try tool.run(
                "convert", "team/a:v1", "-t", "team/a:v1", "--dtype", "q8", "--expect", "absent")
            #expect(taken.status == 4)
        }
    }
}
