import LinearAlgebra
import Tensors

/// One slice of a module's result: the bytes of its factors and what it lost.
struct StoredSlice {
    let a: [UInt8]
    let b: [UInt8]
    let loss: Loss
}

extension ComputedModule {
    /// The module that has these slices, one behind the other.
    init(_ slices: [StoredSlice], name: String, rank: Int) {
        // One is all there is of most modules, and is not copied.
        self.init(
            a: slices.count == 1 ? slices[0].a : slices.flatMap(\.a),
            b: slices.count == 1 ? slices[0].b : slices.flatMap(\.b),
            certificate: Loss.certificate(slices.map(\.loss), name: name, rank: rank))
    }
}

extension SliceLayout {
    /// Rounds the factors of a slice to a type, once.
    ///
    /// - Parameter loss: what the factors lost before; the rounding error is added.
    func store(_ factors: FactorPair, rank: Int, as dtype: DType, _ loss: Loss) throws -> StoredSlice {
        var loss = loss
        if let rounded = try RoundedFactors(factors, as: dtype) {
            loss.roundingError = rounded.error
            return StoredSlice(a: rounded.a, b: rounded.b, loss: loss)
        }
        let (a, b) = (factors.aTransposed.elements, factors.b.rowMajor)
        let bytes = (a: try Rounding.bytes(a, dtype), b: try Rounding.bytes(b, dtype))
        let stored = (a: Widening.doubles(bytes.a, dtype), b: Widening.doubles(bytes.b, dtype))
        loss.roundingError = try factors.distance(
            toStored: pair(a: stored.a, b: stored.b, inner: rank),
            residual: pair(
                a: Widening.differences(a, bytes.a, dtype), b: Widening.differences(b, bytes.b, dtype), inner: rank))
        return StoredSlice(a: bytes.a, b: bytes.b, loss: loss)
    }

    /// The factors of a slice from elements that lie row by row.
    func pair(a: [Double], b: [Double], inner: Int) throws -> FactorPair {
        FactorPair(
            b: try Matrix(rows: rows, columns: inner, rowMajor: b),
            aTransposed: try Matrix(rows: columns, columns: inner, columnMajor: a))
    }
}

extension ModuleTerms {
    /// Rounds factors to the result's type, once.
    ///
    /// - Parameter loss: what the factors lost before; the rounding error is added.
    func store(_ factors: FactorPair, rank: Int, _ loss: Loss) throws -> StoredSlice {
        try layout.store(factors, rank: rank, as: dtype, loss)
    }
}
