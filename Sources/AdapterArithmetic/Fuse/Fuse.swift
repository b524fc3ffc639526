import Adapters
import ByteCoding
import Tensors

/// Adapters put into the weights of their base model.
public enum Fuse {
    /// The base model with the weighted effects of adapters: W' = W + Σ weight · (W of the adapter alone − W).
    ///
    /// For a low-rank update the effect is s·B·A; for DoRA it is m / ‖W + s·B·A‖ · (W + s·B·A) − W with the norm over the
    /// inputs; for a replaced parameter the difference to the base model's. Sums are formed in binary32, in the order of the
    /// inputs' content roots where all are known, so that the order of the inputs does not matter, and rounded once to the
    /// base model's type. A weight of 0 leaves an adapter out, a factor of 0 out of one module. Biases of updates need a
    /// bias in the base model. Tied input and output embeddings of which one changes become two tensors.
    ///
    /// - Throws: ``ArithmeticError`` with code `noInput`, `invalidWeight`, `differentBase`, `missingTarget`,
    ///   `shapeMismatch`, `unsupportedBase` or `notLinear`. Reading the result throws `nonFinite` or `overflow`.
    public static func fuse(_ inputs: [MergeInput], into base: BaseWeights, allowDifferentBase: Bool = false) throws
        -> FusedModel
    {
        for input in inputs { try input.requireFiniteWeight(verb: "fuse") }
        let active = inputs.filter { $0.weight != 0 }
        guard let first = active.first else {
            throw ArithmeticError(
                .noInput, "Unable to fuse: no adapter with a weight other than 0 is given. Name at least one.")
        }
        for other in active.dropFirst() where !allowDifferentBase {
            guard first.adapter.base.isCompatible(with: other.adapter.base) else {
                throw ArithmeticError(
                    .differentBase,
                    "Unable to fuse '\(first.label)' and '\(other.label)': they were trained on "
                        + "\(first.adapter.base.summary) and on \(other.adapter.base.summary). Use --allow-different-base "
                        + "if these are one model.")
            }
        }
        var planner = FusePlanner(base: base)
        for input in active.inOrderOfContent { try planner.add(input) }
        let (changes, configuration) = try planner.finish()
        let cache = FusedFactorsCache(changes)
        return FusedModel(
            weights: changes.enumerated().map { index, change in
                FusedModel.Weight(
                    name: change.name,
                    tensor: Tensor(
                        dtype: change.dtype, shape: change.source.shape,
                        source: FusedWeight(cache: cache, index: index)), sibling: change.sibling)
            }, configurationChanges: configuration)
    }
}
