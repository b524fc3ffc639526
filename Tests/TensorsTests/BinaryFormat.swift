import Tensors
import Testing

/// Floating-point formats by their arithmetic definition: sign, exponent with bias, fraction. Shares no code with the
/// conversions under test.
struct BinaryFormat: Sendable, CustomTestStringConvertible {
    let dtype: DType
    let exponentBits: Int
    let fractionBits: Int
    /// The bit patterns without sign from which on there are no finite numbers.
    let endOfFinite: Int

    static let f16 = BinaryFormat(dtype: .f16, exponentBits: 5, fractionBits: 10, endOfFinite: 0x7C00)
    static let bf16 = BinaryFormat(dtype: .bf16, exponentBits: 8, fractionBits: 7, endOfFinite: 0x7F80)
    static let e4m3 = BinaryFormat(dtype: .f8e4m3, exponentBits: 4, fractionBits: 3, endOfFinite: 0x7F)
    static let e5m2 = BinaryFormat(dtype: .f8e5m2, exponentBits: 5, fractionBits: 2, endOfFinite: 0x7C)

    var testDescription: String { dtype.description }

    /// The value of a finite pattern without sign: an integer significand times a power of two.
    func magnitude(_ pattern: Int) -> Double {
        let bias = (1 << (exponentBits - 1)) - 1
        let exponent = pattern >> fractionBits
        let fraction = pattern & ((1 << fractionBits) - 1)
        let significand = exponent == 0 ? fraction : fraction | 1 << fractionBits
        return scaled(Double(significand), by: max(exponent, 1) - bias - fractionBits)
    }

    /// `value` times 2 to the `exponent`, by doubling and halving, each of which is exact here.
    private func scaled(_ value: Double, by exponent: Int) -> Double {
        (0..<abs(exponent)).reduce(value) { value, _ in exponent < 0 ? value / 2 : value * 2 }
    }

    /// All finite magnitudes, ascending; the index is the pattern.
    var magnitudes: [Double] { (0..<endOfFinite).map(magnitude) }
}
