/// A weight of the base model that an update changes, or the part of an update that changes it.
struct WeightTarget: Sendable, Hashable {
    /// The tensor's name.
    let name: String
    /// The tensor it is made of when the base model has none of its own: tied weights.
    var tiedTo: String?
    /// The slice of the update that belongs to the tensor; nil when the tensor has all slices.
    var slice: Int?
    /// The outputs of the slice that belong to the tensor; nil for all.
    var outputs: Range<Int>?
}

/// How a weight lies in its tensor.
struct StoredLayout: Sendable, Hashable {
    /// The number of matrices one after the other.
    let slices: Int
    /// The rows of each matrix as it is stored.
    let rows: Int
    /// The columns of each matrix as it is stored.
    let columns: Int
    /// Whether rows are inputs and columns outputs.
    let isTransposed: Bool

    /// The outputs of each matrix.
    var outputs: Int { isTransposed ? columns : rows }
}
