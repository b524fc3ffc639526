/// Dropout before A, as PEFT does it: each trained update drops its own elements of the input.
///
/// What is dropped follows from the seed, the step, the batch within the step, the update and the element alone, so
/// backward and a recomputed forward drop the same.
package struct Dropout<Element: ComputeElement>: Sendable {
    /// The part of the elements that is dropped, 0 ..< 1.
    package let probability: Double
    /// Chosen by seed, step and batch.
    package let key: UInt64
    /// Room for an input.
    package let masked: MatrixView<Element>

    package init(probability: Double, key: UInt64, masked: MatrixView<Element>) {
        self.probability = probability
        self.key = key
        self.masked = masked
    }

    func apply(_ number: Int, to x: MatrixView<Element>, _ workers: Workers) -> MatrixView<Element> {
        let target = unsafe MatrixView(base: masked.base, rows: x.rows, columns: x.columns)
        workers.forEachPart(of: x.rows, size: 64) { rows, _ in
            for row in rows {
                Element.drop(
                    x.rows(row..<row + 1), probability: probability,
                    key: CounterBasedRandom.mix(key, UInt64(number) << 40 | UInt64(row)),
                    into: target.rows(row..<row + 1))
            }
        }
        return target
    }

    /// The inner values of a run; frozen ones see the whole input.
    func inner(
        _ x: MatrixView<Element>, _ run: LowRankRun<Element>, into u: MatrixView<Element>, _ workers: Workers
    ) {
        for part in run.parts {
            let input = run.aGradient == nil ? x : apply(part.number, to: x, workers)
            workers.forEachPart(of: x.rows, size: 64) { rows, _ in
                Element.multiply(
                    1, input.rows(rows), transposed: false, run.a.rows(part.inner), transposed: true, adding: 0,
                    to: u.rows(rows).columns(part.inner))
            }
        }
    }

    /// Adds the gradients of a trained run's A.
    func addAGradient(
        _ du: MatrixView<Element>, _ x: MatrixView<Element>, _ run: LowRankRun<Element>, _ workers: Workers
    ) {
        guard let aGradient = run.aGradient else { return }
        for part in run.parts {
            let input = apply(part.number, to: x, workers)
            workers.forEachPart(of: x.columns, size: LinearGroup<Element>.partSize) { columns, _ in
                Element.multiply(
                    1, du.columns(part.inner), transposed: true, input.columns(columns), transposed: false, adding: 1,
                    to: aGradient.rows(part.inner).columns(columns))
            }
        }
    }

    /// Adds what the inner values' gradient means for the input.
    ///
    /// - Parameter add: adds what else comes from the part's dropped input, before elements are dropped.
    func addInputGradient(
        _ du: MatrixView<Element>, _ run: LowRankRun<Element>, to dx: MatrixView<Element>, _ workers: Workers,
        adding add: (LowRankRun<Element>.Part, MatrixView<Element>) -> Void
    ) {
        for part in run.parts {
            let gradient = unsafe MatrixView(base: masked.base, rows: dx.rows, columns: dx.columns)
            workers.forEachPart(of: dx.columns, size: LinearGroup<Element>.partSize) { columns, _ in
                Element.multiply(
                    1, du.columns(part.inner), transposed: false, run.a.rows(part.inner).columns(columns),
                    transposed: false, adding: 0, to: gradient.columns(columns))
            }
            add(part, gradient)
            let dropped = run.aGradient == nil ? gradient : apply(part.number, to: gradient, workers)
            workers.forEachPart(of: dx.rows, size: 64) { rows, _ in
                Element.add(dropped.rows(rows), scale: 1, to: dx.rows(rows))
            }
        }
    }
}
