import AdapterTesting
import FileSystem
import Foundation
import Testing

/// Every fault ends in a sentence and its exit code, with the registry as it was.
@Suite struct BadInputTests {
    /// A registry with one adapter, a copy of a PEFT folder to spoil, and a check that nothing else changed.
    private func withRegistry(_ body: (CommandLineTool, _ folder: String, _ peft: String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            #expect(try tool.run("push", Fixtures.peft("llama-task-a"), "team/a:v1").status == 0)
            let peft = folder + "/peft"
            try FileManager.default.copyItem(atPath: Fixtures.peft("llama-task-a"), toPath: peft)
            let before = try tool.run("list", "--json").output
            try body(tool, folder, peft)
            #expect(try tool.run("list", "--json").output == before)
            #expect(try tool.run("verify", "--all").status == 0)
            let temporaries = try Directory.names(in: folder + "/registry/tmp")
            #expect(temporaries.isEmpty)
        }
    }

    private func expectFailure(
        _ result: CommandLineTool.Result, _ status: Int32, _ words: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(result.status == status, "\(result.errors)", sourceLocation: sourceLocation)
        #expect(result.output.isEmpty, sourceLocation: sourceLocation)
        for word in words {
            #expect(result.errors.contains(word), "'\(word)' in: \(result.errors)", sourceLocation: sourceLocation)
        }
    }

    @Test func `wrong usage is 64`() throws {
        try withRegistry { tool, folder, peft in
            expectFailure(try tool.run("push"), 64)
            expectFailure(try tool.run("nonsense"), 64)
            expectFailure(try tool.run("push", peft, "../x"), 64, "../x")
            expectFailure(try tool.run("push", peft, "UPPER/case"), 64)
            expectFailure(try tool.run("push", peft, "a//b"), 64)
            expectFailure(try tool.run("push", peft, String(repeating: "a", count: 100_000)), 64)
            expectFailure(try tool.run("merge", "team/a:v1=nonsense", "-t", "x:y"), 1, "nonsense")
            expectFailure(
                try tool.run("merge", "team/a:v1", "-t", "x:y", "--method", "cat", "--rank", "4"), 64, "no --rank")
            expectFailure(try tool.run("merge", "team/a:v1", "-t", "x:y", "--density", "0.5"), 64, "density")
            expectFailure(try tool.run("verify"), 64)
        }
    }

    @Test func `global options may stand before the command`() throws {
        try withRegistry { tool, folder, peft in
            let list = try tool.run("--registry", folder + "/other", "-q", "list")
            #expect(list.status == 0)
            #expect(list.output.isEmpty)
            #expect(try tool.run("--registry=\(folder)/registry", "list", "-q").output == "team/a:v1\n")
            expectFailure(try tool.run("--registry"), 64)
            expectFailure(try tool.run("--json"), 64)
        }
    }

    @Test func `what does not exist is 3`() throws {
        try withRegistry { tool, folder, _ in
            expectFailure(try tool.run("show", "team/a:v2"), 3, "team/a")
            expectFailure(try tool.run("pull", "team/b:v1", "-o", folder + "/out"), 3)
            expectFailure(try tool.run("untag", "team/a:nope"), 3)
            expectFailure(try tool.run("merge", "team/none:v1", "-t", "x:y"), 3)
            expectFailure(try tool.run("push", folder + "/nowhere", "x:y"), 3, "nowhere")
            #expect(Directory.kind(of: folder + "/out") == nil)
        }
    }

