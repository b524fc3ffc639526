public import ByteCoding
public import Tensors

/// What adapters make of a base model: the tensors that differ from it.
///
/// Their values are computed when they are read, in pieces, so memory holds the factors of a few tensors and no whole
/// weight.
public struct FusedModel: Sendable {
    /// One tensor of the result.
    public struct Weight: Sendable {
        /// The tensor's name.
        public let name: String
        /// Its values.
        public let tensor: Tensor
        /// The tensor of the base model that it stands beside, when the base model has none of this name.
        public let sibling: String?
    }

    /// The tensors that are new or changed, ascending by name.
    public let weights: [Weight]
    /// Entries of `config.json` that the changes make necessary.
    public let configurationChanges: [String: MetadataValue]
}
