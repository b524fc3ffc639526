/// Linear layers that share an input, with their low-rank updates: y = x·Wᵀ + bias + Σ s·(x·Aᵀ)·Bᵀ for each.
///
/// The outputs lie side by side in one matrix, and so do the inner values u = x·Aᵀ, which backward needs again.
package struct LinearGroup<Element: ComputeElement>: Sendable {
    /// The rows or columns of a weight that one task takes.
    package static var partSize: Int { 256 }

    package let linears: [TransformerWeights<Element>.Linear]
    /// The columns of each layer in the output.
    package let outputs: [Range<Int>]
    /// The trained updates and the frozen ones, each where there are any.
    package let runs: [LowRankRun<Element>]

    package init(_ linears: [TransformerWeights<Element>.Linear], runs: [LowRankRun<Element>] = []) {
        self.linears = linears
        self.runs = runs
        var start = 0
        var outputs: [Range<Int>] = []
        for linear in linears {
            outputs.append(start..<start + linear.weight.rows)
            start += linear.weight.rows
        }
        self.outputs = outputs
    }

    /// The columns of the input.
    package var inputColumns: Int { linears[0].weight.columns }
    /// The columns of the output.
    package var outputColumns: Int { outputs.last?.upperBound ?? 0 }
    /// The columns of the inner values.
    package var innerColumns: Int { runs.reduce(0) { $0 + $1.a.rows } }
    /// Whether any of its updates is trained.
    package var isTrained: Bool { runs.contains { $0.aGradient != nil } }
    /// The elements that a worker needs to work on it.
    package var scratchCount: Int { Self.partSize * max(inputColumns, FrozenMatrix<Element>.panelRows) }

    /// The runs with their columns of the inner values.
    var placedRuns: [(run: LowRankRun<Element>, columns: Range<Int>)] {
        var start = 0
        return runs.map { run in
            defer { start += run.a.rows }
            return (run, start..<start + run.a.rows)
        }
    }

    /// y = x·Wᵀ + …, or y += … when asked to; u receives the inner values.
    package func forward(
        _ x: MatrixView<Element>, into y: MatrixView<Element>, adding: Bool = false, inner u: MatrixView<Element>,
        dropout: Dropout<Element>? = nil, rounding: Rounded<Element>? = nil, _ workers: Workers,
        scratch: [MatrixView<Element>], room: [MatrixView<Element>] = []
    ) {
        innerForward(x, inner: u, dropout: dropout, workers)
        let runs = placedRuns
        let rounded = rounding.map { $0.round(x, workers) }
        let tasks = linears.enumerated().flatMap { index, linear in
            Workers.parts(of: linear.weight.rows, size: Self.partSize).map { (index, $0) }
        }
        workers.forEach(tasks.count) { task, worker in
            let (index, part) = tasks[task]
            let linear = linears[index]
            let start = outputs[index].lowerBound
            let target = y.columns(start + part.lowerBound..<start + part.upperBound)
            let magnitude = dropsInput(index, dropout) ? nil : magnitudePart(index)?.part.magnitude
            if let magnitude {
                let output = directed(
                    index, part, x, u, rounded: rounded, scratch: scratch[worker], room: room[worker])
                Element.scaleColumns(output, by: magnitude.ratios.columns(part), adding: adding, to: target)
            } else {
                linear.weight.multiply(
                    x, rounded: rounded, byRows: part, adding: adding, to: target, scratch: scratch[worker])
            }
            if let bias = linear.bias {
                let values = bias.panel(0..<1, part, in: scratch[worker])
                for row in 0..<target.rows { Element.add(values, scale: 1, to: target.rows(row..<row + 1)) }
            }
            for (run, columns) in runs {
                for update in run.parts where update.linear == index && update.magnitude == nil {
                    Element.multiply(
                        update.scaling, u.columns(columns).columns(update.inner), transposed: false,
                        update.b.rows(part),
                        transposed: true, adding: 1, to: target)
                }
            }
        }
        if let dropout {
            addDropped(x, u, dropout, rounding: rounding, to: y, workers, scratch: scratch, room: room)
        }
    }

    /// The inner values u = x·Aᵀ alone.
    package func innerForward(
        _ x: MatrixView<Element>, inner u: MatrixView<Element>, dropout: Dropout<Element>?, _ workers: Workers
    ) {
        let runs = placedRuns
        if let dropout {
            for (run, columns) in runs { dropout.inner(x, run, into: u.columns(columns), workers) }
            return
        }
        workers.forEachPart(of: x.rows, size: 64) { rows, _ in
            for (run, columns) in runs {
                Element.multiply(
                    1, x.rows(rows), transposed: false, run.a, transposed: true, adding: 0,
                    to: u.rows(rows).columns(columns))
            }
        }
    }

    /// Adds the gradients of the trained updates for the gradient dy of the output, and writes that of the input to dx
    /// unless nobody needs it. `du` is room for the gradient of the inner values.
    package func backward(
        _ dy: MatrixView<Element>, _ x: MatrixView<Element>, inner u: MatrixView<Element>,
        innerGradient du: MatrixView<Element>, into dx: MatrixView<Element>?, dropout: Dropout<Element>? = nil,
        rounding: Rounded<Element>? = nil, _ workers: Workers, scratch: [MatrixView<Element>],
        room: [MatrixView<Element>] = [], scaled: MatrixView<Element>? = nil
    ) {
        let runs = placedRuns
        // Magnitudes stand behind the weight and their own update, so both see the scaled gradient.
        var direct = dy
        if hasMagnitudes, let scaled {
            direct = unsafe MatrixView(
                base: scaled.columns(0..<dy.rows * dy.columns).base, rows: dy.rows, columns: dy.columns)
            scaleGradient(
                dy, x, u, into: direct, dropout, rounding: rounding, workers, scratch: scratch, room: room)
        }
        func gradient(_ part: LowRankRun<Element>.Part) -> MatrixView<Element> { part.magnitude == nil ? dy : direct }
        workers.forEachPart(of: dy.rows, size: 64) { rows, _ in
            for (run, columns) in runs where run.aGradient != nil || dx != nil {
                for update in run.parts {
                    Element.multiply(
                        update.scaling, gradient(update).rows(rows).columns(outputs[update.linear]), transposed: false,
                        update.b, transposed: false, adding: 0, to: du.rows(rows).columns(columns).columns(update.inner)
                    )
                }
            }
        }
        addUpGradients(gradient, x, u, du, runs, dropout, workers)
        guard let dx else { return }
        // The weight itself sees the whole input, so its gradient there is dy; what magnitudes add follows below.
        if let dropout { keepMagnitudeGradient(of: dy, in: direct, dropout, workers) }
        let wholes = linears.indices.filter { dropsInput($0, dropout) }
        multiply(dy, by: wholes, adding: false, to: dx, rounding: rounding, workers, scratch: scratch)
        let others = linears.indices.filter { !dropsInput($0, dropout) }
        multiply(
            direct, by: others, adding: !wholes.isEmpty, to: dx, rounding: rounding, workers, scratch: scratch
        ) { columns, target in
            guard dropout == nil else { return }
            for (run, inner) in runs {
                Element.multiply(
                    1, du.columns(inner), transposed: false, run.a.columns(columns), transposed: false, adding: 1,
                    to: target)
            }
        }
        guard let dropout else { return }
        for (run, inner) in runs {
            dropout.addInputGradient(du.columns(inner), run, to: dx, workers) { part, gradient in
                guard dropsInput(part.linear, dropout) else { return }
                multiply(
                    direct, by: [part.linear], adding: true, to: gradient, rounding: rounding, workers, scratch: scratch
                )
            }
        }
    }

    /// Adds or writes the products of a gradient's columns with the weights of some layers.
    ///
    /// - Parameter finish: is given some columns of dx when they are done.
    private func multiply(
        _ gradient: MatrixView<Element>, by indices: [Int], adding: Bool, to dx: MatrixView<Element>,
        rounding: Rounded<Element>?, _ workers: Workers, scratch: [MatrixView<Element>],
        finish: (Range<Int>, MatrixView<Element>) -> Void = { _, _ in }
    ) {
        guard !indices.isEmpty else { return }
        let rounded = rounding.map { $0.round(gradient, workers) }
        workers.forEachPart(of: inputColumns, size: Self.partSize) { columns, worker in
            let target = dx.columns(columns)
            for (position, index) in indices.enumerated() {
                linears[index].weight.multiply(
                    gradient.columns(outputs[index]), rounded: rounded?.columns(outputs[index]), byColumns: columns,
                    adding: adding || position > 0, to: target, scratch: scratch[worker])
            }
            finish(columns, target)
        }
    }

    private func addUpGradients(
        _ gradient: (LowRankRun<Element>.Part) -> MatrixView<Element>, _ x: MatrixView<Element>,
        _ u: MatrixView<Element>, _ du: MatrixView<Element>,
        _ runs: [(run: LowRankRun<Element>, columns: Range<Int>)], _ dropout: Dropout<Element>?, _ workers: Workers
    ) {
        for (run, inner) in runs {
            guard let aGradient = run.aGradient else { continue }
            if let dropout {
                dropout.addAGradient(du.columns(inner), x, run, workers)
            } else {
                workers.forEachPart(of: inputColumns, size: Self.partSize) { columns, _ in
                    Element.multiply(
                        1, du.columns(inner), transposed: true, x.columns(columns), transposed: false, adding: 1,
                        to: aGradient.columns(columns))
                }
            }
            let tasks = run.parts.flatMap { part in
                Workers.parts(of: outputs[part.linear].count, size: Self.partSize).map { (part, $0) }
            }
            workers.forEach(tasks.count) { task, _ in
                let (part, rows) = tasks[task]
                guard let bGradient = part.bGradient else { return }
                let start = outputs[part.linear].lowerBound
                Element.multiply(
                    part.scaling, gradient(part).columns(start + rows.lowerBound..<start + rows.upperBound),
                    transposed: true,
                    u.columns(inner).columns(part.inner), transposed: false, adding: 1, to: bGradient.rows(rows))
            }
        }
    }
}
