internal import Glibc

/// How the values of an axis become places.
package enum ScaleKind: Sendable, Hashable {
    /// Equal steps are equal distances.
    case linear
    /// Equal ratios are equal distances; what is not positive has no place.
    case logarithmic
}

/// An axis over the values that are to be seen.
struct Scale {
    let kind: ScaleKind
    /// The ends, as logarithms when the scale is logarithmic; low < high.
    private let low: Double
    private let high: Double

    /// - Parameter includesZero: whether a linear axis begins at 0 when no value is negative.
    init(_ kind: ScaleKind, of values: some Sequence<Double>, includesZero: Bool = false) {
        self.kind = kind
        var (least, largest) = (Double.infinity, -Double.infinity)
        for value in values where value.isFinite && (kind == .linear || value > 0) {
            least = min(least, value)
            largest = max(largest, value)
        }
        if least > largest { (least, largest) = kind == .linear ? (0, 1) : (0.1, 1) }
        switch kind {
        case .linear:
            if includesZero, least > 0 { least = 0 }
            // A single value stands in the middle of something.
            if least == largest {
                (least, largest) = (least - max(0.5, least.magnitude / 2), largest + max(0.5, least.magnitude / 2))
            }
        case .logarithmic:
            (least, largest) = (least.logarithm, largest.logarithm)
            if largest - least < 1e-9 { (least, largest) = (least - 0.5, largest + 0.5) }
        }
        (low, high) = (least, largest)
    }

    /// Where a value stands, 0 at the low end and 1 at the high; nil when it has no place.
    func place(_ value: Double) -> Double? {
        guard value.isFinite, kind == .linear || value > 0 else { return nil }
        let value = kind == .linear ? value : value.logarithm
        // Halves, so that the span of any two finite numbers is finite.
        return (value / 2 - low / 2) / (high / 2 - low / 2)
    }

    /// Round values to be marked, at most about `count`.
    func ticks(_ count: Int, areWhole: Bool = false) -> [Double] {
        switch kind {
        case .linear:
            let step = max(Scale.roundStep((high / 2 - low / 2) * 2 / Double(max(1, count))), areWhole ? 1 : 0)
            guard step > 0, step.isFinite, (high / step).magnitude < 1e15, (low / step).magnitude < 1e15 else {
                return [low, high]
            }
            let first = Int((low / step - 1e-9).rounded(.up))
            let last = Int((high / step + 1e-9).rounded(.down))
            return first <= last ? (first...last).map { Double($0) * step } : []
        case .logarithmic:
            let (first, last) = (Int(low.rounded(.up)), Int(high.rounded(.down)))
            // Within one decade powers of ten mark nothing: round values do.
            guard last - first >= 1 else {
                let ends = (low.power, high.power)
                return Scale(.linear, of: [ends.0, ends.1]).ticks(count).filter {
                    $0 >= ends.0 && $0 <= ends.1 && $0 > 0
                }
            }
            let step = max(1, (last - first) / max(1, count) + ((last - first) % max(1, count) == 0 ? 0 : 1))
            return stride(from: first, through: last, by: step).map { Double($0).power }
        }
    }

    /// 1, 2 or 5 times a power of ten, at least `step`.
    private static func roundStep(_ step: Double) -> Double {
        guard step > 0, step.isFinite else { return 0 }
        let power = step.logarithm.rounded(.down).power
        return [1, 2, 5, 10].map { $0 * power }.first { $0 >= step * (1 - 1e-9) } ?? 10 * power
    }
}

extension Double {
    /// The logarithm to base 10.
    fileprivate var logarithm: Double { log10(self) }
    /// 10 to the power of this.
    fileprivate var power: Double { pow(10, self) }
}
