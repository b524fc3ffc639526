import AdapterTesting
import FileSystem
import Foundation
import Glibc
import Integrity
import Testing

/// Commands that write files outside a registry, on a disk that is full or fails at any call: what is there afterwards
/// is what was there before or what the whole command leaves, and nothing besides.
@Suite(.serialized) struct OutputFaultTests {
    private static let library = URL(fileURLWithPath: CommandLineTool.path).deletingLastPathComponent()
        .appendingPathComponent("libFaultInjection.so").path

    static let commands: [[String]] = [
        ["pack", "source", "-o", "packed.adpt"], ["pack", "source", "-o", "signed.adpt", "--force"],
        ["unpack", "signed.adpt", "-o", "unpacked"], ["unpack", "plain.adpt", "-o", "unpacked.npz", "--drop", "other"],
        ["sign", "plain.adpt", "--key", "release"],
        ["sign", "plain.adpt", "--key", "release", "--detached", "plain.sig"],
        ["convert", "source", "converted.adpt"], ["convert", "plain.adpt", "converted", "--dtype", "bf16"],
    ]

    private func contents(_ folder: String) throws -> [String: Digest] {
        var digests: [String: Digest] = [:]
        for name in try Directory.files(below: folder) {
            digests[name] = SHA256.hash(try InputFile.contents(of: "\(folder)/\(name)", limit: 1 << 26))
        }
        return digests
    }

    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: library), "libFaultInjection.so is not built"),
        arguments: commands)
    func `The output is absent or complete, and nothing lies about`(_ command: [String]) throws {
        try withTemporaryDirectory { base throws in
            let (template, folder) = (base + "/template", base + "/work")
            try Directory.create(template)
            // The keys are not in the folder that fails.
            let tool = CommandLineTool(registry: base + "/registry")
            try FileManager.default.copyItem(atPath: Fixtures.peft("llama-rank4-a"), toPath: template + "/source")
            for arguments in [
                ["key", "generate", "release"], ["pack", "source", "-o", "plain.adpt"],
                ["pack", "source", "-o", "signed.adpt"], ["sign", "signed.adpt", "--key", "release"],
            ] {
                let result = try tool.run(arguments, directory: template)
                try #require(result.status == 0, "\(result.errors)")
            }
            func run(_ step: Int, _ number: Int32) throws -> CommandLineTool.Result {
                // Named by whole paths: what the command opens is recognised by them.
                let names = try Set(Directory.names(in: template) + OutputFaultTests.outputs)
                return try tool.run(
                    command.map { names.contains($0) ? "\(folder)/\($0)" : $0 },
                    environment: [
                        "LD_PRELOAD": OutputFaultTests.library,
                        "FAULT_ROOT": String(folder.split(separator: "/").suffix(2).joined(separator: "/")),
                        "FAULT_AT": "\(step)", "FAULT_MODE": "fail", "FAULT_ERRNO": "\(number)",
                        "FAULT_LOG": base + "/count",
                    ])
            }
            func reset() throws {
                if Directory.kind(of: folder) != nil { try Directory.remove(folder) }
                try FileManager.default.copyItem(atPath: template, toPath: folder)
            }
            let before = try contents(template)
            try reset()
            let whole = try run(0, ENOSPC)
            try #require(whole.status == 0, "\(whole.errors)")
            let after = try contents(folder)
            #expect(before != after)
            let text = try String(contentsOf: URL(fileURLWithPath: base + "/count"), encoding: .utf8)
            let count = try #require(Int(text))
            #expect(count > 5)

            let seed = UInt64.random(in: 0 ... .max)
            var generator = SeededGenerator(seed: seed)
            var steps = Array(1...count)
            if ProcessInfo.processInfo.environment["ADAPTERCTL_FAULTS"] != "all" {
                steps = Array(steps.shuffled(using: &generator).prefix(8))
            }
            var failed = 0
            for step in steps {
                for number in [ENOSPC, EIO] {
                    let place = "\(command), step \(step) of \(count), \(number), seed \(seed)"
                    try reset()
                    let result = try run(step, number)
                    let found = try contents(folder)
                    if result.status == 0 {
                        // The second name of a file that is there already may be what could not be removed.
                        #expect(found.filter { !$0.key.hasSuffix(".tmp") } == after, "\(place)")
                    } else {
                        failed += 1
                        #expect([1, 2, 3].contains(result.status), "\(place): \(result.status)")
                        #expect(result.errors.hasPrefix("adapterctl: error: "), "\(place): \(result.errors)")
                        // It may fail when all is done, as when the folder cannot be made durable.
                        #expect(found == before || found == after, "\(place): \(found.keys.sorted())")
                    }
                }
            }
            #expect(failed > 0, "no fault of \(steps.count) steps was noticed")
        }
    }

    private static let outputs = [
        "packed.adpt", "unpacked", "unpacked.npz", "plain.sig", "converted.adpt", "converted",
    ]
}
