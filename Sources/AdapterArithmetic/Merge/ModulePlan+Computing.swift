import Adapters
import LinearAlgebra
import Tensors

extension ModulePlan: ModuleComputation {
    /// Computes the module, one slice after the other.
    ///
    /// - Throws: ``ArithmeticError``, and what reading the inputs throws.
    func computed() throws -> ComputedModule {
        try checkMemory()
        var (a, b, losses): ([UInt8], [UInt8], [Loss]) = ([], [], [])
        for slice in 0..<layout.count {
            let part = try describingErrors { try ModulePlan.slice(slice, of: self) }
            a += part.a
            b += part.b
            losses.append(part.loss)
        }
        return ComputedModule(a: a, b: b, certificate: Loss.certificate(losses, name: name, rank: rank))
    }

    /// One slice of the result; kept factors are not copied.
    private static func slice(_ slice: Int, of plan: ModulePlan) throws -> (a: [UInt8], b: [UInt8], loss: Loss) {
        switch plan.action {
        case .keep:
            let norm = try plan.factors(ofSlice: slice).norm()
            return ([], [], Loss(deltaNorm: plan.outerCoefficient.magnitude * norm))
        case .stack: return try stacked(plan, slice)
        case .truncate: return try truncated(plan, slice)
        }
    }

    private static func stacked(_ plan: ModulePlan, _ slice: Int) throws -> (a: [UInt8], b: [UInt8], loss: Loss) {
        let (rows, rank) = (plan.layout.rows, plan.rank)
        var aBytes: [UInt8] = []
        var products = [Double](repeating: 0, count: rows * rank)
        var a: [Double] = []
        var offset = 0
        for term in plan.terms {
            let part = try TermSlice(term, slice, of: plan)
            a += part.a
            if term.update.a.dtype == plan.dtype {
                aBytes += try TermSlice.bytes(term.update.a, slice, of: plan)
            } else {
                aBytes += try Rounding.bytes(part.a, plan.dtype)
            }
            let coefficient = plan.innerCoefficient(term)
            for row in 0..<rows {
                for column in 0..<part.inner {
                    products[row * rank + offset + column] = coefficient * part.b[row * part.inner + column]
                }
            }
            offset += part.inner
        }
        let bBytes = try Rounding.bytes(products, plan.dtype)
        let stored = (a: Widening.doubles(aBytes, plan.dtype), b: Widening.doubles(bBytes, plan.dtype))
        let exact = try plan.pair(a, products)
        let roundingError = try exact.distance(
            toStored: plan.pair(stored.a, stored.b),
            residual: plan.pair(zip(a, stored.a).map { $0 - $1 }, zip(products, stored.b).map { $0 - $1 }))
        let outer = plan.outerCoefficient.magnitude
        return (
            aBytes, bBytes, Loss(deltaNorm: outer * (try exact.norm()), roundingError: outer * roundingError)
        )
    }

    private static func truncated(_ plan: ModulePlan, _ slice: Int) throws -> (a: [UInt8], b: [UInt8], loss: Loss) {
        let (factors, spectrum) = try plan.factors(ofSlice: slice).truncated(to: plan.rank)
        let (a, b) = (factors.aTransposed.elements, factors.b.rowMajor)
        let bytes = (a: try Rounding.bytes(a, plan.dtype), b: try Rounding.bytes(b, plan.dtype))
        let stored = (a: Widening.doubles(bytes.a, plan.dtype), b: Widening.doubles(bytes.b, plan.dtype))
        let roundingError = try factors.distance(
            toStored: plan.pair(stored.a, stored.b),
            residual: plan.pair(zip(a, stored.a).map { $0 - $1 }, zip(b, stored.b).map { $0 - $1 }))
        let dropped = spectrum.dropFirst(plan.rank)
        return (
            bytes.a, bytes.b,
            Loss(
                deltaNorm: Matrix.norm(spectrum[...]), truncationError: Matrix.norm(dropped),
                largestDropped: dropped.first ?? 0, roundingError: roundingError)
        )
    }
}

extension ModulePlan {
    /// Factors of the result's rank from elements that lie row by row.
    fileprivate func pair(_ a: [Double], _ b: [Double]) throws -> FactorPair {
        FactorPair(
            b: try Matrix(rows: layout.rows, columns: rank, rowMajor: b),
            aTransposed: try Matrix(rows: layout.columns, columns: rank, columnMajor: a))
    }
}
