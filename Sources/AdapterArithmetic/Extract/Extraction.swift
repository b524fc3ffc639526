/// What a tuned model differs in from its base, and how.
public struct Extraction: Sendable {
    /// The adapter; its certificate names every changed weight that is not kept whole, with rank 0 what was left out.
    public let computed: ComputedAdapter
    /// The tensors that are kept whole, ascending.
    public let full: [String]
    /// The changed tensors that are left out, ascending.
    public let leftOut: [String]
    /// How many tensors are the same in both models.
    public let unchangedCount: Int
}
