import AdapterTesting
import Foundation
import Testing

@testable import AdapterCommands

/// What people see: tables that fit, colours that mean something, progress.
@Suite struct ConsoleTests {
    // MARK: Tables

    private var table: TextTable {
        var table = TextTable(
            ["NAME", "RANK", "BASE", "SIZE", "DIGEST"], rightAligned: [1, 3], faint: [4], dispensable: [4, 1])
        table.add(["team/customer-support:v1", "8", "meta-llama/Llama-3.1-8B", "12.3 MB", "sha256:0123456789ab"])
        table.add(["日本語のアダプター", "16", "", "7 B", ""])
        return table
    }

    @Test(arguments: 1...120) func `a table fits the width, or has become as narrow as it can`(width: Int) {
        let lines = table.text(width: width).split(separator: "\n").map(String.init)
        #expect(lines.count == 3)
        // Two columns of words at their least, one of numbers.
        let least = 6 + 2 + 6 + 2 + 7
        #expect(lines[0].hasPrefix("NAME"))
        for line in lines {
            #expect(line.columnCount <= max(width, least), "\(line)")
            #expect(!line.hasSuffix(" "))
        }
        // Numbers are never cut.
        #expect(lines[1].contains("12.3 MB"))
    }

    @Test func `what can be done without goes in its order, and only when it must`() {
        let full = table.text(width: nil)
        #expect(table.text(width: 100) == full)
        #expect(full.contains("DIGEST") && full.contains("RANK"))
        let narrow = table.text(width: 60)
        #expect(!narrow.contains("DIGEST") && narrow.contains("RANK"))
        let narrower = table.text(width: 50)
        #expect(!narrower.contains("RANK"))
        // Names differ at their ends.
        #expect(narrow.contains("support:v1"))
        let columns = full.split(separator: "\n").map { line in
            line.range(of: "MB").map { line.distance(from: line.startIndex, to: $0.lowerBound) } ?? 0
        }
        #expect(columns[1] > 0)
        #expect("日本".columnCount == 4 && "é".columnCount == 1 && "ΔW…".columnCount == 3)
    }

