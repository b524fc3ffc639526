/// Which activations are kept from forward to backward.
public enum ActivationPolicy: String, Sendable, CaseIterable {
    /// All that backward needs.
    case full
    /// The input of each layer alone; backward computes the layer once more. Less memory, a third more time.
    case checkpoint
}

/// The memory in which a decoder computes: everything is laid out before the first step, and no step takes more.
package struct TransformerBuffers<Element: ComputeElement>: Sendable {
    /// What a layer leaves for its backward pass.
    package struct Layer: Sendable {
        /// Queries, keys, values; queries and keys rotated.
        let qkv: MatrixView<Element>
        /// Queries and keys before they are normalised, where they are.
        let rawHeads: MatrixView<Element>?
        /// What attention gives.
        let attended: MatrixView<Element>
        let logSums: MatrixView<Element>
        /// The residual stream between attention and feed-forward.
        let middle: MatrixView<Element>
        /// Gate and up.
        let gates: MatrixView<Element>
        /// The inner values of the low-rank updates of each group.
        let inner: [MatrixView<Element>]
    }

    /// The sizes that decide.
    package struct Plan: Sendable {
        package var tokens: Int
        package var segmentLength: Int
        package var policy: ActivationPolicy
        package var isTraining: Bool
        package var usesDropout: Bool
        package var workerCount: Int
        /// The columns of the inner values of each group, of each layer.
        package var innerColumns: [[Int]]
        package var scratchCount: Int
        /// What a worker needs for magnitudes, and the columns of the widest gradient that they scale; 0 without them.
        package var roomCount: Int
        package var scaledColumns: Int
    }

    /// The residual stream before each layer and after the last.
    let stream: [MatrixView<Element>]
    let layers: [Layer]
    /// A normalised input.
    let normed: MatrixView<Element>
    let activated: MatrixView<Element>
    let gradient: MatrixView<Element>
    let inputGradient: MatrixView<Element>
    let activatedGradient: MatrixView<Element>
    let attendedGradient: MatrixView<Element>
    let qkvGradient: MatrixView<Element>
    let innerGradient: MatrixView<Element>
    let masked: MatrixView<Element>
    let headInput: MatrixView<Element>
    let logits: MatrixView<Element>
    let headGradient: MatrixView<Element>
    let scratch: [MatrixView<Element>]
    let room: [MatrixView<Element>]
    let scaledGradient: MatrixView<Element>
    let cosine: MatrixView<Element>
    let sine: MatrixView<Element>
    /// The gains of all norms, made wide once: they are small.
    let gains: [[MatrixView<Element>]]

    /// The rows of logits that are computed at a time: as many as fit 64 MiB, whatever the vocabulary.
    package static func headRows(_ shape: TransformerShape, tokens: Int) -> Int {
        let fitting = (64 << 20) / (4 * max(1, shape.vocabularySize)) / 32 * 32
        return min(tokens, min(256, max(32, fitting)))
    }

    /// The elements of the largest input of a product with a weight.
    package static func roundedCount(_ shape: TransformerShape, tokens: Int) -> Int {
        let widest = max(
            shape.hiddenSize, 2 * shape.feedForwardSize, shape.queryColumns + 2 * shape.keyColumns)
        return max(tokens * widest, headRows(shape, tokens: tokens) * max(shape.vocabularySize, shape.hiddenSize))
    }

    package init(_ layout: inout Arena<Element>.Layout, _ shape: TransformerShape, _ plan: Plan) {
        let (n, d, ffn) = (plan.tokens, shape.hiddenSize, shape.feedForwardSize)
        let qkvColumns = shape.queryColumns + 2 * shape.keyColumns
        let training = plan.isTraining
        func one(_ columns: Int, _ layout: inout Arena<Element>.Layout) -> MatrixView<Element> {
            layout.matrix(training ? n : 0, columns)
        }
        // Without a backward pass one matrix serves all layers.
        if training {
            stream = (0...shape.layerCount).map { _ in layout.matrix(n, d) }
        } else {
            stream = Array(repeating: layout.matrix(n, d), count: shape.layerCount + 1)
        }
        var shared: Layer?
        let maximumInner = (0..<4).map { group in plan.innerColumns.map { $0[group] }.max() ?? 0 }
        layers = (0..<shape.layerCount).map { index in
            if let shared, !(training && plan.policy == .full) { return shared }
            let isShared = !(training && plan.policy == .full)
            let inner = isShared ? maximumInner : plan.innerColumns[index]
            let layer = Layer(
                qkv: layout.matrix(n, qkvColumns),
                rawHeads: shape.normalizesHeads ? layout.matrix(n, shape.queryColumns + shape.keyColumns) : nil,
                attended: layout.matrix(n, shape.queryColumns), logSums: layout.matrix(n, shape.headCount),
                middle: layout.matrix(n, d), gates: layout.matrix(n, 2 * ffn),
                inner: inner.map { layout.matrix(n, $0) })
            shared = layer
            return layer
        }
        normed = layout.matrix(n, d)
        activated = layout.matrix(n, ffn)
        gradient = one(d, &layout)
        inputGradient = one(d, &layout)
        activatedGradient = one(ffn, &layout)
        attendedGradient = one(shape.queryColumns, &layout)
        qkvGradient = one(qkvColumns, &layout)
        innerGradient = one(maximumInner.max() ?? 0, &layout)
        masked = layout.matrix(plan.usesDropout ? n : 0, max(d, ffn, shape.queryColumns))
        let headRows = Self.headRows(shape, tokens: n)
        headInput = layout.matrix(headRows, d)
        logits = layout.matrix(headRows, shape.vocabularySize)
        headGradient = layout.matrix(headRows, d)
        scratch = (0..<plan.workerCount).map { _ in layout.matrix(1, plan.scratchCount) }
        room = (0..<plan.workerCount).map { _ in layout.matrix(1, plan.roomCount) }
        scaledGradient = layout.matrix(1, training ? n * plan.scaledColumns : 0)
        cosine = layout.matrix(plan.segmentLength, shape.headSize / 2)
        sine = layout.matrix(plan.segmentLength, shape.headSize / 2)
        gains =
            (0..<shape.layerCount).map { _ in
                [
                    layout.matrix(1, d), layout.matrix(1, d), layout.matrix(1, shape.headSize),
                    layout.matrix(1, shape.headSize),
                ]
            } + [[layout.matrix(1, d)]]
    }
}
