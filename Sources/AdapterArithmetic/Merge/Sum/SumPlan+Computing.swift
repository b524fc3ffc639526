import Adapters
import LinearAlgebra
import Tensors

extension SumPlan {
    /// Computes the module, one slice after the other.
    ///
    /// - Throws: ``ArithmeticError``, and what reading the inputs throws.
    func computed() throws -> ComputedModule {
        try module.checkMemory(storesAll: !keepsFactors)
        return try module.describingErrors {
            let coefficients = try innerCoefficients()
            var (a, b, losses): ([UInt8], [UInt8], [Loss]) = ([], [], [])
            for slice in 0..<module.layout.count {
                let part = try computed(slice, coefficients)
                a += part.a
                b += part.b
                losses.append(part.loss)
            }
            return ComputedModule(a: a, b: b, certificate: Loss.certificate(losses, name: module.name, rank: rank))
        }
    }

    /// One slice of the result; kept factors are not copied.
    private func computed(_ slice: Int, _ coefficients: [Double]) throws -> StoredSlice {
        switch action {
        case .keep:
            let norm = try keptNorm(slice, coefficients)
            return StoredSlice(a: [], b: [], loss: Loss(deltaNorm: outerCoefficient.magnitude * norm))
        case .stack: return try stacked(slice, coefficients)
        case .truncate:
            let (factors, spectrum) = try factors(ofSlice: slice, coefficients).truncated(to: rank)
            let dropped = spectrum.dropFirst(rank)
            return try module.store(
                factors, rank: rank,
                Loss(
                    deltaNorm: Matrix.norm(spectrum[...]), truncationError: Matrix.norm(dropped),
                    largestDropped: dropped.first ?? 0))
        }
    }

    /// ‖B·A‖ of the only term.
    private func keptNorm(_ slice: Int, _ coefficients: [Double]) throws -> Double {
        // Beyond that inner products would be larger than the factors.
        guard rank <= min(module.layout.rows, module.layout.columns) else {
            return try factors(ofSlice: slice, coefficients).norm()
        }
        let part = try module.parts(ofSlice: slice)[0]
        let a = try Matrix(rows: module.layout.columns, columns: part.inner, columnMajor: part.a)
        return try norm(part.b.map { $0 * coefficients[0] }, a, a.gram(), zeroesNoise: true)
    }

    private func stacked(_ slice: Int, _ coefficients: [Double]) throws -> StoredSlice {
        let (rows, dtype) = (module.layout.rows, module.dtype)
        var aBytes: [UInt8] = []
        var products = [Double](repeating: 0, count: rows * rank)
        var a: [Double] = []
        a.reserveCapacity(rank * module.layout.columns)
        var offset = 0
        let parts = try module.parts(ofSlice: slice)
        for (term, (part, coefficient)) in zip(module.terms, zip(parts, coefficients)) {
            a += part.a
            aBytes += term.update.a.dtype == dtype ? part.aBytes : try Rounding.bytes(part.a, dtype)
            part.addB(to: &products, at: offset, width: rank, coefficient)
            offset += part.inner
        }
        let bBytes = try Rounding.bytes(products, dtype)
        return StoredSlice(a: aBytes, b: bBytes, loss: try stackedLoss(a, aBytes, products, bBytes))
    }

    /// What storing stacked factors costs.
    private func stackedLoss(_ a: [Double], _ aBytes: [UInt8], _ b: [Double], _ bBytes: [UInt8]) throws -> Loss {
        let outer = outerCoefficient.magnitude
        let dtype = module.dtype
        let bResidual = Widening.differences(b, bBytes, dtype)
        guard module.terms.allSatisfy({ $0.update.a.dtype == dtype }),
            rank <= min(module.layout.rows, module.layout.columns)
        else {
            let exact = try module.pair(a: a, b: b, inner: rank)
            let roundingError = try exact.distance(
                toStored: module.pair(
                    a: Widening.doubles(aBytes, dtype), b: Widening.doubles(bBytes, dtype), inner: rank),
                residual: module.pair(a: Widening.differences(a, aBytes, dtype), b: bResidual, inner: rank))
            return Loss(deltaNorm: outer * (try exact.norm()), roundingError: outer * roundingError)
        }
        // A is exact: what is lost is ‖(B − B')·A‖.
        let aTransposed = try Matrix(rows: module.layout.columns, columns: rank, columnMajor: a)
        let inA = try aTransposed.gram()
        return Loss(
            deltaNorm: outer * (try norm(b, aTransposed, inA, zeroesNoise: true)),
            roundingError: outer * (try norm(bResidual, aTransposed, inA, zeroesNoise: false)))
    }

    /// ‖B·A‖ with B row by row and A·Aᵀ known.
    private func norm(_ b: [Double], _ aTransposed: Matrix, _ inA: Matrix, zeroesNoise: Bool) throws -> Double {
        let bTransposed = try Matrix(rows: aTransposed.columns, columns: module.layout.rows, columnMajor: b)
        if let norm = FactorPair.norm(try bTransposed.gramOfRows(), inA) { return norm }
        let pair = FactorPair(b: bTransposed.transposed(), aTransposed: aTransposed)
        return zeroesNoise ? try pair.norm() : try pair.productNorm()
    }
}