    @Test(arguments: ["60", "80", "120"]) func `the tables of commands fit the terminal`(width: String) throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            for name in ["team/customer-support-in-german:v1", "team/tone:v1"] {
                #expect(try tool.run("push", Fixtures.peft("llama-task-a"), name, "-q", "-m", "what it is").status == 0)
            }
            #expect(try tool.run("key", "generate", "release", "-q").status == 0)
            let merge = ["merge", "team/tone:v1", "team/customer-support-in-german:v1", "--rank", "4", "-t", "a/b"]
            #expect(try tool.run(merge + ["-q"]).status == 0)
            let train = [
                "train", "--base", "\(Fixtures.directory)/training/tiny", "--data",
                "\(Fixtures.directory)/training/bierce_val.txt", "--max-seq-length", "32", "--max-steps", "1",
            ]
            #expect(try tool.run(train + ["-t", "team/bierce:v1", "-q"]).status == 0)
            for command in [
                ["list"], ["history", "team/tone"], ["log"], ["key", "list"], ["document", "list", "a/b"],
                ["inspect", "team/tone:v1"], ["inspect", "team/tone:v1", "a/b"], ["show", "a/b"],
                ["diff", "team/tone:v1", "a/b"], merge + ["--recompute"], ["runs"], ["runs", "team/bierce:v1"],
                ["compose", "--keep-apart", "team/tone:v1=0.5", "a/b", "-t", "a/stack"], ["show", "a/stack"],
                ["lineage", "a/b"], ["stats"],
                ["fuse", "a/b", "--base", "\(Fixtures.directory)/models/tiny-llama", "-o", "\(folder)/fused"],
            ] {
                let result = try tool.run(command, environment: ["COLUMNS": width])
                #expect(result.status == 0, "\(command): \(result.errors)")
                #expect(!result.output.contains("sha256:…"), "\(command)")
                for line in result.output.split(separator: "\n")
                // A path or a whole digest is not cut.
                where !line.contains(folder) && !line.contains(/sha256:[0-9a-f]{64}/) {
                    #expect(String(line).columnCount <= Int(width) ?? 0, "\(command) at \(width): \(line)")
                }
            }
        }
    }

    @Test func `columns in which nothing is said are left out`() {
        var table = TextTable(["NAME", "MESSAGE"])
        table.add(["a", ""])
        #expect(table.text(width: nil) == "NAME\na\n")
        table.add(["b", "why"])
        #expect(table.text(width: nil) == "NAME  MESSAGE\na\nb     why\n")
    }

    @Test func `prose is broken at spaces, below where it began`() {
        let text = "adapterctl: error: Unable to find 'x': the registry has none. See 'list'.\nshort"
        #expect(
            Wrapping.wrapped(text, width: 40)
                == "adapterctl: error: Unable to find 'x':\n  the registry has none. See 'list'.\nshort")
        #expect(Wrapping.wrapped(text, width: nil) == text)
        #expect(
            Wrapping.wrapped("  made by       merge of several, which takes long", width: 36)
                == "  made by       merge of several,\n                which takes long")
        let digest = "  digest        sha256:" + String(repeating: "0", count: 64)
        #expect(Wrapping.wrapped(digest, width: 60) == digest)
        let styled = "\u{1B}[1;31mno\u{1B}[0m: " + String(repeating: "word ", count: 20)
        for line in Wrapping.wrapped(styled, width: 30).split(separator: "\n") {
            #expect(String(line).replacing(/\u{1B}\[[0-9;]*m/, with: "").columnCount <= 30)
        }
    }

    // MARK: Colours

    @Test func `colours stand where they are wanted, and mean what the text says`() throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            #expect(try tool.run("push", Fixtures.peft("llama-task-a"), "team/a:v1", "-q").status == 0)
            func verify(_ environment: [String: String], _ more: String...) throws -> CommandLineTool.Result {
                try tool.run(["verify", "team/a:v1"] + more, environment: environment)
            }
            let forced = ["NO_COLOR": "", "CLICOLOR_FORCE": "1"]
            #expect(try verify(forced).output.hasPrefix("\u{1B}[32mok\u{1B}[0m"))
            for environment in [
                ["NO_COLOR": ""], ["NO_COLOR": "1", "CLICOLOR_FORCE": "1"], ["NO_COLOR": "", "CLICOLOR_FORCE": "0"],
            ] {
                #expect(try verify(environment).output.hasPrefix("ok "))
            }
            for option in ["--json", "-q"] {
                #expect(try !verify(forced, option).output.contains("\u{1B}"))
            }
            let failed = try tool.run(["show", "nothing"], environment: forced)
            #expect(failed.errors.hasPrefix("adapterctl: \u{1B}[1;31merror:\u{1B}[0m Unable to"))
            let misspelt = try tool.run(["list", "--nothing"], environment: forced)
            #expect(misspelt.errors.hasPrefix("adapterctl: \u{1B}[1;31merror:\u{1B}[0m Unknown option"))
            let list = try tool.run(["list"], environment: forced).output
            #expect(list.contains("\u{1B}[1mNAME"))
            let plain = try tool.run(["list"]).output
            #expect(list.replacing(/\u{1B}\[[0-9;]*m/, with: "") == plain)
        }
    }

    /// Runs the tool in a terminal of its own and gives what the terminal gets.
    private func terminal(_ tool: CommandLineTool, _ command: String, _ environment: String...) throws -> String {
        try Program.run(
            "/usr/bin/env",
            ["-u", "NO_COLOR", "-u", "COLUMNS", "-u", "CLICOLOR_FORCE", "ADAPTERCTL_REGISTRY=\(tool.registry)"]
                + environment
                + ["script", "--quiet", "--return", "--command", "'\(CommandLineTool.path)' \(command)", "/dev/null"]
        ).output
    }

    @Test func `a terminal gets colours unless it is dumb`() throws {
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            #expect(try tool.run("push", Fixtures.peft("llama-task-a"), "team/a:v1", "-q").status == 0)
            #expect(try terminal(tool, "list", "TERM=xterm").contains("\u{1B}[1mNAME"))
            #expect(try !terminal(tool, "list", "TERM=dumb").contains("\u{1B}"))
            #expect(try !terminal(tool, "list", "TERM=xterm", "NO_COLOR=1").contains("\u{1B}"))
        }
    }

    // MARK: Progress

    @Test func `progress tells bytes, rate and time left, in what fits`() {
        var meter = ProgressMeter(verb: "Pushing", total: 4_000_000_000)
        meter.done = 1_000_000_000
        let plain = meter.line(after: .seconds(10), width: nil)
        #expect(plain == "Pushing  25 %  1.0 GB of 4.0 GB  100 MB/s  30 s left")
        let wide = meter.line(after: .seconds(10), width: 100)
        #expect(wide.contains("━━━━━━╌╌╌") && wide.hasSuffix("30 s left"))
        #expect(meter.line(after: .seconds(10), width: 40) == "Pushing  25 %  30 s left")
        for width in 1...120 {
            #expect(meter.line(after: .seconds(10), width: width).columnCount < max(2, width))
        }
        // A rate of a moment says nothing.
        #expect(meter.line(after: .milliseconds(100), width: nil) == "Pushing  25 %  1.0 GB of 4.0 GB")
        meter.done = 9_000_000_000
        #expect(meter.line(after: .seconds(10), width: nil).hasPrefix("Pushing  100 %"))
        var things = ProgressMeter(verb: "Verifying", unit: .things, done: 120, total: 4000)
        #expect(things.line(after: .seconds(4), width: nil) == "Verifying  3 %  120 of 4000  30/s  2 min left")
        things.total = 0
        things.done = 0
        #expect(things.line(after: .seconds(75), width: nil) == "Verifying  1 min")
    }

    @Test func `work of more than a second is told on a terminal, and the line is gone at its end`() throws {
        try withTemporaryDirectory { folder throws in
            // Each of its answers takes a second.
            let body = Array(#"{"tags":["v1"]}"#.utf8) + Array(repeating: UInt8(ascii: " "), count: 1100)
            let peer = try ScriptedPeer { request in
                request.path.hasSuffix("/tags/list")
                    ? PeerAnswer(200, [("Content-Type", "application/json")], body)
                    : PeerAnswer(404, [], body, pause: .milliseconds(700))
            }
            let tool = CommandLineTool(registry: folder + "/registry")
            let command = "list --plain-http oci://\(peer.host)/team/a"
            let live = try terminal(tool, command, "TERM=xterm")
            #expect(live.contains("\r\u{1B}[KReading manifests  "))
            #expect(live.contains("\r\u{1B}[Kadapterctl: ") || live.contains("\r\u{1B}[K\r\nadapterctl: "), "\(live)")
            for quiet in ["--no-progress", "--quiet", "--json"] {
                #expect(try !terminal(tool, "\(command) \(quiet)", "TERM=xterm").contains("Reading manifests"))
            }
            #expect(try !terminal(tool, command, "TERM=dumb").contains("\u{1B}"))
        }
    }

    @Test func `a log gets a plain line after a second`() throws {
        try withTemporaryDirectory { folder throws in
            // Three pauses in what it answers about a tag.
            let body = Array(#"{"tags":["v1"]}"#.utf8) + Array(repeating: UInt8(ascii: " "), count: 3000)
            let peer = try ScriptedPeer { request in
                request.path.hasSuffix("/tags/list")
                    ? PeerAnswer(200, [("Content-Type", "application/json")], body)
                    : PeerAnswer(404, [], body, pause: .milliseconds(900))
            }
            let tool = CommandLineTool(registry: folder + "/registry")
            let arguments = ["list", "--plain-http", "oci://\(peer.host)/team/a"]
            let result = try tool.run(arguments)
            #expect(result.errors.hasPrefix("Reading manifests  "), "\(result.errors)")
            #expect(!result.errors.contains("\u{1B}") && !result.errors.contains("\r"))
            #expect(try !tool.run(arguments + ["--no-progress"]).errors.contains("Reading manifests"))
        }
    }
}
