import AdapterPictures
import AdapterRegistry
import Integrity
import Logging
import Synchronization

/// What is computed from adapters' values for the pages: one at a time, each once for all who ask, kept while there is room.
final class Studies: Sendable {
    private enum Entry {
        case running(Task<AdapterStudy.State, Never>)
        case finished(AdapterStudy.State, byteCount: Int, usedAt: ContinuousClock.Instant)
    }

    /// How much memory finished ones may take.
    private static let byteLimit = 16 << 20
    /// How many may wait for each other: those who ask then are told to come again.
    private static let waitingLimit = 16

    private let entries = Mutex<[[Digest]: Entry]>([:])
    /// One at a time: a study uses all processors for itself.
    private let work = BlockingWork(threadCount: 1)
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// What is known of a study, which is begun when nobody has; nil when too many are waiting.
    ///
    /// - Parameter patience: how long to wait for it; nil for as long as it takes.
    func study(
        of stored: [StoredAdapter], for pages: RegistryPages, in registry: Registry, patience: Duration?
    ) async -> AdapterStudy.State? {
        let key = stored.map(\.digest)
        let task = entries.withLock { entries -> Task<AdapterStudy.State, Never>? in
            switch entries[key] {
            case .running(let task): return task
            case .finished(let state, let byteCount, _):
                entries[key] = .finished(state, byteCount: byteCount, usedAt: .now)
                return Task { state }
            case nil:
                guard Studies.running(entries) < Studies.waitingLimit else { return nil }
                let task = Task { await self.make(key, stored, pages, registry) }
                entries[key] = .running(task)
                return task
            }
        }
        guard let task else { return nil }
        guard let patience else { return await task.value }
        return await withTaskGroup(of: AdapterStudy.State?.self) { group in
            // Whoever stops waiting leaves the study to go on.
            let (states, continuation) = AsyncStream.makeStream(of: AdapterStudy.State.self)
            Task {
                continuation.yield(await task.value)
                continuation.finish()
            }
            group.addTask {
                for await state in states { return state }
                return nil
            }
            group.addTask {
                try? await Task.sleep(for: patience)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? .pending
        }
    }

    private static func running(_ entries: [[Digest]: Entry]) -> Int {
        entries.values.count { if case .running = $0 { true } else { false } }
    }

    private func make(
        _ key: [Digest], _ stored: [StoredAdapter], _ pages: RegistryPages, _ registry: Registry
    ) async -> AdapterStudy.State {
        let state: AdapterStudy.State
        do {
            state = try await work.run {
                if let refusal = try pages.refusal(stored) { return .refused(refusal) }
                return .done(try AdapterStudy(of: stored, in: registry))
            }
        } catch {
            if AdapterStudy.explanation(error) == nil {
                logger.error("A study failed", metadata: ["adapters": "\(key)", "error": "\(error)"])
            }
            state = .refused(
                AdapterStudy.explanation(error) ?? "Unable to study this: the server has failed. See its log.")
        }
        var byteCount = 1024
        if case .done(let study) = state { byteCount = study.byteCount }
        entries.withLock { entries in
            entries[key] = .finished(state, byteCount: byteCount, usedAt: .now)
            Studies.makeRoom(&entries, keeping: key)
        }
        return state
    }

    /// Forgets those that were not asked for longest.
    private static func makeRoom(_ entries: inout [[Digest]: Entry], keeping key: [Digest]) {
        var finished: [(key: [Digest], byteCount: Int, usedAt: ContinuousClock.Instant)] = []
        for case (let key, .finished(_, let byteCount, let usedAt)) in entries {
            finished.append((key, byteCount, usedAt))
        }
        var total = finished.reduce(0) { $0 + $1.byteCount }
        for entry in finished.sorted(by: { $0.usedAt < $1.usedAt }) where total > byteLimit {
            guard entry.key != key || entry.byteCount > byteLimit else { continue }
            entries[entry.key] = nil
            total -= entry.byteCount
        }
    }
}
