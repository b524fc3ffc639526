internal import AdapterRegistry
internal import AdapterTraining
internal import Adapters
internal import ByteCoding
internal import FileSystem
internal import Integrity

/// A training run as a stored version tells of it.
struct StoredRun {
    /// The operation in the provenance of trained versions.
    static let operation = "train"

    /// The version that tells of it.
    let digest: Digest
    /// The state behind its last step.
    let state: Digest
    /// The step of the version's adapter.
    let adapterStep: Int
    /// The last step.
    let step: Int
    let bestStep: Int?
    let isFinal: Bool
    let tokensPerSecond: Int
    let settings: [String: MetadataValue]
    let record: TrainingRecord

    /// Nil when the version was not trained here.
    init?(_ provenance: Provenance?, digest: Digest) {
        guard let provenance, provenance.operation == StoredRun.operation,
            let state = provenance.options["state"]?.string.flatMap(Digest.init(parsing:)),
            let adapterStep = provenance.options["step"]?.integer, let step = provenance.options["lastStep"]?.integer,
            let settings = provenance.options["settings"]?.map,
            let record = provenance.options["record"].flatMap(TrainingRecord.init(document:))
        else { return nil }
        self.digest = digest
        self.state = state
        self.adapterStep = adapterStep
        self.step = step
        self.settings = settings
        self.record = record
        bestStep = provenance.options["bestStep"]?.integer
        isFinal = provenance.options["isFinal"]?.bool ?? false
        tokensPerSecond = provenance.options["tokensPerSecond"]?.number.flatMap { Int(exactly: $0.rounded()) } ?? 0
    }

    /// The folder of the states of a tag's runs.
    static func folder(of target: Reference, in registry: Registry) -> String {
        let name = SHA256.hash(Array(target.description.utf8)).hexadecimal.prefix(16)
        return "\(registry.directory)/runs/\(name)"
    }

    /// The file of a state.
    static func path(of state: Digest, _ target: Reference, in registry: Registry) -> String {
        "\(folder(of: target, in: registry))/\(state.hexadecimal).safetensors"
    }

    /// Reads the state, checked against its digest.
    func openState(of target: Reference, in registry: Registry) throws -> TrainingState {
        let path = StoredRun.path(of: state, target, in: registry)
        guard Directory.kind(of: path) != nil else {
            throw TrainingError(
                .invalidCheckpoint,
                "Unable to continue the run: the state of step \(step) is no longer kept. Begin a new run, perhaps with "
                    + "--on \(digest.description).")
        }
        let file = try InputFile(opening: path)
        var hasher = SHA256()
        try file.forEachPiece(in: 0..<file.byteCount) { hasher.update($0) }
        guard hasher.finalize() == state else {
            throw TrainingError(
                .invalidCheckpoint, "Unable to continue the run: the file '\(path)' is damaged. Begin a new run.")
        }
        return try TrainingState(opening: path)
    }
}
