public import Adapters

/// The way from one adapter to another.
public enum InterpolationPath: String, Sendable, Hashable, CaseIterable {
    /// The straight line.
    case linear
    /// The great circle, in each module: ``MergeMethod/slerp``.
    case slerp
}

/// Points on the way between two adapters.
public enum Interpolate {
    /// The adapter at a position: A at t = 0, B at t = 1, bit for bit with the default options; on the straight line
    /// ΔW = (1 − t)·ΔW_A + t·ΔW_B.
    ///
    /// Values of t outside 0 … 1 extrapolate. The way leads through the weight changes; the factors themselves are
    /// not interpolated, as that would be another function.
    ///
    /// - Parameters:
    ///   - first: A.
    ///   - second: B.
    ///   - position: t, any finite number.
    ///   - path: the way.
    ///   - labels: what messages call A and B.
    ///   - options: how the sum is stored.
    /// - Throws: ``ArithmeticError``, and what reading the inputs throws.
    public static func interpolate(
        _ first: Adapter, _ second: Adapter, at position: Double, along path: InterpolationPath = .linear,
        labels: (String, String) = ("A", "B"),
        options: MergeOptions = MergeOptions()
    ) throws -> ComputedAdapter {
        guard position.isFinite else {
            throw ArithmeticError(
                .invalidWeight,
                "Unable to interpolate '\(labels.0)' and '\(labels.1)': the position is \(position), "
                    + "a finite number is needed.")
        }
        var options = options
        if path == .slerp {
            options.reducesRank = options.method == .exact && options.rank == nil && options.energy == nil
            options.method = .slerp
        }
        return try Merge.merge(
            [
                MergeInput(adapter: first, weight: 1 - position, label: labels.0),
                MergeInput(adapter: second, weight: position, label: labels.1),
            ], options: options)
    }
}
