import ByteCoding
import Tensors

/// The output layer that shares the input embedding's tensor.
///
/// A change to one of them leaves the other as it was, as in training; so the result holds both, and its configuration says
/// that they are no longer tied.
struct TiedWeights {
    /// The module that turns hidden states into logits.
    static let outputModule = "lm_head"
    /// Its weight.
    static let outputWeight = "lm_head.weight"
    private static let embeddings = [
        "embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight", "tok_embeddings.weight",
    ]
    private static let classes = ["ForCausalLM", "LMHeadModel", "ForConditionalGeneration"]

    /// The tensor that both layers use; nil when they are not tied.
    let embedding: String?

    init(_ base: BaseWeights) {
        let hasOutput = base.tensors.keys.contains { $0.hasSuffix(TiedWeights.outputWeight) }
        let architecture = base.configuration["architectures"]?.array?.first?.string ?? ""
        let isGenerator = TiedWeights.classes.contains(where: architecture.hasSuffix)
        guard !hasOutput, base.configuration["tie_word_embeddings"] != false,
            isGenerator || base.configuration["tie_word_embeddings"] == true
        else {
            embedding = nil
            return
        }
        let found = base.tensors.keys.filter { name in
            TiedWeights.embeddings.contains { name == $0 || name.hasSuffix("." + $0) }
        }
        embedding = found.count == 1 ? found.first : nil
    }

    /// Gives the output layer a tensor of its own where it must differ from the embedding; says whether it does.
    ///
    /// Trained tokens apply to both, as PEFT ties them; so do equal replacements.
    func untie(_ changes: inout [String: WeightChange], base: BaseWeights) throws -> Bool {
        guard let embedding, let source = base.tensors[embedding] else { return false }
        let input = changes[embedding]
        guard let output = changes[TiedWeights.outputWeight] else {
            guard let input, !input.changesRowsAlone else { return false }
            var copy = WeightChange(
                name: TiedWeights.outputWeight, source: source, dtype: source.dtype, layout: input.layout,
                sibling: embedding)
            copy.rows = input.rows
            changes[TiedWeights.outputWeight] = copy
            return true
        }
        if let input, input.terms.isEmpty, output.terms.isEmpty, input.summands.isEmpty, output.summands.isEmpty,
            try input.source.bytes() == output.source.bytes()
        {
            changes[TiedWeights.outputWeight] = nil
            return false
        }
        return true
    }
}

extension WeightChange {
    /// Whether nothing but single rows differs from the base model's tensor.
    fileprivate var changesRowsAlone: Bool { terms.isEmpty && summands.isEmpty && replacedBy == nil }
}
