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
            let slices = try (0..<module.layout.count).map { try computed($0, coefficients) }
            return ComputedModule(slices, name: module.name, rank: rank)
        }
    }

    /// One slice of the result; kept factors are not copied, unless they are passed on.
    private func computed(_ slice: Int, _ coefficients: [Double]) throws -> StoredSlice {
        switch action {
        case .keep:
            let part = try module.parts(ofSlice: slice)[0]
            let norm = try keptNorm(part, slice, coefficients[0])
            let kept = passesFactorsOn ? (part.storedA.bytes, part.storedB.bytes) : ([], [])
            return StoredSlice(a: kept.0, b: kept.1, loss: Loss(deltaNorm: outerCoefficient.magnitude * norm))
        case .stack: return try stacked(slice, coefficients)
        case .truncate:
            let (factors, spectrum) = try factors(ofSlice: slice, coefficients).truncated(
                to: rank, found.isEmpty ? nil : found[slice])
            let dropped = spectrum.dropFirst(rank)
            return try module.store(
                factors, rank: rank,
                Loss(
                    deltaNorm: Matrix.norm(spectrum[...]), truncationError: Matrix.norm(dropped),
                    largestDropped: dropped.first ?? 0))
        }
    }

    /// ‖B·A‖ of the only term.
    private func keptNorm(_ part: TermSlice, _ slice: Int, _ coefficient: Double) throws -> Double {
        let (layout, update) = (module.layout, module.terms[0].update)
        let dtype = update.a.dtype
        // Beyond that inner products would be larger than the factors.
        if TermSlice.hasPanels(dtype), update.b.dtype == dtype, rank <= min(layout.rows, layout.columns),
            let norm = FactorPair.norm(
                ofFloats: try part.gramOfB(rows: layout.rows, dtype),
                try TermSlice.gramOfA([part], columns: layout.columns, dtype))
        {
            return coefficient.magnitude * norm
        }
        return try factors(ofSlice: slice, [coefficient]).norm()
    }

    private func stacked(_ slice: Int, _ coefficients: [Double]) throws -> StoredSlice {
        let (rows, dtype) = (module.layout.rows, module.dtype)
        let parts = try module.parts(ofSlice: slice)
        if let stored = try quicklyStacked(parts, coefficients) { return stored }
        var aBytes: [UInt8] = []
        var products = [Double](repeating: 0, count: rows * rank)
        var a: [Double] = []
        a.reserveCapacity(rank * module.layout.columns)
        var offset = 0
        for (term, (part, coefficient)) in zip(module.terms, zip(parts, coefficients)) {
            let elements = part.a
            a += elements
            aBytes += term.update.a.dtype == dtype ? part.storedA.bytes : try Rounding.bytes(elements, dtype)
            part.addB(to: &products, at: offset, width: rank, coefficient)
            offset += part.inner
        }
        let bBytes = try Rounding.bytes(products, dtype)
        return StoredSlice(a: aBytes, b: bBytes, loss: try stackedLoss(a, aBytes, products, bBytes))
    }

    /// Stacked factors where all have one type and inner products tell the loss; nil elsewhere.
    private func quicklyStacked(_ parts: [TermSlice], _ coefficients: [Double]) throws -> StoredSlice? {
        let layout = module.layout
        guard module.terms.allSatisfy({ $0.update.a.dtype == module.dtype && $0.update.b.dtype == module.dtype }),
            rank <= min(layout.rows, layout.columns),
            let stacked = try StackedFactors(
                parts, coefficients, rows: layout.rows, columns: layout.columns, dtype: module.dtype),
            let deltaNorm = FactorPair.norm(ofFloats: stacked.inB, stacked.inA),
            // A is exact: what is lost is ‖(B − B')·A‖.
            let roundingError = stacked.inResidual.isZero
                ? 0 : FactorPair.norm(ofFloats: stacked.inResidual, stacked.inA)
        else { return nil }
        let outer = outerCoefficient.magnitude
        return StoredSlice(
            a: stacked.a, b: stacked.b, loss: Loss(deltaNorm: outer * deltaNorm, roundingError: outer * roundingError))
    }

    /// What storing stacked factors costs.
    private func stackedLoss(_ a: [Double], _ aBytes: [UInt8], _ b: [Double], _ bBytes: [UInt8]) throws -> Loss {
        let outer = outerCoefficient.magnitude
        let dtype = module.dtype
        let exact = try module.pair(a: a, b: b, inner: rank)
        let roundingError = try exact.distance(
            toStored: module.pair(
                a: Widening.doubles(aBytes, dtype), b: Widening.doubles(bBytes, dtype), inner: rank),
            residual: module.pair(
                a: Widening.differences(a, aBytes, dtype), b: Widening.differences(b, bBytes, dtype), inner: rank))
        return Loss(deltaNorm: outer * (try exact.norm()), roundingError: outer * roundingError)
    }
}
