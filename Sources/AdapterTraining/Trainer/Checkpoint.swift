package import Adapters

/// What a run hands over to be kept: an adapter, and the state to go on from.
package struct Checkpoint: Sendable {
    /// The adapter; at the end of a run with validations that of the best one.
    package let adapter: Adapter
    /// The state behind the last step.
    package let state: TrainingState
    /// The step that the adapter is of.
    package let step: Int
    /// Whether the run is over.
    package let isFinal: Bool
}

/// Where checkpoints go. It keeps one whole or throws, and then the one before stays.
package protocol CheckpointSink {
    func write(_ checkpoint: Checkpoint) throws
}
