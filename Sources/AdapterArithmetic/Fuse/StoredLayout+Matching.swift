import Adapters
import ByteCoding

extension StoredLayout {
    /// The layout of a weight that an update fits; nil when it does not.
    ///
    /// - Parameters:
    ///   - extents: the extents of the stored tensor.
    ///   - count: the number of matrices in it.
    ///   - outputs: the rows of B in each.
    ///   - inputs: the columns of A in each.
    ///   - weightExtents: the extents of the whole weight as the update describes it.
    ///   - prefersTransposed: the answer where both orientations fit.
    static func matching(
        _ kind: WeightKind, extents: [Int], count: Int, outputs: Int, inputs: Int, _ weightExtents: [Int],
        prefersTransposed: Bool
    ) -> StoredLayout? {
        let plain = StoredLayout(slices: count, rows: outputs, columns: inputs, isTransposed: false)
        let transposed = StoredLayout(slices: count, rows: inputs, columns: outputs, isTransposed: true)
        switch kind {
        case .linear: return extents == [outputs, inputs] ? plain : nil
        case .transposedLinear, .embedding: return extents == [inputs, outputs] ? transposed : nil
        case .convolution: return extents == weightExtents ? plain : nil
        case .experts:
            let isMatrix = count == 1 && extents.count == 2
            let stored = isMatrix ? [1] + extents : extents
            let fits = (stored == [count, outputs, inputs], stored == [count, inputs, outputs] && !isMatrix)
            switch fits {
            case (true, true): return prefersTransposed ? transposed : plain
            case (true, false): return plain
            case (false, true): return transposed
            case (false, false): return nil
            }
        }
    }
}

extension BaseWeights {
    /// The models of transformers whose stacks of experts are stored [experts, in, out] (`is_transposed`, 5.x).
    private static let transposedModels: Set<String> = [
        "gpt_oss", "llama4", "llama4_text", "aria", "aria_text", "openai_privacy_filter",
    ]

    /// Whether stacks of square matrices are stored as inputs × outputs.
    var storesExpertsTransposed: Bool {
        configuration["model_type"]?.string.map(BaseWeights.transposedModels.contains) ?? false
    }
}
