public import Adapters

/// One adapter of a weighted sum.
public struct MergeInput: Sendable {
    /// The adapter.
    public var adapter: Adapter
    /// Its weight in the sum; any finite number, also negative. 0 leaves the adapter out.
    public var weight: Double
    /// What messages call it.
    public var label: String

    /// Creates an input.
    public init(adapter: Adapter, weight: Double = 1, label: String) {
        self.adapter = adapter
        self.weight = weight
        self.label = label
    }
}
