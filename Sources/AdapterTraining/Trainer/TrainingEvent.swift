/// What a run says while it goes on.
package enum TrainingEvent: Sendable {
    /// A step is done.
    case step(TrainingRecord.Step, of: Int)
    /// A validation is done.
    case validation(TrainingRecord.Validation, isBest: Bool)
    /// A checkpoint is kept.
    case checkpoint(step: Int)
    /// The validation loss has not improved for a while, and the run ends.
    case stoppedEarly(step: Int)
}
