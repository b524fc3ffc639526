/// What becomes of trained parameters that are absolute values and not changes: biases, modules that are stored in
/// full, rows of trained tokens. They have no sum.
public enum AbsolutePolicy: String, Sendable, Hashable, CaseIterable {
    /// Refuse to merge adapters that hold any.
    case refuse
    /// Take each module's from the first input that has them.
    case first
    /// The mean weighted by the inputs' weights; every input must have them.
    case average
    /// Leave them out.
    case drop
}
