/// How the learning rate changes from step to step.
public struct LearningRateSchedule: Hashable, Sendable {
    /// What follows the warm-up.
    public enum Shape: String, Sendable, CaseIterable {
        /// The full rate throughout.
        case constant
        /// Straight down to 0.
        case linear
        /// Half a cosine down to 0.
        case cosine
    }

    /// What follows the warm-up.
    public var shape: Shape
    /// The steps over which the rate rises from 0.
    public var warmupSteps: Int

    /// Creates a schedule.
    public init(shape: Shape, warmupSteps: Int) {
        self.shape = shape
        self.warmupSteps = warmupSteps
    }

    /// The factor of the learning rate at a step, counted from 0; as in transformers' `get_scheduler`, but the first
    /// step has a rate above 0.
    public func factor(step: Int, of totalSteps: Int) -> Double {
        if step < warmupSteps { return Double(step + 1) / Double(warmupSteps) }
        let progress = Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps))
        switch shape {
        case .constant: return 1
        case .linear: return max(0, 1 - progress)
        case .cosine: return max(0, 0.5 * (1 + cosine(.pi * progress)))
        }
    }
}
