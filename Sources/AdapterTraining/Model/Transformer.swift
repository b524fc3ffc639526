/// A decoder with low-rank updates: loss and the gradients of what is trained.
///
/// All its memory is taken when it is made. Equations: Llama (arXiv 2302.13971) with grouped queries, and the points
/// in which ``TransformerShape`` differs.
package final class Transformer<Element: ComputeElement> {
    package let weights: TransformerWeights<Element>
    package let plan: TransformerBuffers<Element>.Plan
    package let workers: Workers
    /// The groups of each layer: queries, keys, values; output; gate, up; down.
    let groups: [[LinearGroup<Element>]]
    let attention: Attention<Element>
    let buffers: TransformerBuffers<Element>
    private let arena: Arena<Element>
    private let roundedArena: Arena<UInt16>?
    /// Where products are of rounded factors.
    let rounding: Rounded<Element>?
    /// The lowest layer with anything to train; gradients go no further down.
    let lowestTrainedLayer: Int
    private let dropoutProbability: Double
    private var areNormsCurrent = false
    private var hasSquares = false
    /// Who looks at what goes through the linear layers.
    package var probe: (any LayerProbe<Element>)?
    /// Chosen by seed, step and batch within the step.
    package var dropoutKey: UInt64?

    package var shape: TransformerShape { weights.shape }
    /// The memory taken, in bytes.
    package var byteCount: Int { arena.byteCount + (roundedArena?.byteCount ?? 0) }

    /// - Parameters:
    ///   - updates: the runs of each group of each layer.
    ///   - tokens: the most tokens of a batch.
    ///   - segmentLength: the most tokens of a segment.
    /// - Throws: ``TrainingError`` with code `outOfMemory`.
    package init(
        _ weights: TransformerWeights<Element>, updates: [[[LowRankRun<Element>]]], tokens: Int, segmentLength: Int,
        policy: ActivationPolicy = .full, isTraining: Bool = true, dropout: Double = 0,
        precision: BasePrecision = .f32, workers: Workers = Workers()
    ) throws {
        guard precision == .f32 || Element.multipliesRounded else {
            throw TrainingError(
                .invalidSetting, "Unable to compute in bf16: this processor has no such products. Use f32.")
        }
        let groups = Self.groups(weights, updates)
        let plan = Self.plan(
            weights.shape, groups, tokens: tokens, segmentLength: segmentLength, policy: policy,
            isTraining: isTraining, usesDropout: dropout > 0, workerCount: workers.count)
        var buffers: TransformerBuffers<Element>?
        arena = try Arena({ TransformerBuffers(&$0, weights.shape, plan) }, result: &buffers)
        guard let buffers else { throw TrainingError(.outOfMemory, "Unable to lay out the memory of the model.") }
        if precision == .bf16 {
            let count = TransformerBuffers<Element>.roundedCount(weights.shape, tokens: tokens)
            var memory: MatrixView<UInt16>?
            roundedArena = try Arena({ $0.matrix(1, count) }, result: &memory)
            rounding = memory.map { Rounded(memory: $0) }
        } else {
            roundedArena = nil
            rounding = nil
        }
        self.weights = weights
        self.groups = groups
        self.plan = plan
        self.buffers = buffers
        self.workers = workers
        attention = Attention(weights.shape)
        lowestTrainedLayer = groups.firstIndex { $0.contains(where: \.isTrained) } ?? weights.shape.layerCount
        dropoutProbability = dropout
        prepareTables()
    }

    /// The bytes that a model of that plan takes beside its weights and updates.
    package static func byteCount(
        _ shape: TransformerShape, _ plan: TransformerBuffers<Element>.Plan, _ precision: BasePrecision
    ) -> Int {
        let rounded = Arena<UInt16>.byteCount {
            _ = $0.matrix(1, TransformerBuffers<Element>.roundedCount(shape, tokens: plan.tokens))
        }
        return Arena<Element>.byteCount { _ = TransformerBuffers(&$0, shape, plan) }
            + (precision == .bf16 ? rounded : 0)
    }

    package static func groups(
        _ weights: TransformerWeights<Element>, _ updates: [[[LowRankRun<Element>]]]
    ) -> [[LinearGroup<Element>]] {
        zip(weights.layers, updates).map { layer, runs in
            [
                LinearGroup(layer.projections, runs: runs[0]), LinearGroup([layer.output], runs: runs[1]),
                LinearGroup(layer.gates, runs: runs[2]), LinearGroup([layer.down], runs: runs[3]),
            ]
        }
    }

    package static func plan(
        _ shape: TransformerShape, _ groups: [[LinearGroup<Element>]], tokens: Int, segmentLength: Int,
        policy: ActivationPolicy, isTraining: Bool, usesDropout: Bool, workerCount: Int
    ) -> TransformerBuffers<Element>.Plan {
        let scratchCount = max(
            groups.joined().map(\.scratchCount).max() ?? 0, FrozenMatrix<Element>.panelRows * shape.hiddenSize,
            Attention<Element>.scratchCount(segmentLength: segmentLength), 2 * shape.hiddenSize)
        let scaledGroups = groups.joined().filter(\.hasMagnitudes)
        return TransformerBuffers.Plan(
            tokens: tokens, segmentLength: segmentLength, policy: policy, isTraining: isTraining,
            usesDropout: usesDropout, workerCount: workerCount, innerColumns: groups.map { $0.map(\.innerColumns) },
            scratchCount: scratchCount,
            roomCount: scaledGroups.map { max(tokens * LinearGroup<Element>.partSize, $0.normRoomCount) }.max() ?? 0,
            scaledColumns: scaledGroups.map(\.outputColumns).max() ?? 0)
    }

    /// To be called when A, B or magnitudes have changed.
    package func updatesChanged() { areNormsCurrent = false }

    /// Brings the norms that magnitudes are divided by up to date.
    package func updateNorms() {
        for group in groups.joined() where group.hasMagnitudes {
            group.updateNorms(isFirst: !hasSquares, workers, scratch: buffers.scratch, room: buffers.room)
        }
        (hasSquares, areNormsCurrent) = (true, true)
    }

    private func prepareTables() {
        let frequencies = shape.rotaryFrequencies
        for position in 0..<plan.segmentLength {
            for (pair, frequency) in frequencies.enumerated() {
                buffers.cosine[position, pair] = Element(cosine(Double(position) * frequency))
                buffers.sine[position, pair] = Element(sine(Double(position) * frequency))
            }
        }
        for (layer, gains) in zip(weights.layers, buffers.gains) {
            layer.attentionNorm.copy(to: gains[0])
            layer.feedForwardNorm.copy(to: gains[1])
            layer.queryNorm?.copy(to: gains[2])
            layer.keyNorm?.copy(to: gains[3])
        }
        weights.finalNorm.copy(to: finalGain)
    }

    var finalGain: MatrixView<Element> { buffers.gains[shape.layerCount][0] }
    var epsilon: Element { Element(shape.normEpsilon) }
    var dropout: Dropout<Element>? {
        guard let dropoutKey, dropoutProbability > 0 else { return nil }
        return Dropout(probability: dropoutProbability, key: dropoutKey, masked: buffers.masked)
    }

    /// The cross entropies of the batch's learned tokens, in order.
    ///
    /// - Parameter gradientWeight: the weight of each loss in the sum whose gradients are added to those of the
    ///   updates; nil to compute none.
    package func losses(_ batch: TokenBatch, gradientWeight: Double? = nil) -> [Double] {
        precondition(
            batch.ids.count <= plan.tokens && batch.segments.allSatisfy { $0.count <= plan.segmentLength },
            "the batch is larger than planned")
        precondition(gradientWeight == nil || plan.isTraining, "the model is planned without gradients")
        guard !batch.ids.isEmpty else { return [] }
        if !areNormsCurrent { updateNorms() }
        let n = batch.ids.count
        embed(batch)
        for layer in 0..<shape.layerCount {
            forward(layer, batch, from: buffers.stream[layer].rows(0..<n), into: buffers.stream[layer + 1].rows(0..<n))
        }
        let losses = headLosses(batch, gradientWeight: gradientWeight.map { Element($0) })
        if gradientWeight != nil {
            for layer in stride(from: shape.layerCount - 1, through: lowestTrainedLayer, by: -1) {
                backward(layer, batch)
            }
        }
        return losses
    }

    func embed(_ batch: TokenBatch) {
        workers.forEachPart(of: batch.ids.count, size: 64) { rows, _ in
            for row in rows {
                let id = Int(batch.ids[row])
                precondition(id >= 0 && id < shape.vocabularySize, "the token is outside the vocabulary")
                _ = weights.embedding.panel(
                    id..<id + 1, 0..<shape.hiddenSize, in: buffers.stream[0].rows(row..<row + 1))
            }
        }
    }
}
