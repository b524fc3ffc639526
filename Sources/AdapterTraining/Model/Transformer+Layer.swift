extension Transformer {
    /// Computes a layer from the residual stream before it.
    func forward(
        _ index: Int, _ batch: TokenBatch, from x: MatrixView<Element>, into next: MatrixView<Element>?
    ) {
        let rows = 0..<batch.ids.count
        let (layer, groups, gains) = (view(buffers.layers[index], rows), groups[index], buffers.gains[index])
        normalize(x, gains[0])
        probe?.input(buffers.normed.rows(rows), layer: index, group: 0)
        groups[0].forward(
            buffers.normed.rows(rows), into: layer.qkv, inner: layer.inner[0], dropout: dropout, rounding: rounding,
            workers,
            scratch: buffers.scratch, room: buffers.room)
        rotate(layer, gains, batch)
        attention.forward(
            layer.qkv, segments: batch.segments, into: layer.attended, logSums: layer.logSums, workers,
            scratch: buffers.scratch)
        copy(x, to: layer.middle)
        probe?.input(layer.attended, layer: index, group: 1)
        groups[1].forward(
            layer.attended, into: layer.middle, adding: true, inner: layer.inner[1], dropout: dropout,
            rounding: rounding, workers,
            scratch: buffers.scratch, room: buffers.room)
        normalize(layer.middle, gains[1])
        probe?.input(buffers.normed.rows(rows), layer: index, group: 2)
        groups[2].forward(
            buffers.normed.rows(rows), into: layer.gates, inner: layer.inner[2], dropout: dropout, rounding: rounding,
            workers,
            scratch: buffers.scratch, room: buffers.room)
        activate(layer)
        probe?.input(buffers.activated.rows(rows), layer: index, group: 3)
        // Recomputed for its backward pass, a layer's result is known already.
        guard let next else { return innerOfDown(index, layer, rows) }
        copy(layer.middle, to: next)
        groups[3].forward(
            buffers.activated.rows(rows), into: next, adding: true, inner: layer.inner[3], dropout: dropout,
            rounding: rounding, workers,
            scratch: buffers.scratch, room: buffers.room)
    }

    /// Replaces the gradient of the residual stream after a layer by that before it, and adds those of its updates.
    func backward(_ index: Int, _ batch: TokenBatch) {
        let rows = 0..<batch.ids.count
        let x = buffers.stream[index].rows(rows)
        if plan.policy == .checkpoint { forward(index, batch, from: x, into: nil) }
        let (layer, groups, gains) = (view(buffers.layers[index], rows), groups[index], buffers.gains[index])
        let (dx, du) = (buffers.gradient.rows(rows), buffers.innerGradient.rows(rows))
        let (scratch, normed) = (buffers.scratch, buffers.normed.rows(rows))
        func inner(_ group: Int) -> MatrixView<Element> { du.columns(0..<groups[group].innerColumns) }

        if plan.policy == .full { activate(layer) }
        let da = buffers.activatedGradient.rows(rows)
        probe?.gradient(dx, buffers.activated.rows(rows), layer: index, group: 3)
        groups[3].backward(
            dx, buffers.activated.rows(rows), inner: layer.inner[3], innerGradient: inner(3), into: da,
            dropout: dropout, rounding: rounding, workers, scratch: scratch, room: buffers.room,
            scaled: buffers.scaledGradient)
        let (gate, up) = halves(layer.gates)
        workers.forEachPart(of: rows.count, size: 64) { part, _ in
            Element.swiGLUGradient(
                da.rows(part), gate: gate.rows(part), up: up.rows(part), gateGradient: gate.rows(part),
                upGradient: up.rows(part))
        }
        normalize(layer.middle, gains[1])
        let dn = buffers.inputGradient.rows(rows)
        probe?.gradient(layer.gates, normed, layer: index, group: 2)
        groups[2].backward(
            layer.gates, normed, inner: layer.inner[2], innerGradient: inner(2), into: dn, dropout: dropout,
            rounding: rounding, workers,
            scratch: scratch, room: buffers.room, scaled: buffers.scaledGradient)
        addNormalizeGradient(dn, layer.middle, gains[1], to: dx)

        let dAttended = buffers.attendedGradient.rows(rows)
        probe?.gradient(dx, layer.attended, layer: index, group: 1)
        groups[1].backward(
            dx, layer.attended, inner: layer.inner[1], innerGradient: inner(1), into: dAttended, dropout: dropout,
            rounding: rounding, workers, scratch: scratch, room: buffers.room, scaled: buffers.scaledGradient)
        let dqkv = buffers.qkvGradient.rows(rows)
        attention.backward(
            dAttended, layer.qkv, output: layer.attended, logSums: layer.logSums, segments: batch.segments, into: dqkv,
            workers, scratch: scratch)
        rotateBack(dqkv, layer, gains, batch)
        normalize(x, gains[0])
        let isLowest = index == lowestTrainedLayer
        probe?.gradient(dqkv, normed, layer: index, group: 0)
        groups[0].backward(
            dqkv, normed, inner: layer.inner[0], innerGradient: inner(0), into: isLowest ? nil : dn, dropout: dropout,
            rounding: rounding, workers, scratch: scratch, room: buffers.room, scaled: buffers.scaledGradient)
        if !isLowest { addNormalizeGradient(dn, x, gains[0], to: dx) }
    }

    private func view(_ layer: TransformerBuffers<Element>.Layer, _ rows: Range<Int>)
        -> TransformerBuffers<Element>.Layer
    {
        TransformerBuffers.Layer(
            qkv: layer.qkv.rows(rows), rawHeads: layer.rawHeads?.rows(rows), attended: layer.attended.rows(rows),
            logSums: layer.logSums.rows(rows), middle: layer.middle.rows(rows), gates: layer.gates.rows(rows),
            inner: layer.inner.map { $0.rows(rows) })
    }

    private func halves(_ gates: MatrixView<Element>) -> (gate: MatrixView<Element>, up: MatrixView<Element>) {
        let size = shape.feedForwardSize
        return (gates.columns(0..<size), gates.columns(size..<2 * size))
    }

    private func activate(_ layer: TransformerBuffers<Element>.Layer) {
        let (gate, up) = halves(layer.gates)
        workers.forEachPart(of: gate.rows, size: 64) { part, _ in
            Element.swiGLU(gate: gate.rows(part), up: up.rows(part), into: buffers.activated.rows(part))
        }
    }

    private func copy(_ source: MatrixView<Element>, to target: MatrixView<Element>) {
        workers.forEachPart(of: source.rows, size: 128) { part, _ in target.rows(part).copy(source.rows(part)) }
    }

    private func normalize(_ x: MatrixView<Element>, _ gain: MatrixView<Element>) {
        workers.forEachPart(of: x.rows, size: 64) { part, _ in
            Element.normalize(x.rows(part), gain: gain, epsilon: epsilon, into: buffers.normed.rows(part))
        }
    }

    private func addNormalizeGradient(
        _ dy: MatrixView<Element>, _ x: MatrixView<Element>, _ gain: MatrixView<Element>, to dx: MatrixView<Element>
    ) {
        workers.forEachPart(of: x.rows, size: 64) { part, _ in
            Element.addNormalizeGradient(dy.rows(part), x.rows(part), gain: gain, epsilon: epsilon, to: dx.rows(part))
        }
    }

    /// Normalises the heads where the architecture does, and turns queries and keys to their positions.
    private func rotate(_ layer: TransformerBuffers<Element>.Layer, _ gains: [MatrixView<Element>], _ batch: TokenBatch)
    {
        let heads = layer.qkv.columns(0..<shape.queryColumns + shape.keyColumns)
        workers.forEachPart(of: heads.rows, size: 64) { part, _ in
            if let raw = layer.rawHeads {
                raw.rows(part).copy(heads.rows(part))
                for row in part {
                    let (q, k) = (byHead(heads, row, of: .queries), byHead(heads, row, of: .keys))
                    Element.normalize(q, gain: gains[2], epsilon: epsilon, into: q)
                    Element.normalize(k, gain: gains[3], epsilon: epsilon, into: k)
                }
            }
            Element.rotate(
                heads.rows(part), cosine: buffers.cosine, sine: buffers.sine, positions: batch.positions[part],
                inverse: false)
        }
    }

    private func rotateBack(
        _ dqkv: MatrixView<Element>, _ layer: TransformerBuffers<Element>.Layer, _ gains: [MatrixView<Element>],
        _ batch: TokenBatch
    ) {
        let heads = dqkv.columns(0..<shape.queryColumns + shape.keyColumns)
        workers.forEachPart(of: heads.rows, size: 64) { part, worker in
            Element.rotate(
                heads.rows(part), cosine: buffers.cosine, sine: buffers.sine, positions: batch.positions[part],
                inverse: true)
            guard let raw = layer.rawHeads else { return }
            let turned = buffers.scratch[worker].columns(0..<heads.columns)
            for row in part {
                turned.copy(heads.rows(row..<row + 1))
                heads.rows(row..<row + 1).fill(0)
                for (kind, gain) in [(HeadKind.queries, gains[2]), (.keys, gains[3])] {
                    Element.addNormalizeGradient(
                        byHead(turned, 0, of: kind), byHead(raw, row, of: kind), gain: gain, epsilon: epsilon,
                        to: byHead(heads, row, of: kind))
                }
            }
        }
    }

    private enum HeadKind { case queries, keys }

    /// A row's heads, one below the other.
    private func byHead(_ heads: MatrixView<Element>, _ row: Int, of kind: HeadKind) -> MatrixView<Element> {
        let columns =
            kind == .queries ? 0..<shape.queryColumns : shape.queryColumns..<shape.queryColumns + shape.keyColumns
        let part = heads.rows(row..<row + 1).columns(columns)
        return unsafe MatrixView(base: part.base, rows: columns.count / shape.headSize, columns: shape.headSize)
    }

    /// The inner values of the last group alone.
    private func innerOfDown(_ index: Int, _ layer: TransformerBuffers<Element>.Layer, _ rows: Range<Int>) {
        groups[index][3].innerForward(buffers.activated.rows(rows), inner: layer.inner[3], dropout: dropout, workers)
    }
}
