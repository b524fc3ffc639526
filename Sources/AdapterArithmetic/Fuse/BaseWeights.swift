public import ByteCoding
public import Tensors

/// The weights of a base model, by name; their values are read when they are asked for.
public struct BaseWeights: Sendable {
    /// The tensors with element types that arithmetic knows.
    public let tensors: [String: Tensor]
    /// The names of all others, such as quantised weights and integer buffers, with their types.
    public let others: [String: String]
    /// What `config.json` says; an empty map when there is none.
    public let configuration: MetadataValue
    /// What messages call the model.
    public let label: String

    /// Creates a description of a base model.
    public init(
        tensors: [String: Tensor], others: [String: String] = [:], configuration: MetadataValue = [:], label: String
    ) {
        self.tensors = tensors
        self.others = others
        self.configuration = configuration
        self.label = label
    }

    func contains(_ name: String) -> Bool { tensors[name] != nil || others[name] != nil }
}
