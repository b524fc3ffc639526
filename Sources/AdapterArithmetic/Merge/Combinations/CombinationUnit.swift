/// What a linear combination takes for a vector, with coefficients of its own.
///
/// Rows belong to the outputs of a weight and columns to its inputs, however the weight is stored; the columns of a
/// convolution are inputs times kernel positions.
public enum CombinationUnit: String, Sendable, Hashable, CaseIterable {
    /// All of ΔW.
    case whole
    /// Each row of ΔW by itself.
    case row
    /// Each column of ΔW by itself.
    case column
}
