import Adapters
import Tensors

/// Everything that adapters do to one tensor of the base model.
///
/// The result is factor · source + Σ coefficient · tensor + Σ s·B·A, computed in binary32 and rounded once. DoRA replaces
/// the source's own factor by one for each output.
struct WeightChange: Sendable {
    /// A low-rank summand.
    struct Term: Sendable {
        /// What messages call the adapter.
        let label: String
        /// What messages call the module.
        let module: String
        /// The factors.
        let update: LowRankUpdate
        /// The adapter's weight.
        let weight: Double
        /// DoRA's magnitudes, one for each output; nil for plain LoRA.
        let magnitude: Tensor?
        /// The part of the update that belongs to this tensor.
        let target: WeightTarget
    }

    /// A dense summand of the tensor's shape.
    struct Summand: Sendable {
        /// What messages call the adapter.
        let label: String
        /// Its values.
        let tensor: Tensor
        /// What multiplies it.
        let coefficient: Double
    }

    /// A row that is mixed with another one.
    struct Row: Sendable {
        /// The row's index in the tensor.
        let index: Int
        /// What messages call the adapter.
        let label: String
        /// The tensor with the other row.
        let tensor: Tensor
        /// The other row's index there.
        let sourceIndex: Int
        /// The other row's share.
        let weight: Double
    }

    /// The tensor's name.
    let name: String
    /// What the result is made of: the base model's tensor, or the one that replaces it.
    var source: Tensor
    /// What multiplies the source.
    var sourceFactor = 1.0
    /// What messages call the adapter that the source is of; nil for the base model.
    var replacedBy: String?
    /// The element type of the result.
    let dtype: DType
    /// How the weight lies in the tensor; a vector is one row.
    var layout: StoredLayout
    var terms: [Term] = []
    var summands: [Summand] = []
    var rows: [Row] = []
    /// The tensor of the base model to stand beside; nil when the base model has this one.
    var sibling: String?

    /// Whether DoRA takes part, so that each output has a factor of its own.
    var hasGains: Bool { terms.contains { $0.magnitude != nil } }
}
