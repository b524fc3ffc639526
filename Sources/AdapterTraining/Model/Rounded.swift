/// In which numbers the products with the base model's weights are computed.
public enum BasePrecision: String, Sendable, CaseIterable {
    /// Both factors and sums in binary32.
    case f32
    /// Factors rounded to bfloat16, sums in binary32, on processors with such products; faster, and what PEFT does on
    /// a bf16 base. Updates, attention and everything between stay in binary32.
    case bf16
}

/// Room for inputs rounded to bfloat16.
package struct Rounded<Element: ComputeElement>: Sendable {
    /// A matrix of one row.
    package let memory: MatrixView<UInt16>

    /// A matrix rounded; it lasts until the next one.
    func round(_ x: MatrixView<Element>, _ workers: Workers) -> MatrixView<UInt16> {
        let rounded = unsafe MatrixView(
            base: memory.columns(0..<x.rows * x.columns).base, rows: x.rows, columns: x.columns)
        workers.forEachPart(of: x.rows, size: 64) { part, _ in Element.round(x.rows(part), into: rounded.rows(part)) }
        return rounded
    }
}
