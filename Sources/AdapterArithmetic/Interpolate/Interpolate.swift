public import Adapters

/// Points on the line between two adapters.
public enum Interpolate {
    /// The adapter with ΔW = (1 − t)·ΔW_A + t·ΔW_B: A at t = 0, B at t = 1, bit for bit with the default options.
    ///
    /// Values of t outside 0 … 1 extrapolate. This is the line through the weight changes; the factors themselves are
    /// not interpolated, as that would be another function.
    ///
    /// - Parameters:
    ///   - first: A.
    ///   - second: B.
    ///   - position: t, any finite number.
    ///   - labels: what messages call A and B.
    ///   - options: how the sum is stored.
    /// - Throws: ``ArithmeticError``, and what reading the inputs throws.
    public static func interpolate(
        _ first: Adapter, _ second: Adapter, at position: Double, labels: (String, String) = ("A", "B"),
        options: MergeOptions = MergeOptions()
    ) throws -> ComputedAdapter {
        guard position.isFinite else {
            throw ArithmeticError(
                .invalidWeight,
                "Unable to interpolate '\(labels.0)' and '\(labels.1)': the position is \(position), "
                    + "a finite number is needed.")
        }
        return try Merge.merge(
            [
                MergeInput(adapter: first, weight: 1 - position, label: labels.0),
                MergeInput(adapter: second, weight: position, label: labels.1),
            ], options: options)
    }
}
