/// Magnitudes beside dropout, as PEFT has them: what they change acts on the dropped input x̂, the weight alone on the whole
/// one. With g = m / ‖W + s·B·A‖, y = x·Wᵀ + (g − 1) ∘ (x̂·Wᵀ) + g ∘ s·(x̂·Aᵀ)·Bᵀ.
extension LinearGroup {
    /// Whether a layer has trained magnitudes and drops elements of its input.
    func dropsInput(_ linear: Int, _ dropout: Dropout<Element>?) -> Bool {
        dropout != nil && magnitudePart(linear)?.part.bGradient != nil
    }

    /// Hands over each such layer with its dropped input, which lasts until the next.
    func forEachDropped(
        _ x: MatrixView<Element>, _ dropout: Dropout<Element>?, _ workers: Workers,
        _ body: (Int, MatrixView<Element>) -> Void
    ) {
        guard let dropout else { return }
        for index in linears.indices where dropsInput(index, dropout) {
            guard let (part, _, _) = magnitudePart(index) else { continue }
            body(index, dropout.apply(part.number, to: x, workers))
        }
    }

    /// Adds (g − 1) ∘ (x̂·Wᵀ) + g ∘ s·u·Bᵀ, where u are the inner values of x̂.
    func addDropped(
        _ x: MatrixView<Element>, _ u: MatrixView<Element>, _ dropout: Dropout<Element>, rounding: Rounded<Element>?,
        to y: MatrixView<Element>, _ workers: Workers, scratch: [MatrixView<Element>], room: [MatrixView<Element>]
    ) {
        forEachDropped(x, dropout, workers) { index, dropped in
            guard let (update, inner, _) = magnitudePart(index), let magnitude = update.magnitude else { return }
            let rounded = rounding.map { $0.round(dropped, workers) }
            let start = outputs[index].lowerBound
            workers.forEachPart(of: linears[index].weight.rows, size: Self.partSize) { part, worker in
                let target = y.columns(start + part.lowerBound..<start + part.upperBound)
                let product = unsafe MatrixView(
                    base: room[worker].columns(0..<x.rows * part.count).base, rows: x.rows, columns: part.count)
                linears[index].weight.multiply(
                    dropped, rounded: rounded, byRows: part, adding: false, to: product, scratch: scratch[worker])
                Element.add(product, scale: -1, to: target)
                Element.multiply(
                    update.scaling, u.columns(inner), transposed: false, update.b.rows(part), transposed: true,
                    adding: 1, to: product)
                Element.scaleColumns(product, by: magnitude.ratios.columns(part), adding: true, to: target)
            }
        }
    }

    /// Turns g ∘ dy into (g − 1) ∘ dy for layers that drop elements of their input.
    func keepMagnitudeGradient(
        of dy: MatrixView<Element>, in scaled: MatrixView<Element>, _ dropout: Dropout<Element>, _ workers: Workers
    ) {
        for index in linears.indices where dropsInput(index, dropout) {
            workers.forEachPart(of: dy.rows, size: 64) { rows, _ in
                Element.add(
                    dy.rows(rows).columns(outputs[index]), scale: -1, to: scaled.rows(rows).columns(outputs[index]))
            }
        }
    }
}
