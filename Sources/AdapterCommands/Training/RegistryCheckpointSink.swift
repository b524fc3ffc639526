internal import AdapterArithmetic
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
/// The state to go on from is attached to the version, and stored in the same transaction. A run that is over needs none.
final class RegistryCheckpointSink: CheckpointSink {
    /// The most steps that a version tells of one by one.
    private static let recordedStepCount = 4096

    private let registry: Registry
    private let target: Reference
    private let settings: [String: MetadataValue]
    /// What became of the rows of the data.
    private let data: MetadataValue
    private let parents: [Provenance.Parent]
    private let message: String?
    private let keptStates: Int
    private let parameterBudget: Int?
    private var expected: ExpectedTag
    private let start = ContinuousClock.now
    private let firstStep: Int
    /// What was stored last.
    private(set) var stored: StoredAdapter?

    init(
        _ registry: Registry, target: Reference, settings: [String: MetadataValue], data: MetadataValue,
        parents: [Provenance.Parent], message: String?, keptStates: Int, parameterBudget: Int?, expected: ExpectedTag,
        continuing run: StoredRun?
    ) {
        self.registry = registry
        self.target = target
        self.settings = settings
        self.data = data
        self.parents = parents
        self.message = message
        self.keptStates = keptStates
        self.parameterBudget = parameterBudget
        self.expected = run.map { .digest($0.digest) } ?? expected
        firstStep = run?.step ?? 0
    }

    func write(_ checkpoint: Checkpoint) throws {
        let draft = checkpoint.isFinal ? nil : try registry.makeAttachment { try checkpoint.state.write(to: $0) }
        let resized = try parameterBudget.map {
            try Resize.resize(checkpoint.adapter, ResizeOptions(budget: $0), label: target.description)
        }
        var adapter = resized?.adapter ?? checkpoint.adapter
        adapter.notes.message = message
        adapter.notes.source = try PEFT.configuration(
            of: adapter, task: "CAUSAL_LM", dropout: settings["lora_dropout"]?.number ?? 0)
        let provenance = Provenance(
            operation: StoredRun.operation, toolVersion: ToolVersion.current, parents: parents,
            options: options(checkpoint, draft?.digest), certificate: try resized?.certificate())
        let stored = try registry.push(
            adapter, as: target, expected: expected, provenance: { provenance },
            attaching: AttachmentChange(
                StoredRun.stateName, draft: draft, keptCount: checkpoint.isFinal ? 0 : keptStates))
        self.stored = stored
        expected = .digest(stored.digest)
    }

    private func options(_ checkpoint: Checkpoint, _ state: Digest?) -> [String: MetadataValue] {
        let steps = checkpoint.state.record.steps.dropFirst(firstStep)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return [
            "settings": .map(settings), "data": data,
            // The state has all of it; a version says what fits into its file however long the run was.
            "record": checkpoint.state.record.thinned(to: RegistryCheckpointSink.recordedStepCount).document,
            "step": MetadataValue(checkpoint.step), "lastStep": MetadataValue(checkpoint.state.step),
            "bestStep": checkpoint.state.record.best.map { MetadataValue($0.step) } ?? .null,
            "isFinal": .bool(checkpoint.isFinal), "state": MetadataValue(state?.description),
            "tokensPerSecond": .double(Double(steps.reduce(0) { $0 + $1.tokenCount }) / max(seconds, 1e-9)),
            "peakMemoryByteCount": MetadataValue(SystemMemory.peakResidentByteCount),
        ]
    }
}
