import AdapterRegistry
import AdapterTesting
import ByteCoding
import Foundation
import Testing

/// What runs keep, how they end, and what they lie on.
extension TrainingTests {
    func events(_ output: String) throws -> [MetadataValue] {
        try output.split(separator: "\n").map { try JSON.parse(Array($0.utf8)) }
    }

    private func json(_ tool: CommandLineTool, _ arguments: String...) throws -> MetadataValue {
        let result = try tool.run(arguments + ["--json"])
        try #require(result.status == 0, "\(arguments): \(result.errors)")
        return try JSON.parse(Array(result.output.utf8))
    }

    @discardableResult
    private func succeed(_ tool: CommandLineTool, _ arguments: [String]) throws -> CommandLineTool.Result {
        let result = try tool.run(arguments)
        try #require(result.status == 0, "\(arguments): \(result.errors)")
        return result
    }

    /// A text to validate with.
    private func validation(_ folder: String) throws -> String {
        let book = try String(contentsOfFile: Self.fixtures + "/bierce_val.txt", encoding: .utf8)
        let path = folder + "/validation.txt"
        try String(book.prefix(3000)).write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test func `an adapter is trained on top of another, and eval agrees`() throws {
        try withTool { tool, folder in
            let (data, validation) = (try text(folder), try validation(folder))
            let settings = [
                "train", "--base", Self.base, "--data", data, "--val-data", validation, "--max-seq-length", "64",
                "--max-steps", "12", "--lr", "3e-3", "--eval-steps", "4", "--save-steps", "4",
            ]
            try succeed(tool, settings + ["-t", "team/first"])
            try succeed(tool, settings + ["-t", "team/second", "--on", "team/first=0.5"])
            let document = try json(tool, "show", "team/second")
            let parent = try #require(document["provenance"]?["parents"]?.array?.first)
            #expect(parent["role"] == "frozen")
            #expect(parent["weight"] == 0.5)
            let best = try #require(json(tool, "runs", "team/second")["bestValidationLoss"]?.number)
            let eval = ["eval", "--base", Self.base, "--data", validation, "--max-seq-length", "64", "--json"]
            func loss(_ adapters: String...) throws -> Double {
                try #require(JSON.parse(Array(succeed(tool, eval + adapters).output.utf8))["loss"]?.number)
            }
            #expect(abs(try loss("team/first=0.5", "team/second") - best) < 1e-6)
            #expect(abs(try loss("team/second") - best) > 1e-3)

            // A stored stack counts as its adapters.
            try succeed(tool, ["compose", "--keep-apart", "team/first=0.5", "team/second", "-t", "team/served"])
            #expect(abs(try loss("team/served") - best) < 1e-6)
            #expect(
                abs(try loss("team/served=0.5") - loss("team/first=0.25", "team/second=0.5")) < 1e-12)
            try succeed(tool, settings + ["-t", "team/third", "--on", "team/served"])
            let parents = try json(tool, "show", "team/third")["provenance"]?["parents"]?.array
            #expect(
                parents?.filter { $0["role"] == "frozen" }.map { $0["weight"]?.number } == [0.5, 1], "\(parents ?? [])")

            // Magnitudes have the layer for themselves.
            try succeed(tool, settings + ["-t", "team/dora", "--use-dora", "--target-modules", "q_proj"])
            for more in [
                ["--use-dora", "--on", "team/first"], ["--on", "team/dora"], ["--use-dora", "--on", "team/dora"],
            ] {
                let refused = try tool.run(settings + ["-t", "team/x"] + more)
                #expect(refused.status == 1)
                #expect(
                    refused.errors.contains("Unable to train 'model.layers.0.self_attn.q_proj' on another adapter"),
                    "\(refused.errors)")
            }
            let beside = settings + ["-t", "team/beside", "--on", "team/dora", "--target-modules", "v_proj"]
            try succeed(tool, beside)
            let besideBest = try #require(json(tool, "runs", "team/beside")["bestValidationLoss"]?.number)
            #expect(abs(try loss("team/dora", "team/beside") - besideBest) < 1e-6)
        }
    }

    @Test func `rows that were lost are said, and kept on record`() throws {
        try withTool { tool, folder in
            let data = folder + "/rows.jsonl"
            let long = String(repeating: "many words ", count: 40)
            let rows = [
                #"{"prompt":"a","completion":"b c d"}"#, #"{"prompt":"e","completion":"f g h"}"#,
                #"{"prompt":"x","completion":"\#(long)"}"#, #"{"prompt":"\#(long)","completion":"y"}"#,
            ]
            try rows.joined(separator: "\n").write(toFile: data, atomically: true, encoding: .utf8)
            func train(_ more: String...) throws -> (errors: String, events: [MetadataValue]) {
                let result = try succeed(
                    tool,
                    [
                        "train", "--base", Self.base, "--data", data, "--max-seq-length", "24", "--mask-prompt",
                        "--max-steps", "2", "-t", "team/rows", "--json",
                    ] + more)
                return (result.errors, try events(result.output))
            }
            let cut = try train()
            #expect(cut.errors.contains("2 rows longer than 24 tokens, cut off there"))
            #expect(cut.errors.contains("1 row in which nothing is learned, left out"))
            #expect(cut.events.first?["event"] == "plan")
            #expect(cut.events.first?["rows"] == 3 && cut.events.first?["dropped"] == 1)
            let counts = cut.events.last?["data"]?["training"]
            #expect(counts?["rows"] == 3 && counts?["truncated"] == 2 && counts?["unlearned"] == 1)
            #expect(cut.events.last?["data"]?["validation"] == MetadataValue.null)
            #expect(try tool.run("show", "team/rows").output.contains("3 rows, "))
            #expect(try tool.run("runs", "team/rows").output.contains("; 1 left out, 2 cut\n"))
            let dropped = try train("--truncation", "drop")
            #expect(dropped.errors.contains("2 rows longer than 24 tokens, left out"))
            #expect(dropped.events.first?["dropped"] == 2)
            #expect(dropped.events.last?["data"]?["training"]?["tooLong"] == 2)
        }
    }

    @Test func `a run is shown in words and as a curve`() throws {
        try withTool { tool, folder in
            try succeed(tool, arguments(text(folder), "team/run", "-q"))
            let shown = try tool.run("show", "team/run", "--plot", folder + "/run.html")
            #expect(shown.status == 0)
            for word in ["made by       train, adapterctl", "steps         24", "validation    ", "curve         "] {
                #expect(shown.output.contains(word), "\(word)")
            }
            #expect(!shown.output.contains("learning_rate") && !shown.output.contains("{"))
            let page = try String(contentsOfFile: folder + "/run.html", encoding: .utf8)
            #expect(page.contains("in 24 steps") && page.contains(">training</text>"))
            let steps = try events(
                succeed(tool, arguments(text(folder), "team/other", "--json", "--max-steps", "3")).output
            ).filter { $0["event"] == "step" }
            #expect(steps.count == 3)
            #expect(steps.allSatisfy { ($0["memoryByteCount"]?.integer ?? 0) > 1 << 20 })
            #expect(steps.last?["secondsLeft"]?.number == 0)
        }
    }

    @Test func `losses above the limit end the run`() throws {
        try withTool { tool, folder in
            let result = try tool.run(
                arguments(text(folder), "team/run", "--loss-limit", "0.5", "--loss-limit-patience", "5"))
            #expect(result.status == 1)
            #expect(
                result.errors.contains("stops at step 5: the loss was above 0.5 for 5 steps")
                    && result.errors.contains("The checkpoint of step 4 stays."), "\(result.errors)")
            #expect(try json(tool, "runs", "team/run")["lastStep"] == 4)
        }
    }

    @Test func `the best checkpoint is stored, and patience needs something to validate with`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            // So large a rate does good at first and harm later.
            try succeed(
                tool,
                arguments(
                    data, "team/best", "--max-steps", "60", "--lr", "2e-2", "--eval-steps", "2",
                    "--early-stopping-patience", "2"))
            let run = try json(tool, "runs", "team/best")
            let (step, last) = (try #require(run["step"]?.integer), try #require(run["lastStep"]?.integer))
            #expect(step == run["bestStep"]?.integer && step < last && last < 60)
            #expect(run["validationLoss"]?.number ?? 0 > run["bestValidationLoss"]?.number ?? .infinity)
            let refused = try tool.run(
                "train", "--base", Self.base, "--data", data, "-t", "x", "--early-stopping-patience", "2")
            #expect(refused.status == 64)
            #expect(refused.errors.contains("--early-stopping-patience needs --val-data or --val-split."))
        }
    }

    @Test func `of two states that are kept the older one goes on, too`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            try succeed(tool, arguments(data, "team/whole"))
            let running = try tool.start(arguments(data, "team/run", "--keep-states", "2", "--json"))
            let deadline = Date().addingTimeInterval(60)
            while !running.outputSoFar.contains(#"{"event":"checkpoint","step":8}"#), Date() < deadline {
                usleep(5_000)
            }
            running.kill()
            _ = running.wait()
            let later = try #require(json(tool, "runs", "team/run")["lastStep"]?.integer)
            try succeed(tool, ["rollback", "team/run:latest"])
            let earlier = try #require(json(tool, "runs", "team/run")["lastStep"]?.integer)
            #expect(earlier == later - 4)
            try succeed(tool, arguments(data, "team/run", "--keep-states", "2", "--resume"))
            #expect(try root(tool, "team/run") == root(tool, "team/whole"))
        }
    }

    @Test(arguments: [SIGINT, SIGTERM]) func `a signal keeps a checkpoint, from which the run goes on`(
        _ signal: Int32
    ) throws {
        try withTool { tool, folder in
            let data = try text(folder)
            // No checkpoint is due before the end.
            let own = ["--save-steps", "0"]
            try succeed(tool, arguments(data, "team/whole") + own)
            let running = try tool.start(arguments(data, "team/stopped", "--json") + own)
            let deadline = Date().addingTimeInterval(60)
            while !running.outputSoFar.contains("\"event\":\"plan\""), Date() < deadline { usleep(5_000) }
            running.send(signal)
            let result = running.wait()
            #expect(result.status == 130, "\(result.errors)")
            #expect(result.errors.contains("--resume"))
            let run = try json(tool, "runs", "team/stopped")
            let step = try #require(run["lastStep"]?.integer)
            #expect(run["isFinal"] == false && step >= 1 && step < 24)
            try succeed(tool, arguments(data, "team/stopped", "--resume") + own)
            #expect(try root(tool, "team/stopped") == root(tool, "team/whole"))
        }
    }

    @Test func `a signal that is ignored from the start stays ignored`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            // As a shell without job control does with what it starts in the background; SIGTERM is still heard.
            let running = try tool.start(
                arguments(data, "team/background", "--json", "--save-steps", "0", "--max-steps", "100000"),
                launcher: ["/bin/sh", "-c", "trap '' INT; exec \"$0\" \"$@\""])
            defer { running.kill() }
            func steps() -> Int { running.outputSoFar.split(separator: "\n").count { $0.contains(#""event":"step""#) } }
            let deadline = Date().addingTimeInterval(60)
            while steps() < 1, Date() < deadline { usleep(5_000) }
            running.send(SIGINT)
            let before = steps()
            while steps() < before + 3, running.isRunning, Date() < deadline { usleep(5_000) }
            #expect(before >= 1 && steps() >= before + 3)
            // A second one would end a program that had taken note of the first.
            running.send(SIGINT)
            running.send(SIGTERM)
            let result = running.wait()
            #expect(result.status == 130, "\(result.errors)")
            #expect(try json(tool, "runs", "team/background")["isFinal"] == false)
        }
    }
}