    @Test func `a registry that was never made is not made by reading it`() throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            expectFailure(try tool.run("show", "team/a:v1"), 3)
            #expect(Directory.kind(of: folder + "/registry") == nil)
        }
    }

    @Test func `a PEFT folder with faults is refused`() throws {
        try withRegistry { tool, folder, peft in
            let configuration = try String(contentsOfFile: peft + "/adapter_config.json", encoding: .utf8)
            let tensors = try Data(contentsOf: URL(fileURLWithPath: peft + "/adapter_model.safetensors"))
            func push(_ configuration: String?, _ tensors: Data?) throws -> CommandLineTool.Result {
                for (name, content) in [
                    ("adapter_config.json", configuration.map { Data($0.utf8) }),
                    ("adapter_model.safetensors", tensors),
                ] {
                    let url = URL(fileURLWithPath: peft + "/" + name)
                    try? FileManager.default.removeItem(at: url)
                    try content?.write(to: url)
                }
                return try tool.run("push", peft, "team/bad:v1")
            }
            func edited(_ old: String, _ new: String) -> Data {
                var copy = tensors
                if let range = copy.range(of: Data(old.utf8)) { copy.replaceSubrange(range, with: Data(new.utf8)) }
                return copy
            }
            expectFailure(try push(configuration.replacing("\"r\": 4", with: "\"r\": 5"), tensors), 1, "rank")
            expectFailure(try push(configuration.replacing("\"LORA\"", with: "\"IA3\""), tensors), 1, "IA3")
            expectFailure(try push(configuration + "x", tensors), 1, "adapter_config.json")
            expectFailure(try push(nil, tensors), 1)
            expectFailure(try push(configuration, nil), 1)
            expectFailure(try push(configuration, tensors.dropLast(1)), 1)
            expectFailure(try push(configuration, tensors + [0]), 1)
            expectFailure(try push(configuration, Data()), 1)
            expectFailure(try push(configuration, edited("lora_B.weight", "lora_C.weight")), 1, "lora_")
        }
    }

    @Test(arguments: ["ia3", "loha", "lokr", "prompt-tuning", "lora-pickle"])
    func `what is not understood is refused by name`(_ name: String) throws {
        try withRegistry { tool, _, _ in
            let result = try tool.run("push", "\(Fixtures.directory)/peft-unsupported/\(name)", "team/x:v1")
            expectFailure(result, 1)
            let words = ["ia3": "IA3", "loha": "LOHA", "lokr": "LOKR", "prompt-tuning": "PROMPT_TUNING"]
            #expect(result.errors.contains(words[name] ?? "safe_serialization=True"), "\(result.errors)")
        }
    }

    @Test func `damaged files are 2`() throws {
        try withRegistry { tool, folder, _ in
            let path = folder + "/a.adpt"
            #expect(try tool.run("pull", "team/a:v1", "-o", path).status == 0)
            let file = try Data(contentsOf: URL(fileURLWithPath: path))
            func spoiled(_ change: (inout Data) -> Void) throws -> String {
                var copy = file
                change(&copy)
                try copy.write(to: URL(fileURLWithPath: folder + "/bad.adpt"))
                return folder + "/bad.adpt"
            }
            for path in [
                try spoiled { $0.removeLast(1) }, try spoiled { $0[$0.count / 2] ^= 1 }, try spoiled { $0[0] ^= 1 },
                try spoiled { $0[8] = 2 }, try spoiled { $0[25] ^= 0xFF }, try spoiled { $0.append(0) },
                try spoiled { $0.removeAll() },
            ] {
                let verify = try tool.run("verify", path)
                #expect(verify.status == 2)
                #expect(verify.output.contains("DAMAGED"))
                expectFailure(try tool.run("push", path, "team/bad:v1"), 2)
            }
            expectFailure(try tool.run("show", try spoiled { $0[8] = 2 }), 2, "version 2")
        }
    }

    @Test func `a damaged blob is found by verify and refused by pull`() throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            let digest = try tool.run("push", Fixtures.peft("llama-task-a"), "team/a:v1", "-q").output.dropFirst(7)
                .prefix(64)
            #expect(try tool.run("push", Fixtures.peft("llama-task-b"), "team/b:v1").status == 0)
            let blob = folder + "/registry/blobs/sha256/\(digest.prefix(2))/\(digest)"
            var bytes = try Data(contentsOf: URL(fileURLWithPath: blob))
            bytes[bytes.count - 1] ^= 0x10
            try FileManager.default.removeItem(atPath: blob)
            try bytes.write(to: URL(fileURLWithPath: blob))
            #expect(try tool.run("verify", "team/a:v1").status == 2)
            #expect(try tool.run("verify", "team/b:v1").status == 0)
            let all = try tool.run("verify", "--all", "--json")
            #expect(all.status == 2)
            #expect(all.output.contains("\"damaged\": 1"))
            #expect(try tool.run("pull", "team/a:v1", "-o", folder + "/out").status == 2)
            #expect(Directory.kind(of: folder + "/out") == nil)
            // Pushing the adapter again heals the blob.
            #expect(try tool.run("push", Fixtures.peft("llama-task-a"), "team/a:v1").status == 0)
            #expect(try tool.run("verify", "--all").status == 0)
            try FileManager.default.removeItem(atPath: blob)
            #expect(try tool.run("verify", "--all").status == 2)
        }
    }

    @Test func `NaN weights are kept and reported`() throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            let peft = folder + "/peft"
            try FileManager.default.copyItem(atPath: Fixtures.peft("llama-lora-f32"), toPath: peft)
            let url = URL(fileURLWithPath: peft + "/adapter_model.safetensors")
            var tensors = try Data(contentsOf: url)
            tensors.replaceSubrange(tensors.count - 4..<tensors.count, with: [0x01, 0x00, 0xC0, 0x7F])
            try tensors.write(to: url)
            let push = try tool.run("push", peft, "team/nan:v1")
            #expect(push.status == 0)
            #expect(push.errors.contains("NaN"))
            #expect(try tool.run("verify", "team/nan:v1").status == 0)
            #expect(try tool.run("pull", "team/nan:v1", "-o", folder + "/out").status == 0)
            #expect(try PEFTFolder(folder + "/out").tensors == PEFTFolder(peft).tensors)
            #expect(try tool.run("push", Fixtures.peft("llama-task-a"), "team/a:v1").status == 0)
            let merge = try tool.run("merge", "team/nan:v1", "team/a:v1", "-t", "team/m:v1")
            #expect(merge.status == 1)
            #expect(merge.errors.contains("team/nan:v1"))
            #expect(try tool.run("show", "team/m:v1").status == 3)
        }
    }

    @Test func `an output that exists is not overwritten`() throws {
        try withRegistry { tool, folder, peft in
            let before = try Directory.names(in: peft)
            expectFailure(try tool.run("pull", "team/a:v1", "-o", peft), 1, "exists")
            #expect(try Directory.names(in: peft) == before)
            #expect(try tool.run("pull", "team/a:v1", "-o", peft, "--force").status == 0)
        }
    }

    @Test func `a full standard output is an error`() throws {
        try withRegistry { tool, _, _ in
            let result = try tool.run(
                [], launcher: ["/bin/sh", "-c", "\"$0\" show team/a:v1 > /dev/full"])
            #expect(result.status == 1)
            #expect(result.errors.contains("standard output"))
        }
    }

    @Test func `a full disk changes nothing`() throws {
        try withRegistry { tool, _, _ in
            // A file size limit is the disk that anybody can fill.
            let result = try tool.run(
                [],
                launcher: [
                    "/bin/sh", "-c", "ulimit -f 8; \"$0\" push '\(Fixtures.peft("bert-classifier"))' team/big:v1",
                ])
            expectFailure(result, 1, "Free some space")
        }
    }

    @Test func `a registry without write permission can be read and not written`() throws {
        try withRegistry { tool, folder, peft in
            let launcher =
                getuid() == 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
            let chmod = { (mode: String) in
                let process = try Process.run(
                    URL(fileURLWithPath: "/bin/chmod"), arguments: ["-R", mode, folder])
                process.waitUntilExit()
            }
            try chmod("a-w,a+rX")
            defer { try? chmod("u+w") }
            let list = try tool.run(["list", "-q"], launcher: launcher)
            #expect(list.status == 0, "\(list.errors)")
            #expect(list.output == "team/a:v1\n")
            #expect(try tool.run(["verify", "team/a:v1"], launcher: launcher).status == 0)
            expectFailure(try tool.run(["push", peft, "team/b:v1"], launcher: launcher), 1)
            expectFailure(try tool.run(["tag", "team/a:v1", "team/a:v2"], launcher: launcher), 1)
            try chmod("u+w")
        }
    }
}
