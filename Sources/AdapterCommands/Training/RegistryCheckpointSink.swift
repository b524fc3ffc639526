internal import AdapterInterchange
internal import AdapterRegistry
internal import AdapterTraining
internal import Adapters
internal import ByteCoding
internal import FileSystem
internal import Integrity

/// Keeps the checkpoints of a run in the registry: each is a version under the run's tag, with the run in its
/// provenance.
///
/// The state to go on from lies under `runs/` of the registry under its digest, which the version names. It is durable
/// before the version exists, so whoever finds the version finds its state.
final class RegistryCheckpointSink: CheckpointSink {
    private let registry: Registry
    private let target: Reference
    private let settings: [String: MetadataValue]
    private let parents: [Provenance.Parent]
    private let message: String?
    private let keptStates: Int
    private var expected: ExpectedTag
    private var states: [Digest]
    private let start = ContinuousClock.now
    private let firstStep: Int
    /// What was stored last.
    private(set) var stored: StoredAdapter?

    init(
        _ registry: Registry, target: Reference, settings: [String: MetadataValue], parents: [Provenance.Parent],
        message: String?, keptStates: Int, expected: ExpectedTag, continuing run: StoredRun?
    ) {
        self.registry = registry
        self.target = target
        self.settings = settings
        self.parents = parents
        self.message = message
        self.keptStates = keptStates
        self.expected = run.map { .digest($0.digest) } ?? expected
        states = run.map { [$0.state] } ?? []
        firstStep = run?.step ?? 0
    }

    func write(_ checkpoint: Checkpoint) throws {
        let state = try write(checkpoint.state)
        var adapter = checkpoint.adapter
        adapter.notes.message = message
        adapter.notes.source = try PEFT.configuration(
            of: adapter, task: "CAUSAL_LM", dropout: settings["lora_dropout"]?.number ?? 0)
        let options = options(checkpoint, state)
        let parents = parents
        do {
            let stored = try registry.push(
                adapter, as: target, expected: expected,
                provenance: {
                    Provenance(
                        operation: StoredRun.operation, toolVersion: ToolVersion.current, parents: parents,
                        options: options)
                })
            self.stored = stored
            expected = .digest(stored.digest)
        } catch {
            // Nothing names the state; another version may have had the same one.
            if !states.contains(state) { try? Directory.remove(StoredRun.path(of: state, target, in: registry)) }
            throw error
        }
        states.removeAll { $0 == state }
        states.append(state)
        while states.count > keptStates {
            try Directory.remove(StoredRun.path(of: states.removeFirst(), target, in: registry))
        }
    }

    private func write(_ state: TrainingState) throws -> Digest {
        let folder = StoredRun.folder(of: target, in: registry)
        try Directory.create(folder)
        let file = try OutputFile(in: folder)
        try state.write(to: file)
        var hasher = SHA256()
        let written = try InputFile(opening: file.temporaryPath)
        try written.forEachPiece(in: 0..<written.byteCount) { hasher.update($0) }
        let digest = hasher.finalize()
        try file.commit(as: StoredRun.path(of: digest, target, in: registry))
        return digest
    }

    private func options(_ checkpoint: Checkpoint, _ state: Digest) -> [String: MetadataValue] {
        let steps = checkpoint.state.record.steps.dropFirst(firstStep)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return [
            "settings": .map(settings), "record": checkpoint.state.record.document,
            "step": MetadataValue(checkpoint.step), "lastStep": MetadataValue(checkpoint.state.step),
            "bestStep": checkpoint.state.record.best.map { MetadataValue($0.step) } ?? .null,
            "isFinal": .bool(checkpoint.isFinal), "state": .string(state.description),
            "tokensPerSecond": .double(Double(steps.reduce(0) { $0 + $1.tokenCount }) / max(seconds, 1e-9)),
            "peakMemoryByteCount": MetadataValue(SystemMemory.peakResidentByteCount),
        ]
    }
}
