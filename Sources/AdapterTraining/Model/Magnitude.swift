/// DoRA's magnitudes of one layer (arXiv 2402.09353): y = m / ‖W + s·B·A‖ ∘ (x·Wᵀ + s·(x·Aᵀ)·Bᵀ), the norm taken of each
/// row and, as the paper proposes, without a gradient.
package struct Magnitude<Element: ComputeElement>: Sendable {
    /// m, a value for each output; these are matrices of one row.
    package let values: MatrixView<Element>
    /// Where its gradient is added up; nil when it is frozen.
    package let gradient: MatrixView<Element>?
    /// ‖W‖² of each row.
    package let squares: MatrixView<Element>
    /// ‖W + s·B·A‖ of each row.
    package let norms: MatrixView<Element>
    /// m over the norm.
    package let ratios: MatrixView<Element>
}

extension LinearGroup {
    /// Whether any of its layers has magnitudes.
    package var hasMagnitudes: Bool { runs.contains { $0.parts.contains { $0.magnitude != nil } } }

    /// The update of a layer that has magnitudes, and its run's columns of the inner values.
    func magnitudePart(_ linear: Int) -> (part: LowRankRun<Element>.Part, inner: Range<Int>, a: MatrixView<Element>)? {
        for (run, columns) in placedRuns {
            for part in run.parts where part.linear == linear && part.magnitude != nil {
                let start = columns.lowerBound + part.inner.lowerBound
                return (part, start..<start + part.inner.count, run.a.rows(part.inner))
            }
        }
        return nil
    }

    /// Computes the norms for the present A and B:
    /// ‖wᵢ + s·bᵢ·A‖² = ‖wᵢ‖² + 2s·bᵢ·(A·wᵢ) + s²·bᵢ·(A·Aᵀ)·bᵢ, so the sum is never formed.
    package func updateNorms(
        isFirst: Bool, _ workers: Workers, scratch: [MatrixView<Element>], room: [MatrixView<Element>]
    ) {
        for (index, linear) in linears.enumerated() {
            guard let (part, _, a) = magnitudePart(index), let magnitude = part.magnitude else { continue }
            let rank = a.rows
            workers.forEachPart(of: linear.weight.rows, size: Self.partSize) { rows, worker in
                func matrix(_ start: Int, _ rows: Int) -> MatrixView<Element> {
                    unsafe MatrixView(
                        base: room[worker].columns(start..<start + rows * rank).base, rows: rows, columns: rank)
                }
                let panel = linear.weight.panel(rows, 0..<linear.weight.columns, in: scratch[worker])
                let (crossed, gram) = (matrix(0, rows.count), matrix(rows.count * rank, rank))
                let turned = matrix((rows.count + rank) * rank, rows.count)
                let b = part.b.rows(rows)
                Element.multiply(1, panel, transposed: false, a, transposed: true, adding: 0, to: crossed)
                Element.multiply(1, a, transposed: false, a, transposed: true, adding: 0, to: gram)
                Element.multiply(1, b, transposed: false, gram, transposed: false, adding: 0, to: turned)
                for (local, row) in rows.enumerated() {
                    let line = local..<local + 1
                    if isFirst {
                        magnitude.squares[0, row] = Element(Element.dot(panel.rows(line), panel.rows(line)))
                    }
                    let scaling = Double(part.scaling)
                    let square =
                        Double(magnitude.squares[0, row]) + 2 * scaling * Element.dot(b.rows(line), crossed.rows(line))
                        + scaling * scaling * Element.dot(b.rows(line), turned.rows(line))
                    magnitude.norms[0, row] = Element(max(square, 0).squareRoot())
                    // A row that is zero has no direction; it stays zero.
                    magnitude.ratios[0, row] =
                        magnitude.norms[0, row] > 0 ? magnitude.values[0, row] / magnitude.norms[0, row] : 0
                }
            }
        }
    }

    /// The elements of `room` that ``updateNorms(isFirst:_:scratch:room:)`` needs.
    package var normRoomCount: Int {
        let rank = runs.flatMap(\.parts).map(\.inner.count).max() ?? 0
        return (2 * Self.partSize + rank) * rank
    }

    /// A part of a layer's output before magnitudes: x·Wᵀ + s·u·Bᵀ.
    func directed(
        _ index: Int, _ part: Range<Int>, _ x: MatrixView<Element>, _ u: MatrixView<Element>,
        rounded: MatrixView<UInt16>?, scratch: MatrixView<Element>, room: MatrixView<Element>
    ) -> MatrixView<Element> {
        let result = unsafe MatrixView(
            base: room.columns(0..<x.rows * part.count).base, rows: x.rows, columns: part.count)
        linears[index].weight.multiply(x, rounded: rounded, byRows: part, adding: false, to: result, scratch: scratch)
        if let (update, inner, _) = magnitudePart(index) {
            Element.multiply(
                update.scaling, u.columns(inner), transposed: false, update.b.rows(part), transposed: true, adding: 1,
                to: result)
        }
        return result
    }

    /// Adds the gradients of the magnitudes, and writes the gradient of what they scale to `scaled`.
    func scaleGradient(
        _ dy: MatrixView<Element>, _ x: MatrixView<Element>, _ u: MatrixView<Element>, into scaled: MatrixView<Element>,
        _ dropout: Dropout<Element>?, rounding: Rounded<Element>?, _ workers: Workers, scratch: [MatrixView<Element>],
        room: [MatrixView<Element>]
    ) {
        func scale(_ indices: [Int], _ x: MatrixView<Element>) {
            let rounded = rounding.map { $0.round(x, workers) }
            let tasks = indices.flatMap { index in
                Workers.parts(of: linears[index].weight.rows, size: Self.partSize).map { (index, $0) }
            }
            workers.forEach(tasks.count) { task, worker in
                let (index, part) = tasks[task]
                let start = outputs[index].lowerBound
                let columns = start + part.lowerBound..<start + part.upperBound
                guard let magnitude = magnitudePart(index)?.part.magnitude else {
                    return scaled.columns(columns).copy(dy.columns(columns))
                }
                Element.scaleColumns(
                    dy.columns(columns), by: magnitude.ratios.columns(part), adding: false, to: scaled.columns(columns))
                guard let gradient = magnitude.gradient else { return }
                let output = directed(index, part, x, u, rounded: rounded, scratch: scratch[worker], room: room[worker])
                let sums = scratch[worker].columns(0..<part.count)
                sums.fill(0)
                Element.addColumnProducts(dy.columns(columns), output, to: sums)
                for (local, row) in part.enumerated() where magnitude.norms[0, row] > 0 {
                    gradient[0, row] += sums[0, local] / magnitude.norms[0, row]
                }
            }
        }
        scale(linears.indices.filter { !dropsInput($0, dropout) }, x)
        forEachDropped(x, dropout, workers) { index, dropped in scale([index], dropped) }
    }
}
