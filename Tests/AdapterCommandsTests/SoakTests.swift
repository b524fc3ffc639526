import AdapterRegistry
import AdapterTesting
import FileSystem
import Foundation
import Glibc
import Integrity
import Synchronization
import Testing

/// Eight processes at a time push, tag, merge, pull, roll back, remove and collect; a model in memory says what must be
/// there. Runs for ADAPTERCTL_SOAK_SECONDS, a few seconds by default; see `Scripts/soak`.
@Suite(.serialized) struct SoakTests {
    private static let adapters = [
        "llama-task-a", "llama-task-b", "llama-task-c", "llama-rank4-a", "llama-rank4-b", "llama-lora-f32",
    ]

    /// What one worker knows: the names under its own prefix, which nobody else changes.
    private struct Worker {
        let index: Int
        let tool: CommandLineTool
        let folder: String
        var generator: SeededGenerator
        var tags: [String: String] = [:]
        var history: [String: [String]] = [:]
        /// What was pushed, by the digests that it got.
        var fixtures: [String: String] = [:]
        var counts: [String: Int] = [:]
        var conflicts = 0

        private mutating func name() -> String {
            "w\(index)/adapter-\(Int.random(in: 0..<4, using: &generator)):t\(Int.random(in: 0..<3, using: &generator))"
        }

        private mutating func run(_ arguments: String..., expecting statuses: Set<Int32> = [0]) throws -> String? {
            counts[arguments[0], default: 0] += 1
            let result = try tool.run(arguments)
            guard statuses.contains(result.status) else {
                throw SoakFailure(description: "\(arguments): exit \(result.status), \(result.errors)")
            }
            if result.status == 4 { conflicts += 1 }
            return result.status == 0 ? result.output.trimmingCharacters(in: .newlines) : nil
        }

        /// Whether a pulled folder has the tensors of what was pushed; of what was merged, whether it has any.
        private func isComplete(_ path: String, _ digest: String) throws -> Bool {
            let pulled = try PEFTFolder(path).tensors
            return try fixtures[digest].map { try pulled == PEFTFolder(Fixtures.peft($0)).tensors } ?? !pulled.isEmpty
        }

        private mutating func set(_ name: String, _ digest: String) {
            guard tags[name] != digest else { return }
            tags[name] = digest
            history[name, default: []].append(digest)
        }

