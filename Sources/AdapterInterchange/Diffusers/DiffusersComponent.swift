import Adapters
import ByteCoding
import Tensors

/// The tensors of one component of a pipeline.
struct DiffusersComponent {
    /// The tensors under PEFT's names.
    var tensors: [(name: String, tensor: Tensor)] = []
    /// The alphas by module.
    var alphas: [String: Double] = [:]

    /// What they mean under a configuration, or under one that says what the tensors say.
    func interpretation(configuration: [String: MetadataValue]?) throws -> PEFTInterpretation {
        if let configuration {
            return try PEFTInterpretation(
                tensors: tensors,
                configuration: try PEFTConfiguration(.map(["peft_type": "LORA"].merging(configuration) { $1 })))
        }
        var ranks: [String: MetadataValue] = [:]
        var numbers: [String: MetadataValue] = [:]
        var hasMagnitude = false
        var hasBias = false
        for (name, tensor) in tensors {
            let key = PEFTKey(parsing: name)
            switch key.slot {
            case .a where tensor.shape.rank > 0:
                let pattern = "^" + PEFTDocument.escaped(PEFTKey.baseName(ofModule: key.module))
                let alpha = alphas[key.module].flatMap { $0 == 0 ? nil : $0 } ?? Double(tensor.shape[0])
                ranks[pattern] = MetadataValue(tensor.shape[0])
                numbers[pattern] = .double(alpha)
            case .parameter(.magnitude, _): hasMagnitude = true
            case .parameter(.updateBias, _): hasBias = true
            default: break
            }
        }
        return try PEFTInterpretation(
            tensors: tensors,
            configuration: try PEFTConfiguration([
                "peft_type": "LORA", "rank_pattern": .map(ranks), "alpha_pattern": .map(numbers),
                "use_dora": MetadataValue(hasMagnitude), "lora_bias": MetadataValue(hasBias),
            ]))
    }
}
