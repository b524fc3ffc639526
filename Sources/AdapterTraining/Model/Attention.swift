/// Causal attention within each segment of a batch, tile by tile; of its weights nothing is kept but the logarithms of
/// their sums (Dao et al., arXiv 2205.14135).
package struct Attention<Element: ComputeElement>: Sendable {
    /// The queries of a tile.
    package static var tileRows: Int { 64 }

    private let shape: TransformerShape
    private let scale: Element

    package init(_ shape: TransformerShape) {
        self.shape = shape
        scale = Element(1 / Double(shape.headSize).squareRoot())
    }

    /// The elements that a worker needs for segments of that length.
    package static func scratchCount(segmentLength: Int) -> Int { 2 * tileRows * segmentLength + tileRows }

    /// The result of each head in its columns of `output`; `logSums` has a column for each head.
    ///
    /// - Parameter qkv: queries, keys and values side by side, rotated.
    package func forward(
        _ qkv: MatrixView<Element>, segments: [Range<Int>], into output: MatrixView<Element>,
        logSums: MatrixView<Element>, _ workers: Workers, scratch: [MatrixView<Element>]
    ) {
        workers.forEach(segments.count * shape.headCount) { task, worker in
            let (segment, head) = (segments[task / shape.headCount], task % shape.headCount)
            let (q, k, v) = views(qkv, head)
            for tile in tiles(segment) {
                let scores = view(scratch[worker], 0, tile.count, tile.upperBound - segment.lowerBound)
                let seen = segment.lowerBound..<tile.upperBound
                Element.multiply(
                    1, q.rows(tile), transposed: false, k.rows(seen), transposed: true, adding: 0, to: scores)
                Element.softmax(
                    scores, firstCount: tile.lowerBound - segment.lowerBound + 1, scale: scale,
                    logSum: logSums.rows(tile).columns(head..<head + 1))
                Element.multiply(
                    1, scores, transposed: false, v.rows(seen), transposed: false, adding: 0,
                    to: output.rows(tile).columns(columns(head)))
            }
        }
    }

    /// The gradient of queries, keys and values for that of the output.
    package func backward(
        _ gradient: MatrixView<Element>, _ qkv: MatrixView<Element>, output: MatrixView<Element>,
        logSums: MatrixView<Element>, segments: [Range<Int>], into dqkv: MatrixView<Element>, _ workers: Workers,
        scratch: [MatrixView<Element>]
    ) {
        let group = shape.headCount / shape.keyHeadCount
        // Heads that share keys add to the same gradients, so one task takes them all.
        workers.forEach(segments.count * shape.keyHeadCount) { task, worker in
            let (segment, keyHead) = (segments[task / shape.keyHeadCount], task % shape.keyHeadCount)
            let (_, dk, dv) = views(dqkv, keyHead * group)
            dk.rows(segment).fill(0)
            dv.rows(segment).fill(0)
            for head in keyHead * group..<(keyHead + 1) * group {
                backward(
                    head, segment, gradient.columns(columns(head)), qkv, output.columns(columns(head)),
                    logSums.columns(head..<head + 1), into: dqkv, scratch[worker])
            }
        }
    }

    private func backward(
        _ head: Int, _ segment: Range<Int>, _ gradient: MatrixView<Element>, _ qkv: MatrixView<Element>,
        _ output: MatrixView<Element>, _ logSums: MatrixView<Element>, into dqkv: MatrixView<Element>,
        _ scratch: MatrixView<Element>
    ) {
        let (q, k, v) = views(qkv, head)
        let (dq, dk, dv) = views(dqkv, head)
        for tile in tiles(segment) {
            let seen = segment.lowerBound..<tile.upperBound
            let count = tile.count * seen.count
            let weights = view(scratch, 0, tile.count, seen.count)
            let change = view(scratch, count, tile.count, seen.count)
            let mean = view(scratch, 2 * count, tile.count, 1)
            let dy = gradient.rows(tile)
            Element.multiply(1, q.rows(tile), transposed: false, k.rows(seen), transposed: true, adding: 0, to: weights)
            Element.multiply(1, dy, transposed: false, v.rows(seen), transposed: true, adding: 0, to: change)
            for (index, row) in tile.enumerated() {
                mean[index, 0] = Element(Element.dot(dy.rows(index..<index + 1), output.rows(row..<row + 1)))
            }
            Element.softmaxGradient(
                weights, change, firstCount: tile.lowerBound - segment.lowerBound + 1, scale: scale,
                logSum: logSums.rows(tile), mean: mean)
            Element.multiply(
                1, weights, transposed: true, dy, transposed: false, adding: 1, to: dv.rows(seen))
            Element.multiply(
                scale, change, transposed: false, k.rows(seen), transposed: false, adding: 0, to: dq.rows(tile))
            Element.multiply(
                scale, change, transposed: true, q.rows(tile), transposed: false, adding: 1, to: dk.rows(seen))
        }
    }

    private func tiles(_ segment: Range<Int>) -> [Range<Int>] {
        stride(from: segment.lowerBound, to: segment.upperBound, by: Self.tileRows).map {
            $0..<min($0 + Self.tileRows, segment.upperBound)
        }
    }

    private func columns(_ head: Int) -> Range<Int> { head * shape.headSize..<(head + 1) * shape.headSize }

    /// The columns of a head's queries and of the keys and values that it looks at.
    private func views(
        _ qkv: MatrixView<Element>, _ head: Int
    ) -> (q: MatrixView<Element>, k: MatrixView<Element>, v: MatrixView<Element>) {
        let keyHead = head / (shape.headCount / shape.keyHeadCount)
        return (
            qkv.columns(columns(head)), qkv.columns(columns(shape.headCount + keyHead)),
            qkv.columns(columns(shape.headCount + shape.keyHeadCount + keyHead))
        )
    }

    private func view(_ scratch: MatrixView<Element>, _ start: Int, _ rows: Int, _ columns: Int) -> MatrixView<Element>
    {
        let part = scratch.columns(start..<start + rows * columns)
        return unsafe MatrixView(base: part.base, rows: rows, columns: columns)
    }
}
