package import AdapterInterchange
import LinearAlgebra

/// The frozen weights of a decoder, in place in the files of its folder.
package struct TransformerWeights<Element: ComputeElement>: Sendable {
    /// A linear layer.
    package struct Linear: Sendable {
        /// Its path in the model, such as `model.layers.0.self_attn.q_proj`.
        package let name: String
        package let weight: FrozenMatrix<Element>
        package let bias: FrozenMatrix<Element>?
    }

    /// One block of attention and feed-forward.
    package struct Layer: Sendable {
        package let attentionNorm: FrozenMatrix<Element>
        package let queryNorm: FrozenMatrix<Element>?
        package let keyNorm: FrozenMatrix<Element>?
        package let feedForwardNorm: FrozenMatrix<Element>
        /// Queries, keys, values.
        package let projections: [Linear]
        package let output: Linear
        /// Gate and up.
        package let gates: [Linear]
        package let down: Linear

        /// The linear layers in the order in which they are computed.
        package var linears: [Linear] { projections + [output] + gates + [down] }
    }

    package let shape: TransformerShape
    package let embedding: FrozenMatrix<Element>
    package let layers: [Layer]
    package let finalNorm: FrozenMatrix<Element>
    /// The embedding where it is tied.
    package let head: FrozenMatrix<Element>

    /// The weights in a folder; headers are checked, elements are read when they are used.
    ///
    /// - Throws: ``TrainingError`` with code `unsupportedModel` or `invalidModel`; `InterchangeError` and
    ///   `FileSystemError` when the folder cannot be read; `LinearAlgebraError` without OpenBLAS.
    package init(_ folder: ModelFolder) throws {
        guard let configuration = try folder.configuration() else {
            throw TrainingError(
                .invalidModel, "Unable to read '\(folder.path)': it has no \(ModelFolder.configurationName).")
        }
        let shape = try TransformerShape(configuration: configuration)
        try OpenBLAS.load()
        func matrix(_ name: String, _ extents: [Int]) throws -> FrozenMatrix<Element> {
            guard let entry = folder.entry(named: name) else {
                throw TrainingError(
                    .invalidModel,
                    "Unable to read '\(folder.path)': it has no tensor '\(name)'. Name a folder with the whole model.")
            }
            guard entry.shape == extents else {
                throw TrainingError(
                    .invalidModel,
                    "Unable to read '\(folder.path)': the tensor '\(name)' has the shape \(entry.shape), \(extents) "
                        + "follows from its configuration.")
            }
            return try FrozenMatrix(folder.map(entry), name: name)
        }
        func linear(_ name: String, _ output: Int, _ input: Int) throws -> Linear {
            let bias = folder.entry(named: name + ".bias")
            return Linear(
                name: name, weight: try matrix(name + ".weight", [output, input]),
                bias: try bias.map { try matrix($0.name, [output]) })
        }
        let (hidden, ffn) = (shape.hiddenSize, shape.feedForwardSize)
        self.shape = shape
        embedding = try matrix("model.embed_tokens.weight", [shape.vocabularySize, hidden])
        finalNorm = try matrix("model.norm.weight", [hidden])
        head =
            try shape.hasTiedHead
            ? embedding : matrix("lm_head.weight", [shape.vocabularySize, hidden])
        layers = try (0..<shape.layerCount).map { index in
            let prefix = "model.layers.\(index)."
            let attention = prefix + "self_attn."
            func headNorm(_ name: String) throws -> FrozenMatrix<Element>? {
                try shape.normalizesHeads ? matrix(attention + name, [shape.headSize]) : nil
            }
            return Layer(
                attentionNorm: try matrix(prefix + "input_layernorm.weight", [hidden]),
                queryNorm: try headNorm("q_norm.weight"), keyNorm: try headNorm("k_norm.weight"),
                feedForwardNorm: try matrix(prefix + "post_attention_layernorm.weight", [hidden]),
                projections: [
                    try linear(attention + "q_proj", shape.queryColumns, hidden),
                    try linear(attention + "k_proj", shape.keyColumns, hidden),
                    try linear(attention + "v_proj", shape.keyColumns, hidden),
                ],
                output: try linear(attention + "o_proj", hidden, shape.queryColumns),
                gates: [
                    try linear(prefix + "mlp.gate_proj", ffn, hidden), try linear(prefix + "mlp.up_proj", ffn, hidden),
                ],
                down: try linear(prefix + "mlp.down_proj", hidden, ffn))
        }
    }
}
