import AdapterRegistry
import AdapterTesting
import ByteCoding
import FileSystem
import Foundation
import Integrity
import Testing

/// Every file-system call of a command, SQLite's included, fails once and is the last before SIGKILL once.
///
/// `swift test` takes a sample, another one each time; `Scripts/faults` takes all (ADAPTERCTL_FAULTS=all).
@Suite(.serialized) struct FaultInjectionTests {
    private static let library = URL(fileURLWithPath: CommandLineTool.path).deletingLastPathComponent()
        .appendingPathComponent("libFaultInjection.so").path

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let arguments: @Sendable (_ folder: String) -> [String]
        /// What the command may change: the tags that it sets.
        let targets: [String]
        /// Whether the result holds what was measured, so that no two are equal.
        var isTimed = false
        /// Whether it makes a registry of its own.
        var makesBackup = false
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "push", arguments: { _ in ["push", Fixtures.peft("llama-bf16-b"), "team/new:v1"] },
            targets: ["team/new:v1"]),
        Case(
            name: "push over a tag", arguments: { _ in ["push", Fixtures.peft("llama-bf16-b"), "team/a:v1"] },
            targets: ["team/a:v1"]),
        Case(name: "tag", arguments: { _ in ["tag", "team/b:v1", "team/a:v1"] }, targets: ["team/a:v1"]),
        Case(
            name: "merge",
            arguments: { _ in
                ["merge", "team/a:v1=0.7", "team/b:v1=0.3", "--rank", "2", "--method", "exact", "-t", "team/m:v1"]
            },
            targets: ["team/m:v1"]),
        Case(
            name: "compose", arguments: { ["compose", $0 + "/recipe.yaml", "-t", "team/m:v2"] }, targets: ["team/m:v2"]),
        Case(name: "gc", arguments: { _ in ["gc", "--apply", "--grace", "0", "--keep-last", "0"] }, targets: []),
        Case(
            name: "train",
            arguments: { folder in
                [
                    "train", "--base", Fixtures.directory + "/training/tiny", "--data", folder + "/data.txt",
                    "--max-steps",
                    "2", "--save-steps", "1", "--max-seq-length", "32", "--rank", "1", "-t", "team/run:v1", "-q",
                ]
            }, targets: ["team/run:v1"], isTimed: true),
        Case(name: "backup", arguments: { ["backup", $0 + "/backup"] }, targets: [], makesBackup: true),
    ]

    /// A registry with names, and with what a collection takes away.
    private func makeTemplate(_ folder: String) throws {
        let tool = CommandLineTool(registry: folder + "/registry")
        for arguments in [
            ["push", Fixtures.peft("llama-rank4-a"), "team/a:v1"],
            ["push", Fixtures.peft("llama-rank4-b"), "team/b:v1"],
            ["push", Fixtures.peft("llama-bf16-a"), "team/gone:v1"], ["push", Fixtures.peft("llama-f16"), "team/b:v2"],
            ["tag", "team/a:v1", "team/a:production"], ["rm", "team/gone:v1"], ["untag", "team/b:v2"],
        ] {
            let result = try tool.run(arguments + ["-q"])
            try #require(result.status == 0, "\(result.errors)")
        }
        try Data(
            """
            operation: merge
            inputs:
              - team/b:v1=0.5
              - {operation: convert, inputs: [team/a:v1], options: {dtype: f32}}
            """.utf8
        ).write(to: URL(fileURLWithPath: folder + "/recipe.yaml"))
        try Data(String(repeating: "A little text to learn from. ", count: 40).utf8)
            .write(to: URL(fileURLWithPath: folder + "/data.txt"))
    }

    private func tags(_ path: String) throws -> [String: Digest] {
        let entries = try Registry(opening: path, mode: .readOnly).list()
        return Dictionary(uniqueKeysWithValues: entries.map { ($0.reference.description, $0.digest) })
    }

    /// Where the tags stand before a command and after it.
    private struct Tags {
        let before: [String: Digest]
        let whole: [String: Digest]
    }

    /// The registry after a fault: everything that had a name has it, nothing is damaged, nothing lies about; what the
    /// command sets stands where it did or where it shall.
    ///
    /// - Parameter isDone: whether the command said that it succeeded.
    private func check(
        _ path: String, _ tags: Tags, _ test: Case, isDone: Bool, _ place: String
    ) throws {
        let registry = try Registry(opening: path)
        let damage = try registry.check().filter(\.isDamage)
        #expect(damage.isEmpty, "\(place): \(damage)")
        #expect(try registry.verifyAll().isEmpty, "\(place)")
        for name in ["tmp", "trash"] where Directory.kind(of: "\(path)/\(name)") != nil {
            #expect(try Directory.names(in: "\(path)/\(name)").isEmpty, "\(place): \(name)")
        }
        let after = try self.tags(path)
        for (name, digest) in tags.before where !test.targets.contains(name) {
            #expect(after[name] == digest, "\(place): \(name)")
        }
        #expect(Set(after.keys).subtracting(tags.before.keys).isSubset(of: test.targets), "\(place)")
        for name in test.targets {
            let isNew = test.isTimed ? after[name] != nil : after[name] == tags.whole[name]
            #expect(isNew || !isDone && after[name] == tags.before[name], "\(place): \(name)")
        }
    }

    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: library), "libFaultInjection.so is not built"),
        arguments: cases)
    func `Old or new state, nothing lost, nothing left`(_ test: Case) throws {
        try withTemporaryDirectory { base throws in
            let template = base + "/template"
            try Directory.create(template)
            try makeTemplate(template)
            let folder = base + "/work"
            let tool = CommandLineTool(registry: folder + "/registry")
            func run(_ step: Int, _ mode: String, _ number: Int32 = EIO) throws -> CommandLineTool.Result {
                try tool.run(
                    test.arguments(folder),
                    environment: [
                        "LD_PRELOAD": FaultInjectionTests.library,
                        "FAULT_ROOT": String(folder.split(separator: "/").suffix(2).joined(separator: "/")),
                        "FAULT_AT": "\(step)",
                        "FAULT_MODE": mode, "FAULT_ERRNO": "\(number)", "FAULT_LOG": base + "/count",
                    ])
            }
            func reset() throws {
                try Directory.remove(folder)
                try FileManager.default.copyItem(atPath: template, toPath: folder)
            }
            try reset()
            let whole = try run(0, "fail")
            try #require(whole.status == 0, "\(whole.errors)")
            let tags = Tags(before: try tags(template + "/registry"), whole: try tags(folder + "/registry"))
            #expect(test.targets.allSatisfy { tags.whole[$0] != nil && tags.whole[$0] != tags.before[$0] })
            let text = try String(contentsOf: URL(fileURLWithPath: base + "/count"), encoding: .utf8)
            let count = try #require(Int(text))
            #expect(count > 20)

            let isWhole = ProcessInfo.processInfo.environment["ADAPTERCTL_FAULTS"] == "all"
            let seed = UInt64.random(in: 0 ... .max)
            var generator = SeededGenerator(seed: seed)
            var steps = Array(1...count)
            if !isWhole { steps = Array(steps.shuffled(using: &generator).prefix(6)) }
            var failed = 0
            for step in steps {
                for (mode, number) in [("fail", EIO), ("fail", ENOSPC), ("kill", 0)] {
                    let place = "\(test.name), step \(step) of \(count), \(mode) \(number)"
                    try reset()
                    let result = try run(step, mode, number)
                    if mode == "kill" {
                        // A process may end before the step: the number varies with what the system has cached.
                        #expect(result.status == 128 + SIGKILL || result.status == 0, "\(place): \(result.errors)")
                    } else if result.status != 0 {
                        failed += 1
                        #expect([1, 2, 3].contains(result.status), "\(place): \(result.status)")
                        #expect(result.errors.hasPrefix("adapterctl: error: Unable to"), "\(place): \(result.errors)")
                    }
                    let isDone = mode == "fail" && result.status == 0
                    try check(folder + "/registry", tags, test, isDone: isDone, place)
                    if test.makesBackup, isDone || Directory.kind(of: folder + "/backup") != nil {
                        try check(folder + "/backup", tags, test, isDone: isDone, place + ", backup")
                    }
                    // What did not happen can be done now.
                    if result.status != 0, Directory.kind(of: folder + "/backup") == nil {
                        let again = try tool.run(test.arguments(folder))
                        #expect(again.status == 0, "\(place), again: \(again.errors)")
                        try check(folder + "/registry", tags, test, isDone: true, place + ", again")
                        #expect(Directory.kind(of: folder + "/backup.partial") == nil, "\(place)")
                    }
                }
            }
            #expect(failed > 0, "no fault of \(steps.count) steps was noticed")
        }
    }

    /// Runs a command and says what it did to the files, from what the disk held before.
    private func trace(_ test: Case, _ base: String) throws -> (DurableState, Tags, [FileSystemCall]) {
        let folder = base + "/work"
        try Directory.create(folder)
        try makeTemplate(folder)
        let before = try tags(folder + "/registry")
        let disk = try DurableState(root: folder)
        let whole = try CommandLineTool(registry: folder + "/registry").run(
            test.arguments(folder),
            environment: [
                "LD_PRELOAD": FaultInjectionTests.library,
                "FAULT_ROOT": String(folder.split(separator: "/").suffix(2).joined(separator: "/")),
                "FAULT_TRACE": base + "/trace",
            ])
        try #require(whole.status == 0, "\(whole.errors)")
        let calls = try #require(
            FileSystemCall.trace([UInt8](Data(contentsOf: URL(fileURLWithPath: base + "/trace")))))
        return (disk, Tags(before: before, whole: try tags(folder + "/registry")), calls)
    }

    /// What the test below would find if a push did not flush its file, or not the folder of its name.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: library), "libFaultInjection.so is not built"))
    func `A file whose bytes or whose name were not flushed is found`() throws {
        let push = FaultInjectionTests.cases[0]
        for dropsName in [false, true] {
            try withTemporaryDirectory { base throws in
                let (disk, _, calls) = try trace(push, base)
                let place = try #require(
                    calls.lastIndex { if case .move(_, let new) = $0 { new.contains("/blobs/") } else { false } })
                guard case .move(let old, _) = calls[place] else { return }
                let file = calls.compactMap { call in
                    if case .create(let inode, old, false) = call { inode } else { nil }
                }.last
                for (index, call) in calls.enumerated() {
                    if case .flush(let inode) = call {
                        if dropsName ? index == place + 1 : inode == file { continue }
                    }
                    disk.apply(call)
                }
                try disk.write(to: base + "/found")
                let damage = try Registry(opening: base + "/found/registry").check().filter(\.isDamage)
                #expect(damage.map(\.kind) == [dropsName ? .missingFile : .damagedFile], "\(damage)")
            }
        }
    }

    /// What is flushed is all that survives: bytes with their file, names with their folder.
    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: library), "libFaultInjection.so is not built"),
        arguments: cases)
    func `A loss of power at any step loses nothing that was said to be done`(_ test: Case) throws {
        try withTemporaryDirectory { base throws in
            let (disk, tags, calls) = try trace(test, base)
            #expect(calls.contains { if case .flush = $0 { true } else { false } } && calls.count > 10)
            let isWhole = ProcessInfo.processInfo.environment["ADAPTERCTL_FAULTS"] == "all"
            var generator = SystemRandomNumberGenerator()
            // Always the end: what the command said to be done.
            let places = Set(
                isWhole ? Array(1...calls.count) : Array((1...calls.count).shuffled(using: &generator).prefix(8))
            ).union([calls.count])
            for (index, call) in calls.enumerated() {
                disk.apply(call)
                guard places.contains(index + 1) else { continue }
                let found = base + "/found"
                let place = "\(test.name), power lost behind call \(index + 1) of \(calls.count)"
                try disk.write(to: found)
                try check(
                    found + "/registry", tags, test, isDone: index + 1 == calls.count,
                    place)
                // A backup is there when the command said so, and whole as soon as it is there.
                if test.makesBackup, index + 1 == calls.count || Directory.kind(of: found + "/backup") != nil {
                    try check(found + "/backup", tags, test, isDone: true, place + ", backup")
                }
                try Directory.remove(found)
            }
        }
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: library), "libFaultInjection.so is not built"))
    func `A registry on a network file system is read, and written only when told to`() throws {
        try withTemporaryDirectory { base throws in
            let tool = CommandLineTool(registry: base + "/registry")
            let adapter = Fixtures.peft("llama-rank4-a")
            try #require(tool.run("push", adapter, "team/a:v1", "-q").status == 0)
            func run(_ arguments: String...) throws -> CommandLineTool.Result {
                try tool.run(
                    arguments,
                    environment: [
                        "LD_PRELOAD": FaultInjectionTests.library,
                        "FAULT_ROOT": String(base.split(separator: "/").suffix(1).joined()),
                        // NFS; see linux/magic.h.
                        "FAULT_STATFS": "\(0x6969)",
                    ])
            }
            let push = try run("push", adapter, "team/b:v1")
            #expect(push.status == 1)
            #expect(push.errors.contains("it is on a network file system (NFS)"), "\(push.errors)")
            #expect(push.errors.contains("--allow-network-registry"))
            #expect(try run("list", "-q").output == "team/a:v1\n")
            let allowed = try run("push", adapter, "team/b:v1", "--allow-network-registry", "-q")
            #expect(allowed.status == 0, "\(allowed.errors)")
            #expect(try run("list", "-q").output == "team/a:v1\nteam/b:v1\n")
        }
    }

    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: library), "libFaultInjection.so is not built"),
        arguments: [("fail", ENOSPC), ("kill", 0)])
    func `A disk that is full at a later checkpoint leaves the one before, from which the run goes on`(
        _ mode: String, _ number: Int32
    ) throws {
        try withTemporaryDirectory { base throws in
            let data = base + "/data.txt"
            try Data(String(repeating: "A little text to learn from, and some more. ", count: 40).utf8)
                .write(to: URL(fileURLWithPath: data))
            let arguments = [
                "train", "--base", Fixtures.directory + "/training/tiny", "--data", data, "--max-steps", "4",
                "--save-steps", "1", "--max-seq-length", "32", "--rank", "2", "--dropout", "0.1", "-t", "team/run:v1",
                "-q",
            ]
            func run(_ folder: String, at step: Int) throws -> CommandLineTool.Result {
                try CommandLineTool(registry: folder + "/registry").run(
                    arguments,
                    environment: [
                        "LD_PRELOAD": FaultInjectionTests.library,
                        "FAULT_ROOT": String(
                            (folder + "/registry").split(separator: "/").suffix(3).joined(separator: "/")),
                        "FAULT_AT": "\(step)", "FAULT_MODE": mode, "FAULT_ERRNO": "\(number)",
                        "FAULT_LOG": folder + "/count",
                    ])
            }
            func show(_ folder: String) throws -> MetadataValue {
                let tool = CommandLineTool(registry: folder + "/registry")
                let shown = try tool.run("show", "team/run:v1", "--json")
                try #require(shown.status == 0, "\(shown.errors)")
                return try JSON.parse(Array(shown.output.utf8))
            }
            try Directory.create(base + "/whole")
            let whole = try run(base + "/whole", at: 0)
            try #require(whole.status == 0, "\(whole.errors)")
            let text = try String(contentsOf: URL(fileURLWithPath: base + "/whole/count"), encoding: .utf8)
            let count = try #require(Int(text))
            let root = try show(base + "/whole")["contentRoot"]
            // Calls of the first checkpoint are among the first half: the others make as many each.
            var stopped = 0
            for (index, part) in [0.55, 0.7, 0.85].enumerated() {
                let folder = "\(base)/\(index)"
                let place = "\(mode), call \(Int(Double(count) * part)) of \(count)"
                try Directory.create(folder)
                let result = try run(folder, at: Int(Double(count) * part))
                if mode == "fail", result.status != 0 {
                    #expect(result.status == 1, "\(place)")
                    #expect(result.errors.hasPrefix("adapterctl: error: Unable to"), "\(place): \(result.errors)")
                }
                let kept = try show(folder)["provenance"]?["options"]
                // A process that is killed last of all has stored its result.
                if result.status != 0, kept?["isFinal"] == false {
                    stopped += 1
                    let step = try #require(kept?["lastStep"]?.integer)
                    #expect((1...3).contains(step), "\(place)")
                    #expect(kept?["state"]?.string?.hasPrefix("sha256:") == true, "\(place)")
                }
                let tool = CommandLineTool(registry: folder + "/registry")
                #expect(try tool.run("verify", "--all").status == 0, "\(place)")
                let resumed = try tool.run(arguments + ["--resume"])
                #expect(resumed.status == 0, "\(place): \(resumed.errors)")
                #expect(try show(folder)["contentRoot"] == root, "\(place)")
            }
            #expect(stopped > 0, "no fault ended a run")
        }
    }
}
