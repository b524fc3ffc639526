import Glibc

/// How often the elements of several ΔW have different signs.
///
/// Compared are elements where at least two are not 0. Random matrices disagree in half of them.
public struct SignConflict: Hashable, Sendable {
    /// The elements that have both signs.
    public internal(set) var conflictCount = 0
    /// The elements that were looked at and are not 0 in at least two ΔW.
    public internal(set) var comparedCount = 0
    /// The elements that were looked at.
    public internal(set) var examinedCount = 0
    /// The elements of the ΔW.
    public internal(set) var elementCount = 0

    /// Whether a sample was looked at and not everything.
    public var isSample: Bool { examinedCount < elementCount }

    /// The share of the compared elements that conflict.
    public var rate: Double { comparedCount == 0 ? 0 : Double(conflictCount) / Double(comparedCount) }

    /// The standard error of the rate; 0 when everything was looked at.
    public var standardError: Double {
        isSample && comparedCount > 0 ? (rate * (1 - rate) / Double(comparedCount)).squareRoot() : 0
    }
}

extension SignConflict {
    /// The rate over several modules, each with the weight of its elements, and the standard error.
    public static func total(_ modules: [SignConflict]) -> (rate: Double, standardError: Double) {
        // What share of its elements is compared is known of the sample only.
        let weights = modules.map { module in
            module.examinedCount == 0
                ? 0 : Double(module.comparedCount) / Double(module.examinedCount) * Double(module.elementCount)
        }
        let sum = weights.reduce(0, +)
        guard sum > 0 else { return (0, 0) }
        let rate = zip(weights, modules).reduce(0) { $0 + $1.0 / sum * $1.1.rate }
        let variance = zip(weights, modules).reduce(0) { total, element in
            let part = element.0 / sum * element.1.standardError
            return total + part * part
        }
        return (rate, variance.squareRoot())
    }

    /// Adds what another part of the same elements shows.
    mutating func add(_ conflict: Int, _ compared: Int) {
        conflictCount += conflict
        comparedCount += compared
    }
}
