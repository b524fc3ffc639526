extension Transformer {
    /// The losses of the learned tokens and, when asked to, the gradient of the last residual stream.
    ///
    /// Logits are computed for learned tokens alone, some rows at a time, and never kept.
    func headLosses(_ batch: TokenBatch, gradientWeight: Element?) -> [Double] {
        let stream = buffers.stream[shape.layerCount]
        let learned = batch.targets.indices.filter { batch.targets[$0] >= 0 }
        let targets = learned.map { batch.targets[$0] }
        if gradientWeight != nil {
            let gradient = buffers.gradient.rows(0..<batch.ids.count)
            workers.forEachPart(of: gradient.rows, size: 128) { part, _ in gradient.rows(part).fill(0) }
        }
        var losses: [Double] = []
        losses.reserveCapacity(learned.count)
        for start in stride(from: 0, to: learned.count, by: buffers.logits.rows) {
            let chunk = start..<min(start + buffers.logits.rows, learned.count)
            let input = buffers.headInput.rows(0..<chunk.count)
            let logits = logits(ofRows: Array(learned[chunk]), in: stream, input)
            losses += crossEntropies(logits, targets[chunk], gradientWeight)
            guard gradientWeight != nil else { continue }
            let dh = buffers.headGradient.rows(0..<chunk.count)
            multiplyByHead(logits, into: dh)
            workers.forEachPart(of: chunk.count, size: 32) { part, _ in
                for row in part {
                    let token = learned[start + row]
                    Element.addNormalizeGradient(
                        dh.rows(row..<row + 1), stream.rows(token..<token + 1), gain: finalGain, epsilon: epsilon,
                        to: buffers.gradient.rows(token..<token + 1))
                }
            }
        }
        return losses
    }

    /// The logits behind each of some tokens of a batch, at most as many as ``TransformerBuffers/headRows(_:tokens:)``.
    package func logits(_ batch: TokenBatch, at tokens: [Int]) -> MatrixView<Element> {
        _ = losses(batch)
        return logits(
            ofRows: tokens, in: buffers.stream[shape.layerCount], buffers.headInput.rows(0..<tokens.count))
    }

    private func logits(
        ofRows rows: [Int], in stream: MatrixView<Element>, _ input: MatrixView<Element>
    ) -> MatrixView<Element> {
        for (index, row) in rows.enumerated() {
            Element.normalize(
                stream.rows(row..<row + 1), gain: finalGain, epsilon: epsilon, into: input.rows(index..<index + 1))
        }
        let logits = buffers.logits.rows(0..<rows.count)
        let rounded = rounding.map { $0.round(input, workers) }
        workers.forEachPart(of: shape.vocabularySize, size: FrozenMatrix<Element>.panelRows) { part, worker in
            weights.head.multiply(
                input, rounded: rounded, byRows: part, adding: false, to: logits.columns(part),
                scratch: buffers.scratch[worker])
        }
        return logits
    }

    private func crossEntropies(_ logits: MatrixView<Element>, _ targets: ArraySlice<Int32>, _ weight: Element?)
        -> [Double]
    {
        let parts = Workers.parts(of: logits.rows, size: 16)
        nonisolated(unsafe) var losses = [[Double]](repeating: [], count: parts.count)
        unsafe losses.withUnsafeMutableBufferPointer { losses in
            nonisolated(unsafe) let losses = unsafe losses
            workers.forEach(parts.count) { task, _ in
                let part = parts[task]
                unsafe Element.crossEntropy(
                    logits.rows(part),
                    targets: targets[targets.startIndex + part.lowerBound..<targets.startIndex + part.upperBound],
                    gradientWeight: weight, into: &losses[task])
            }
        }
        return unsafe losses.flatMap { $0 }
    }

    /// dh = gradient · head weight.
    private func multiplyByHead(_ gradient: MatrixView<Element>, into dh: MatrixView<Element>) {
        let rounded = rounding.map { $0.round(gradient, workers) }
        workers.forEachPart(of: shape.hiddenSize, size: LinearGroup<Element>.partSize) { columns, worker in
            weights.head.multiply(
                gradient, rounded: rounded, byColumns: columns, adding: false, to: dh.columns(columns),
                scratch: buffers.scratch[worker])
        }
    }
}
