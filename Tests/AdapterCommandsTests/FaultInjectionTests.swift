import AdapterRegistry
import AdapterTesting
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
            }, targets: ["team/run:v1"]),
        Case(name: "backup", arguments: { ["backup", $0 + "/backup"] }, targets: []),
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

    /// The registry after a fault: everything that had a name has it, nothing is damaged, nothing lies about.
    private func check(_ folder: String, _ before: [String: Digest], _ test: Case, _ place: String) throws {
        let path = folder + "/registry"
        let registry = try Registry(opening: path)
        let damage = try registry.check().filter(\.isDamage)
        #expect(damage.isEmpty, "\(place): \(damage)")
        #expect(try registry.verifyAll().isEmpty, "\(place)")
        for name in ["tmp", "trash"] where Directory.kind(of: "\(path)/\(name)") != nil {
            #expect(try Directory.names(in: "\(path)/\(name)").isEmpty, "\(place): \(name)")
        }
        let after = try tags(path)
        for (name, digest) in before where !test.targets.contains(name) {
            #expect(after[name] == digest, "\(place): \(name)")
        }
        #expect(Set(after.keys).subtracting(before.keys).isSubset(of: test.targets), "\(place)")
    }

    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: library), "libFaultInjection.so is not built"),
        arguments: cases)
    func `Old or new state, nothing lost, nothing left`(_ test: Case) throws {
        try withTemporaryDirectory { base throws in
            let template = base + "/template"
            try Directory.create(template)
            try makeTemplate(template)
            let before = try tags(template + "/registry")
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
                    try check(folder, before, test, place)
                    // What did not happen can be done now.
                    if result.status != 0, Directory.kind(of: folder + "/backup") == nil {
                        let again = try tool.run(test.arguments(folder))
                        #expect(again.status == 0, "\(place), again: \(again.errors)")
                        try check(folder, before, test, place + ", again")
                        #expect(Directory.kind(of: folder + "/backup.partial") == nil, "\(place)")
                    }
                }
            }
            #expect(failed > 0, "no fault of \(steps.count) steps was noticed")
        }
    }
}
