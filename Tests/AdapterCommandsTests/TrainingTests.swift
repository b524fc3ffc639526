import AdapterRegistry
import AdapterTesting
import ByteCoding
import Foundation
import Integrity
import Testing

/// Training with the real binary, as users do it.
@Suite struct TrainingTests {
    static let fixtures = Fixtures.directory + "/training"
    static let base = fixtures + "/tiny"

    func withTool(_ body: (CommandLineTool, String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            try body(CommandLineTool(registry: folder + "/registry"), folder)
        }
    }

    /// The first lines of the book, as little data as learns anything.
    func text(_ folder: String, lineCount: Int = 300) throws -> String {
        let book = try String(contentsOfFile: Self.fixtures + "/bierce_train.txt", encoding: .utf8)
        let path = folder + "/data.txt"
        try book.split(separator: "\n", omittingEmptySubsequences: false).prefix(lineCount).joined(separator: "\n")
            .write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    func arguments(_ data: String, _ target: String, _ more: String...) -> [String] {
        [
            "train", "--base", Self.base, "--data", data, "--max-seq-length", "64", "--max-steps", "24", "--lr", "1e-3",
            "--val-split", "0.2", "--eval-steps", "8", "--save-steps", "4", "--dropout", "0.1", "-t", target,
        ] + more
    }

    func root(_ tool: CommandLineTool, _ name: String) throws -> String? {
        try JSON.parse(Array(tool.run("show", name, "--json").output.utf8))["contentRoot"]?.string
    }

    @Test func `the tiny model learns Bierce's style in 400 steps`() throws {
        try withTool { tool, folder in
            let train = try tool.run(
                "train", "--base", Self.base, "--data", Self.fixtures + "/bierce_train.txt", "--val-data",
                Self.fixtures + "/bierce_val.txt", "--max-seq-length", "128", "--max-steps", "400", "--lr", "2e-3",
                "--warmup-steps", "20", "--eval-steps", "400", "--save-steps", "0", "-t", "team/bierce:v1", "--json")
            try #require(train.status == 0, "\(train.errors)")
            let events = try train.output.split(separator: "\n").map { try JSON.parse(Array($0.utf8)) }
            let losses = events.filter { $0["event"] == "validation" }.compactMap { $0["loss"]?.number }
            try #require(losses.count == 2)
            #expect(abs(losses[0] - 4.54) < 0.01)
            #expect(losses[1] <= 4.05)
            let evaluation = try tool.run(
                "eval", "--base", Self.base, "--data", Self.fixtures + "/bierce_val.txt", "--max-seq-length", "128",
                "team/bierce:v1", "--json")
            let loss = try #require(JSON.parse(Array(evaluation.output.utf8))["loss"]?.number)
            #expect(abs(loss - losses[1]) < 1e-6)
            // Half of an adapter lies between none and all of it.
            let half = try tool.run(
                "eval", "--base", Self.base, "--data", Self.fixtures + "/bierce_val.txt", "--max-seq-length", "128",
                "team/bierce:v1=0.5", "--json")
            let halfLoss = try #require(JSON.parse(Array(half.output.utf8))["loss"]?.number)
            #expect(halfLoss > losses[1] && halfLoss < losses[0])
            #expect(try tool.run("pull", "team/bierce:v1", "-o", folder + "/peft").status == 0)
            let configuration = try PEFTFolder(folder + "/peft").configuration
            #expect(configuration["task_type"] as? String == "CAUSAL_LM")
            #expect(configuration["base_model_name_or_path"] as? String == "tiny")
            #expect(try tool.run("verify", "--all").status == 0)
        }
    }

    @Test func `a killed run goes on with the same bits`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            let whole = try tool.run(arguments(data, "team/whole"))
            try #require(whole.status == 0, "\(whole.errors)")
            let running = try tool.start(arguments(data, "team/killed"))
            // The first version appears behind step 4.
            let deadline = Date().addingTimeInterval(60)
            while try tool.run("show", "team/killed").status != 0, Date() < deadline { usleep(20_000) }
            running.kill()
            #expect(running.wait().status == 128 + SIGKILL)
            #expect(try tool.run("verify", "--all").status == 0)
            let resumed = try tool.run(arguments(data, "team/killed", "--resume", "--threads", "3", "--json"))
            try #require(resumed.status == 0, "\(resumed.errors)")
            // It did not begin again.
            #expect(!resumed.output.contains("\"step\":1,"))
            #expect(try root(tool, "team/killed") == root(tool, "team/whole"))
            let runs = try JSON.parse(Array(tool.run("runs", "--json").output.utf8)).array ?? []
            #expect(runs.map { $0["isFinal"] } == [true, true])
            #expect(runs.first?["validationLoss"] == runs.last?["validationLoss"])

            // A finished run has nothing left to do.
            let again = try tool.run(arguments(data, "team/killed", "--resume"))
            #expect(again.status == 0)

            // A finished run keeps no state.
            let files = try JSON.parse(Array(tool.run("stats", "--json").output.utf8))
            #expect(files["fileCount"] != nil && files["fileCount"] == files["versionCount"], "\(files)")
            #expect(try tool.run("fsck").status == 0)
        }
    }

    @Test func `the state of a run is in backups and checks, and goes with its checkpoint`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            let whole = try tool.run(arguments(data, "team/whole"))
            try #require(whole.status == 0, "\(whole.errors)")
            let running = try tool.start(arguments(data, "team/killed"))
            let deadline = Date().addingTimeInterval(60)
            while try tool.run("show", "team/killed").status != 0, Date() < deadline { usleep(20_000) }
            running.kill()
            _ = running.wait()
            let registry = try Registry(opening: tool.registry)
            let stored = try registry.resolve(Reference(parsing: "team/killed"))
            let state = try #require(try registry.attachment("training-state", of: stored.digest))
            // Neither retention nor collection takes what the run goes on from.
            #expect(try tool.run("gc", "--apply", "--grace", "0", "--keep-last", "0").status == 0)
            #expect(FileManager.default.fileExists(atPath: state.path))

            let backup = folder + "/backup"
            #expect(try tool.run("backup", backup).status == 0)
            let copy = CommandLineTool(registry: backup)
            let resumed = try copy.run(arguments(data, "team/killed", "--resume"))
            try #require(resumed.status == 0, "\(resumed.errors)")
            #expect(try root(copy, "team/killed") == root(tool, "team/whole"))

            // In place of the file: the backup has another name for the same one.
            var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: state.path)))
            bytes[bytes.count / 2] ^= 1
            try FileManager.default.removeItem(atPath: state.path)
            try Data(bytes).write(to: URL(fileURLWithPath: state.path))
            #expect(try tool.run("verify", "--all").status == 2)
            let damaged = try tool.run(arguments(data, "team/killed", "--resume"))
            #expect(damaged.status == 1)
            #expect(damaged.errors.contains("is damaged"))
            try FileManager.default.removeItem(atPath: state.path)
            let lost = try tool.run(arguments(data, "team/killed", "--resume"))
            #expect(lost.status == 1)
            #expect(lost.errors.contains("no longer kept"))
            #expect(try tool.run("fsck").status == 2)

            #expect(try tool.run("rm", "team/killed:latest").status == 0)
            let gone = try tool.run("gc", "--apply", "--grace", "0", "-q").output.split(separator: "\n")
            #expect(gone.contains { $0 == state.digest.description })
            #expect(try tool.run("fsck").status == 0)
        }
    }

    @Test func `what has changed since the checkpoint is named`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            let running = try tool.start(arguments(data, "team/run"))
            let deadline = Date().addingTimeInterval(60)
            while try tool.run("show", "team/run").status != 0, Date() < deadline { usleep(20_000) }
            running.kill()
            _ = running.wait()
            let before = try root(tool, "team/run")
            let other = try tool.run(arguments(data, "team/run", "--resume", "--seed", "7", "--rank", "4"))
            #expect(other.status == 1)
            #expect(other.errors.contains("'r' was 8 and is 4"))
            _ = try text(folder, lineCount: 301)
            let changed = try tool.run(arguments(data, "team/run", "--resume"))
            #expect(changed.status == 1)
            #expect(changed.errors.contains("'data' was \"sha256:"))
            #expect(try root(tool, "team/run") == before)
        }
    }

    @Test func `conversations are masked, shown and trained`() throws {
        try withTool { tool, folder in
            let data = folder + "/chat.jsonl"
            let rows = ["abasement", "abatis", "abdication", "abdomen"].map { word in
                #"{"messages":[{"role":"user","content":"Define \#(word)."},{"role":"assistant","content":"It is \#(word)."}]}"#
            }
            try rows.joined(separator: "\n").write(toFile: data, atomically: true, encoding: .utf8)
            let shown = try tool.run(
                "train", "--base", Self.base, "--data", data, "--mask-prompt", "--show-batch", "--batch-size", "1")
            #expect(shown.status == 0)
            let word = try #require(
                rows.indices.map { ["abasement", "abatis", "abdication", "abdomen"][$0] }.first {
                    shown.output.contains($0)
                })
            #expect(
                shown.output.contains(
                    #"  masked  "<|im_start|>user\nDefine \#(word).<|im_end|>\n<|im_start|>assistant\n""#))
            #expect(shown.output.contains(#"  learned "It is \#(word).<|im_end|>""#))
            #expect(shown.output.contains("  masked  \"\\n\"\n"))
            let trained = try tool.run(
                "train", "--base", Self.base, "--data", data, "--mask-prompt", "--packing", "--max-seq-length", "48",
                "--epochs", "3", "-t", "chat", "-q")
            #expect(trained.status == 0, "\(trained.errors)")
            #expect(trained.output.hasPrefix("sha256:"))
            let plot = folder + "/loss.svg"
            let run = try tool.run("runs", "chat", "--plot", plot)
            #expect(run.output.contains("mask_prompt = true"))
            #expect(try String(contentsOfFile: plot, encoding: .utf8).hasPrefix("<svg"))
        }
    }

    @Test func `a recipe begins with what was trained`() throws {
        try withTool { tool, folder in
            let train = try tool.run(
                "train", "--base", Self.base, "--data", text(folder), "--max-seq-length", "32", "--max-steps", "2",
                "--save-steps", "0", "-t", "team/trained", "-q")
            try #require(train.status == 0, "\(train.errors)")
            #expect(try tool.run("scale", "team/trained", "--by", "0.5", "-t", "team/half", "-q").status == 0)
            let merge = try tool.run("merge", "team/trained", "team/half=2", "--rank", "4", "-t", "team/out", "--json")
            try #require(merge.status == 0, "\(merge.errors)")
            func recipe(_ name: String) throws -> CommandLineTool.Result {
                let printed = try tool.run("recipe", name)
                try printed.output.write(toFile: folder + "/recipe.yaml", atomically: true, encoding: .utf8)
                return printed
            }
            let printed = try recipe("team/out")
            #expect(printed.output.contains("step:") && !printed.output.contains("train"), "\(printed.output)")
            let expected = try root(tool, "team/out")
            func compose(_ name: String) throws {
                let compose = try tool.run("compose", folder + "/recipe.yaml", "-t", name, "--recompute")
                #expect(compose.status == 0, "\(compose.errors)")
                #expect(try root(tool, name) == expected)
            }
            try compose("team/again")
            // A signed copy of a parent stands for it when the parent itself is gone.
            #expect(try tool.run("key", "generate", "k", "-q").status == 0)
            #expect(try tool.run("sign", "team/trained", "--key", "k", "-q").status == 0)
            #expect(
                try tool.run("gc", "--apply", "--grace", "0", "--keep-last", "0", "--drop-parents").status == 0)
            let trained = try #require(
                try JSON.parse(Array(tool.run("show", "team/trained", "--json").output.utf8))["digest"]?.string)
            #expect(try recipe("team/out").output.contains(trained))
            try compose("team/more")
            try #require(
                tool.run("compose", "--of", "team/half", "-t", "team/half:again", "--recompute").status == 0)
            #expect(try root(tool, "team/half:again") == root(tool, "team/half"))
            let own = try recipe("team/trained")
            #expect(own.status == 1 && own.errors.contains("no operation 'train'"), "\(own.output)\(own.errors)")
        }
    }

    @Test func `documents tell of the base and the data, not of every step`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            let validation = folder + "/validation.txt"
            try String(contentsOfFile: data, encoding: .utf8).suffix(3000).write(
                toFile: validation, atomically: true, encoding: .utf8)
            let train = try tool.run(
                "train", "--base", Self.base, "--data", data, "--val-data", validation, "--max-seq-length", "8",
                "--batch-size", "1", "--rank", "1", "--max-steps", "400", "--eval-steps", "200", "--save-steps", "0",
                "-t", "team/run", "-q")
            try #require(train.status == 0, "\(train.errors)")
            func json(_ arguments: String...) throws -> MetadataValue {
                try JSON.parse(Array(tool.run(arguments + ["--json"]).output.utf8))
            }
            let listed = try #require(json("document", "list", "team/run").array)
            #expect(listed.compactMap { $0["name"]?.string } == ["bom.cdx.json", "provenance.intoto.json"])
            #expect(try tool.run("document", "verify", "team/run").status == 0)
            let exported = folder + "/documents"
            #expect(try tool.run("document", "export", "team/run", "-o", exported).status == 0)
            func document(_ name: String) throws -> MetadataValue {
                let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(exported)/\(name)"))
                #expect(bytes.count < 32 << 10)
                return try JSON.parse([UInt8](bytes))
            }
            let shown = try json("show", "team/run")
            let options = try #require(shown["provenance"]?["options"])
            let settings = try #require(options["settings"])
            let base = try #require(settings["base"]?.string)
            let digests = try ["base", "data", "val_data"].map {
                String(try #require(settings[$0]?.string).dropFirst("sha256:".count))
            }
            #expect(Set(digests).count == 3)
            let predicate = try document("provenance.intoto.json")["predicate"]
            let definition = try #require(predicate?["buildDefinition"])
            #expect(
                definition["resolvedDependencies"]?.array?.compactMap { $0["digest"]?["sha256"]?.string } == digests)
            let parameters = definition["externalParameters"]?["options"]
            #expect(parameters?["settings"] == settings)
            for key in ["record", "tokensPerSecond", "peakMemoryByteCount", "state"] {
                #expect(options[key] != nil && parameters?[key] == nil, "\(key)")
            }
            let product = try #require(predicate?["runDetails"]?["byproducts"]?.array?.first)
            let record = try #require(options["record"])
            #expect(product["annotations"]?["steps"] == 400)
            #expect(product["annotations"]?["lastLoss"] == record["loss"]?.array?.last)
            #expect(
                product["annotations"]?["bestLoss"]?.number
                    == record["eval_loss"]?.array?.compactMap(\.number).min())
            #expect(
                product["digest"]?["sha256"]?.string == SHA256.hash(Array(JSON.text(record).utf8)).hexadecimal)
            let bom = try document("bom.cdx.json")
            let components = try #require(bom["components"]?.array)
            let hashes = components.map { $0["hashes"]?.array?.first?["content"]?.string }
            #expect(Set(hashes) == Set(digests) && hashes.count == 3)
            #expect(
                components.filter { $0["type"] == "data" }.map { $0["hashes"]?.array?.first?["content"]?.string }
                    == Array(digests.dropFirst()))
            #expect(
                bom["metadata"]?["component"]?["modelCard"]?["modelParameters"]?["datasets"]?.array?.count == 2)
            #expect(try tool.run("lineage", base, "--impact").output == "team/run:latest\n")
            #expect(try tool.run("lineage", "team/run").output.contains("train (base): tiny\n"))
        }
    }

    @Test func `bad input is an error that says what to do`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            func write(_ name: String, _ text: String) throws -> String {
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
                return "\(folder)/\(name)"
            }
            func expect(_ status: Int32, _ message: String, _ arguments: [String]) throws {
                let result = try tool.run(arguments)
                #expect(result.status == status, "\(arguments)")
                #expect(result.errors.contains(message), "\(result.errors)")
            }
            let train = ["train", "--base", Self.base, "-t", "x", "--data"]
            try expect(1, "it holds no rows", train + [write("empty.txt", "")])
            try expect(1, "line 2: It has neither", train + [write("a.jsonl", "{\"text\":\"a b\"}\n{\"txt\":1}\n")])
            try expect(1, "line 1: The text is not valid JSON", train + [write("b.jsonl", "{")])
            try expect(1, "role 'tool'", train + [write("c.jsonl", #"{"messages":[{"role":"tool","content":""}]}"#)])
            try expect(
                1, "nothing is learned",
                train + [
                    write("d.jsonl", #"{"messages":[{"role":"user","content":"x"}]}"#), "--mask-prompt",
                ])
            try expect(
                1, "at most 4 are allowed",
                train + [
                    write("e.jsonl", #"{"text":"one two three four five"}"#), "--truncation", "refuse",
                    "--max-seq-length", "4",
                ])
            try expect(1, "reads at most 512", train + [data, "--max-seq-length", "4096"])
            try expect(1, "no linear layer", train + [data, "--target-modules", "c_attn"])
            try expect(1, "128 is the most", train + [data, "--rank", "4096"])
            try expect(
                1, "no config.json",
                ["train", "--base", try model(folder, without: "config.json"), "-t", "x", "--data", data])
            try expect(
                3, "no such file",
                ["train", "--base", try model(folder, without: "tokenizer.json"), "-t", "x", "--data", data])
            let other = try model(folder, without: "config.json")
            let configuration = try String(contentsOfFile: Self.base + "/config.json", encoding: .utf8)
            for (old, new, message) in [
                ("\"llama\"", "\"gemma\"", "architecture 'gemma'"),
                (
                    "\"intermediate_size\": 384", "\"intermediate_size\": 385",
                    "[385, 128] follows from its configuration"
                ),
                ("\"num_hidden_layers\": 6", "\"num_hidden_layers\": 7", "no tensor 'model.layers.6"),
                ("\"vocab_size\": 2048", "\"vocab_size\": -1", "no usable 'vocab_size'"),
            ] {
                try configuration.replacingOccurrences(of: old, with: new).write(
                    toFile: other + "/config.json", atomically: true, encoding: .utf8)
                try expect(1, message, ["train", "--base", other, "-t", "x", "--data", data])
            }
            try expect(64, "Name the adapter", ["train", "--base", Self.base, "--data", data])
            #expect(try tool.run("list", "-q").output == "")
        }
    }

    /// The tiny model's files but one.
    private func model(_ folder: String, without name: String) throws -> String {
        let path = folder + "/without-" + name
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        for file in try FileManager.default.contentsOfDirectory(atPath: Self.base) where file != name {
            try FileManager.default.copyItem(atPath: "\(Self.base)/\(file)", toPath: "\(path)/\(file)")
        }
        return path
    }

    @Test func `ranks by resize keep the parameters of the rank that was asked for`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            let uniform = try tool.run(arguments(data, "team/uniform", "--rank", "4"))
            try #require(uniform.status == 0, "\(uniform.errors)")
            let resized = try tool.run(arguments(data, "team/resized", "--rank", "4", "--rank-allocation", "resize"))
            try #require(resized.status == 0, "\(resized.errors)")
            func show(_ name: String) throws -> MetadataValue {
                try JSON.parse(Array(tool.run("show", name, "--json").output.utf8))
            }
            let (one, other) = (try show("team/uniform"), try show("team/resized"))
            let (most, count) = (
                try #require(one["parameterCount"]?.integer), try #require(other["parameterCount"]?.integer)
            )
            #expect(count <= most && count > most * 9 / 10)
            let ranks = try #require(other["ranks"]?.array)
            #expect(ranks.count > 1 && ranks.allSatisfy { (1...8).contains($0.integer ?? 0) })
            // What resizing cost is known, and every checkpoint has one.
            let error = try #require(other["certificate"]?["relativeTruncationError"]?.number)
            #expect(error > 0 && error < 1)
            #expect(try tool.run("pull", "team/resized", "-o", folder + "/peft").status == 0)
            let configuration = try PEFTFolder(folder + "/peft").configuration
            #expect((configuration["rank_pattern"] as? [String: Any])?.isEmpty == false)
            let dora = try tool.run(
                arguments(data, "team/x", "--use-dora", "--rank-allocation", "resize", "--dropout", "0"))
            #expect(dora.status == 1 && dora.errors.contains("DoRA is not possible with ranks by resize"))

            // Stopped and continued it gives the same adapter.
            let running = try tool.start(arguments(data, "team/killed", "--rank", "4", "--rank-allocation", "resize"))
            let deadline = Date().addingTimeInterval(60)
            while try tool.run("show", "team/killed").status != 0, Date() < deadline { usleep(20_000) }
            running.kill()
            _ = running.wait()
            let again = try tool.run(
                arguments(data, "team/killed", "--rank", "4", "--rank-allocation", "resize", "--resume"))
            #expect(again.status == 0, "\(again.errors)")
            #expect(try root(tool, "team/killed") == root(tool, "team/resized"))
        }
    }

    /// What a result tells of the search for its weights, which is no option of the merge.
    private func checkSearchRecord(
        _ tool: CommandLineTool, _ found: MetadataValue, data: String, _ command: [String]
    ) throws {
        func json(_ arguments: [String]) throws -> MetadataValue {
            let result = try tool.run(arguments)
            try #require(result.status == 0, "\(arguments): \(result.errors)")
            return try JSON.parse(Array(result.output.utf8))
        }
        let provenance = try #require(json(["show", "team/best", "--json"])["provenance"])
        var expected = try #require(found.map)
        let (best, evaluations) = (expected.removeValue(forKey: "best"), expected.removeValue(forKey: "evaluations"))
        #expect(provenance["options"]?["search"] == .map(expected))
        let digest = SHA256.hash([UInt8](try Data(contentsOf: URL(fileURLWithPath: data)))).description
        let run = try #require(json(["runs", "team/a", "--json"])["settings"])
        #expect(run["base"] != nil && expected["settings"]?["base"] == run["base"])
        #expect(expected["settings"]?["val_data"] == .string(digest))
        for key in ["max_seq_length", "mask_prompt", "truncation", "chat_template"] {
            #expect(run[key] != nil && expected["settings"]?[key] == run[key], "\(key)")
        }
        func numbers(_ key: String) -> [Double]? { expected[key]?.array?.compactMap(\.number) }
        #expect(numbers("start") == [1, 1] && numbers("range") == [0, 1] && expected["budget"] == 16)
        #expect(expected["evaluationCount"]?.integer == evaluations?.array?.count)
        #expect(expected["bestValidationLoss"] == best?["loss"])
        #expect(expected["data"]?["validation"]?["rows"]?.integer ?? 0 > 1)
        #expect(
            provenance["parents"]?.array?.map { $0["role"]?.string } == ["input", "input", "base", "validation"])
        #expect(try tool.run("lineage", digest, "--impact").output == "team/best:latest\n")
        let shown = try tool.run("show", "team/best").output
        #expect(shown.contains("sets of weights tried, loss ") && shown.contains(" (validation)\n"), "\(shown)")
        #expect(!shown.contains("max_seq_length"))

        // The same search is known again. Its recipe is the merge with the weights that were found.
        #expect(try json(command + ["-t", "team/again"])["wasStored"] == true)
        let recipe = try json(["recipe", "team/best", "--json"])
        let step = try #require(recipe["steps"]?["result"])
        #expect(step["options"]?["search"] == nil && step["options"]?["method"] != nil)
        #expect(step["inputs"]?.array?.map { $0["weight"] } == best?["weights"]?.array)
        let path = data + ".recipe"
        try JSON.text(recipe).write(toFile: path, atomically: true, encoding: .utf8)
        try #require(tool.run("compose", path, "-t", "team/composed").status == 0)
        #expect(try root(tool, "team/composed") == root(tool, "team/best"))
        #expect(try tool.run("compose", "--without", "team/b", "--of", "team/best", "-t", "team/less").status == 0)
        #expect(try tool.run("document", "verify", "team/best").status == 0)
    }

    @Test func `a search finds weights that eval agrees with`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            for (name, seed) in [("a", "1"), ("b", "2")] {
                let train = try tool.run(
                    "train", "--base", Self.base, "--data", data, "--max-seq-length", "64", "--max-steps", "20", "--lr",
                    "5e-3", "--seed", seed, "--save-steps", "0", "-t", "team/\(name)", "-q")
                try #require(train.status == 0, "\(train.errors)")
            }
            let validation = folder + "/validation.txt"
            let book = try String(contentsOfFile: Self.fixtures + "/bierce_val.txt", encoding: .utf8)
            try book.prefix(6000).write(toFile: validation, atomically: true, encoding: .utf8)
            let search = [
                "--search", "--base", Self.base, "--data", validation, "--max-seq-length", "64", "--search-budget",
                "16",
            ]
            let merge = try tool.run(["merge", "team/a=1", "team/b=1", "-t", "team/best", "--json"] + search)
            try #require(merge.status == 0, "\(merge.errors)")
            let found = try #require(try JSON.parse(Array(merge.output.utf8))["search"])
            let evaluations = try #require(found["evaluations"]?.array)
            #expect(evaluations.count <= 16 && evaluations.count > 9)
            #expect(evaluations.first?["weights"]?.array?.compactMap(\.number) == [1, 1])
            let best = try #require(found["best"]?["loss"]?.number)
            #expect(evaluations.compactMap { $0["loss"]?.number }.min() == best)
            #expect(best < evaluations.first?["loss"]?.number ?? 0)
            // The stored adapter, and the unmerged ones with these weights, have that loss.
            let weights = try #require(found["best"]?["weights"]?.array).compactMap(\.number)
            for references in [["team/best"], ["team/a=\(weights[0])", "team/b=\(weights[1])"]] {
                let evaluation = try tool.run(
                    ["eval", "--base", Self.base, "--data", validation, "--max-seq-length", "64", "--json"] + references
                )
                let loss = try #require(JSON.parse(Array(evaluation.output.utf8))["loss"]?.number)
                #expect(abs(loss - best) < 1e-5)
            }
            let parents = try JSON.parse(Array(tool.run("show", "team/best", "--json").output.utf8))["provenance"]?[
                "parents"]
            #expect(
                parents?.array?.compactMap { $0["weight"]?.number } == weights.filter { $0 != 0 }
                    || parents?.array?.count == 2)
            #expect(try tool.run("rebuild", "team/best").status == 0)
            try checkSearchRecord(tool, found, data: validation, ["merge", "team/a=1", "team/b=1", "--json"] + search)
            // Rows that are left out do not count, and threads do not matter.
            let dropping = ["eval", "--base", Self.base, "--data", validation, "--max-seq-length", "64", "--json"]
            let chosen = try tool.run(
                [
                    "merge", "team/a", "-t", "team/chosen", "--json", "--truncation", "drop", "--threads", "1",
                    "--tokenizer", Self.base + "/tokenizer.json", "--chat-template", "chatml",
                ] + search
            )
            try #require(chosen.status == 0, "\(chosen.errors)")
            let single = try JSON.parse(Array(chosen.output.utf8))["search"]?["evaluations"]?.array?.first
            let plain = try tool.run(dropping + ["--truncation", "drop", "team/a"])
            let expected = try #require(JSON.parse(Array(plain.output.utf8))["loss"]?.number)
            #expect(abs(try #require(single?["loss"]?.number) - expected) < 1e-5)
            let table = try tool.run(["merge", "team/a", "team/b", "-t", "team/ties", "--method", "ties"] + search)
            #expect(table.status == 0 && table.output.contains("best") && table.output.contains("LOSS"))
            for arguments in [
                ["--search"], ["--search", "--base", Self.base], ["--base", Self.base],
                search + ["--search-range", "1,0"],
                search + ["--search-budget", "0"], search + ["--threads", "0"],
            ] {
                #expect(
                    try tool.run(["merge", "team/a", "team/b", "-t", "team/x"] + arguments).status == 64, "\(arguments)"
                )
            }
        }
    }
}
