import Adapters
import Tensors

/// The powers of two that A and B are multiplied by, so that their values lie where a small type is precise.
///
/// Alpha is divided by both. All modules share one sum, so that an adapter with one alpha keeps one alpha: some layouts
/// have room for no more. The module whose values are largest gives that sum; what others could have above it is taken
/// from A and B alike.
struct ScalingExponents: Sendable, Hashable {
    /// The exponent in A.
    var a: Int
    /// The exponent in B.
    var b: Int

    /// The exponent that alpha takes back.
    var sum: Int { a + b }

    static let none = ScalingExponents(a: 0, b: 0)

    /// The exponents for each update: none for types that hold trained values as they are.
    ///
    /// - Throws: ``ArithmeticError`` with code `nonFinite`, and what reading throws.
    static func choose(for updates: [(name: String, update: LowRankUpdate)], dtype: DType, label: String) throws
        -> [ScalingExponents]
    {
        guard [.f8e4m3, .q8].contains(dtype) else { return updates.map { _ in none } }
        let spans = try Concurrent.map(updates) { name, update in
            (
                a: try Span(update.a, dtype, label: label, module: name, tensor: "A"),
                b: try Span(update.b, dtype, label: label, module: name, tensor: "B")
            )
        }
        if dtype == .q8, spans.allSatisfy({ $0.a.fitsQ8 && $0.b.fitsQ8 }) { return updates.map { _ in none } }
        let sum = spans.compactMap { span -> Int? in
            guard !(span.a.isKept && span.b.isKept), let a = span.a.exponent(dtype), let b = span.b.exponent(dtype)
            else { return nil }
            return a + b
        }.min()
        return spans.map { span in
            guard let sum, !(span.a.isKept && span.b.isKept) else { return none }
            // A factor that is zero takes any exponent.
            guard let a = span.a.exponent(dtype) else {
                let b = span.b.exponent(dtype) ?? 0
                return ScalingExponents(a: sum - b, b: b)
            }
            guard let b = span.b.exponent(dtype) else { return ScalingExponents(a: a, b: sum - a) }
            if span.a.isKept { return ScalingExponents(a: 0, b: sum) }
            if span.b.isKept { return ScalingExponents(a: sum, b: 0) }
            let given = (a + b - sum) / 2
            return ScalingExponents(a: a - given, b: sum - (a - given))
        }
    }
}

/// The magnitudes in a factor.
private struct Span: Sendable {
    /// Whether the factor stays as it is.
    let isKept: Bool
    /// The largest magnitude.
    private(set) var largest = 0.0
    /// The least of the largest magnitudes of blocks that are not zero.
    private(set) var leastOfBlocks = Double.infinity

    init(_ factor: Tensor, _ dtype: DType, label: String, module: String, tensor: String) throws {
        isKept = ConversionPlan.keeps(factor, as: dtype)
        guard !isKept else { return }
        for piece in factor.pieces {
            let values = try factor.doubles(in: piece)
            try ArithmeticError.requireFinite(values, verb: "convert", label: label, module: module, tensor: tensor)
            for start in stride(from: 0, to: values.count, by: Q8.blockElementCount) {
                let block = values[start..<min(start + Q8.blockElementCount, values.count)]
                let magnitude = block.reduce(0) { max($0, $1.magnitude) }
                largest = max(largest, magnitude)
                if magnitude > 0 { leastOfBlocks = min(leastOfBlocks, magnitude) }
            }
        }
    }

    /// Whether every block's scale is a normal binary16.
    var fitsQ8: Bool { isKept || largest == 0 || (leastOfBlocks / 127 >= 0x1p-14 && largest / 127 <= 65504) }

    /// The largest sensible exponent: 0 for a factor that is kept, nil for zeros.
    func exponent(_ dtype: DType) -> Int? {
        guard !isKept else { return 0 }
        guard largest > 0 else { return nil }
        if dtype == .q8 {
            // The largest scale comes to lie between 1/2 and 1.
            let scale = largest / Q8.largestCode
            return scale.significand == 1 ? -Int(scale.exponent) : -Int(scale.exponent) - 1
        }
        // The largest element comes to lie just below 448 = 1.75 · 2⁸.
        return (largest.significand <= 1.75 ? 8 : 7) - Int(largest.exponent)
    }
}
