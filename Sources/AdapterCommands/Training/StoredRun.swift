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
    /// The state behind its last step, stored with the version; nil for a run that is over.
    let state: Digest?
    /// The step of the version's adapter.
    let adapterStep: Int
    /// The last step.
    let step: Int
    let bestStep: Int?
    let isFinal: Bool
    let tokensPerSecond: Int
    let settings: [String: MetadataValue]
    /// What became of the rows of the data; nil where the version does not say.
    let training: DataSummary?
    let validation: DataSummary?
    let record: TrainingRecord

    /// Nil when the version was not trained here.
    init?(_ provenance: Provenance?, digest: Digest) {
        guard let provenance, provenance.operation == StoredRun.operation,
            let adapterStep = provenance.options["step"]?.integer, let step = provenance.options["lastStep"]?.integer,
            let settings = provenance.options["settings"]?.map,
            let record = provenance.options["record"].flatMap(TrainingRecord.init(document:))
        else { return nil }
        self.digest = digest
        state = provenance.options["state"]?.string.flatMap(Digest.init(parsing:))
        self.adapterStep = adapterStep
        self.step = step
        self.settings = settings
        training = DataSummary(document: provenance.options["data"]?["training"])
        validation = DataSummary(document: provenance.options["data"]?["validation"])
        self.record = record
        bestStep = provenance.options["bestStep"]?.integer
        isFinal = provenance.options["isFinal"]?.bool ?? false
        tokensPerSecond = provenance.options["tokensPerSecond"]?.number.flatMap { Int(exactly: $0.rounded()) } ?? 0
    }

    /// What the state is called that is attached to a version.
    static let stateName = "training-state"

    /// Reads the state, checked against its digest.
    func openState(in registry: Registry) throws -> TrainingState {
        guard let attachment = try registry.attachment(StoredRun.stateName, of: digest),
            Directory.kind(of: attachment.path) != nil
        else {
            throw TrainingError(
                .invalidCheckpoint,
                "Unable to continue the run: the state of step \(step) is no longer kept. Begin a new run, perhaps with "
                    + "--on \(digest.description).")
        }
        let file = try InputFile(opening: attachment.path)
        var hasher = SHA256()
        try file.forEachPiece(in: 0..<file.byteCount) { hasher.update($0) }
        guard hasher.finalize() == state else {
            throw TrainingError(
                .invalidCheckpoint,
                "Unable to continue the run: the state of step \(step), '\(attachment.path)', is damaged. Take it from a "
                    + "backup with 'fsck --repair --from BACKUP', or begin a new run.")
        }
        return try TrainingState(opening: attachment.path)
    }
}