        mutating func step() throws {
            let existing = tags.keys.sorted().randomElement(using: &generator)
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<30:
                let name = name()
                let adapter = SoakTests.adapters.randomElement(using: &generator) ?? SoakTests.adapters[0]
                if let digest = try run("push", Fixtures.peft(adapter), name, "-q") {
                    set(name, digest)
                    fixtures[digest] = adapter
                }
            case 30..<45:
                guard let existing else { return }
                let name = name()
                if let digest = try run("tag", existing, name, "-q") { set(name, digest) }
            case 45..<55:
                guard let existing, let other = tags.keys.sorted().randomElement(using: &generator) else { return }
                let name = name()
                // Adapters of two ranks and types merge, whatever they are.
                if let digest = try run("merge", "\(existing)=0.5", "\(other)=0.5", "-t", name, "-q") {
                    set(name, digest)
                }
            case 55..<65:
                guard let existing else { return }
                let path = "\(folder)/pulled-\(index)"
                _ = try run("pull", existing, "-o", path, "--force", "-q")
                guard let digest = tags[existing], try isComplete(path, digest) else {
                    throw SoakFailure(description: "the folder pulled from \(existing) does not hold its tensors")
                }
            case 65..<75:
                guard let existing, let digest = tags[existing] else { return }
                _ = try run("rm", existing, "-q")
                tags[existing] = nil
                history[existing, default: []].append("removed \(digest)")
            case 75..<78:
                guard let existing else { return }
                _ = try run("untag", existing, "-q")
                tags[existing] = nil
                history[existing, default: []].append("untagged")
            case 78..<80:
                // Where it stood before its last change; that may have been nowhere, or at what has been removed since.
                guard let existing else { return }
                let stood = history[existing]?.dropLast().last
                guard let digest = try run("rollback", existing, "-q", expecting: [0, 3]) else { return }
                guard digest == stood else {
                    throw SoakFailure(description: "\(existing) was rolled back to \(digest), not to \(stood ?? "nil")")
                }
                set(existing, digest)
            case 80..<88:
                // A tag that all fight for: only conflicts may come of it.
                guard let existing else { return }
                let seen = try run("show", "shared/tag:v1", "-q", expecting: [0, 3])
                _ = try run("tag", existing, "shared/tag:v1", "--expect", seen ?? "absent", "-q", expecting: [0, 4])
            case 88..<93: _ = try run("gc", "--apply", "--grace", "0", "-q")
            case 93..<96: _ = try run("list", "--search", "llama", "-q")
            case 96..<98: _ = try run("verify", "--all", "-q")
            default:
                guard let existing, let digest = tags[existing] else { return }
                if try run("show", existing, "-q") != digest {
                    throw SoakFailure(description: "\(existing) does not stand at \(digest)")
                }
            }
        }
    }

    private struct SoakFailure: Error, CustomStringConvertible { let description: String }

    @Test func `Nothing is lost, and no error but the declared conflicts`() throws {
        let seconds = Double(ProcessInfo.processInfo.environment["ADAPTERCTL_SOAK_SECONDS"] ?? "") ?? 4
        let seed = UInt64.random(in: 0 ... .max)
        try withTemporaryDirectory { folder throws in
            let tool = CommandLineTool(registry: folder + "/registry")
            let deadline = ContinuousClock.now + .seconds(seconds)
            let results = Mutex<[Worker]>([])
            let failures = Mutex<[String]>([])
            DispatchQueue.concurrentPerform(iterations: 8) { index in
                var worker = Worker(
                    index: index, tool: tool, folder: folder, generator: SeededGenerator(seed: seed &+ UInt64(index)))
                do {
                    while ContinuousClock.now < deadline, failures.withLock({ $0.isEmpty }) { try worker.step() }
                } catch {
                    failures.withLock { $0.append("worker \(index): \(error)") }
                }
                results.withLock { $0.append(worker) }
            }
            #expect(failures.withLock { $0 } == [], "seed \(seed)")
            let workers = results.withLock { $0 }
            let expected = workers.reduce(into: [String: String]()) { $0.merge($1.tags) { first, _ in first } }
            let registry = try Registry(opening: tool.registry)
            let found = try registry.list().filter { $0.reference.repository.description != "shared/tag" }
            #expect(
                Dictionary(uniqueKeysWithValues: found.map { ($0.reference.description, $0.digest.description) })
                    == expected, "seed \(seed)")
            #expect(try registry.check().filter(\.isDamage).isEmpty, "seed \(seed)")
            #expect(try registry.verifyLog().faults.isEmpty, "seed \(seed)")
            _ = try registry.collect(CollectionRules(grace: .zero))
            #expect(try registry.check().isEmpty, "seed \(seed)")
            // The history of each tag ends as the model does, and has as many changes.
            for worker in workers {
                for (name, changes) in worker.history {
                    let reference = try Reference(parsing: name)
                    let events = try registry.history(reference.repository, tag: reference.tag)
                    #expect(events.count == changes.count, "seed \(seed), \(name)")
                }
            }
            let counts = workers.reduce(into: [String: Int]()) { $0.merge($1.counts, uniquingKeysWith: +) }
            let conflicts = workers.reduce(0) { $0 + $1.conflicts }
            print("soak, \(seconds) s: \(counts.sorted { $0.key < $1.key }), \(conflicts) conflicts")
            #expect(counts.values.reduce(0, +) >= 8)
        }
    }
}
