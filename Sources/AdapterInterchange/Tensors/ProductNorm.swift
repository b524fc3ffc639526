import Adapters
import Tensors

/// What a weight change is a product of; its norm needs no low-rank form and, but for Hadamard products, no ΔW.
enum ProductNorm: Sendable {
    /// X · Y.
    case matrix(any RowValues, any RowValues)
    /// (X₁Y₁) ∘ (X₂Y₂).
    case hadamard((x: any RowValues, y: any RowValues), (x: any RowValues, y: any RowValues))
    /// (X₁Y₁) ⊗ (X₂Y₂).
    case kronecker((x: any RowValues, y: any RowValues), (x: any RowValues, y: any RowValues))

    /// The Frobenius norm.
    ///
    /// - Parameter ofMagnitudes: whether all values count with their magnitudes, which bounds what rounding can do.
    func norm(ofMagnitudes: Bool = false) throws -> Double {
        func value(_ number: Double) -> Double { ofMagnitudes ? number.magnitude : number }
        func rows(_ matrix: any RowValues) throws -> [[Double]] {
            try (0..<matrix.rowCount).map { try matrix.row($0).map(value) }
        }
        func norm(_ x: any RowValues, _ y: any RowValues) throws -> Double {
            let y = try rows(y)
            var gram = [Double](repeating: 0, count: y.count * y.count)
            for index in 0..<x.rowCount {
                let row = try x.row(index).map(value)
                for (i, first) in row.enumerated() where first != 0 {
                    for (j, second) in row.enumerated() { gram[i * y.count + j] += first * second }
                }
            }
            var square = 0.0
            for i in y.indices {
                for j in y.indices where gram[i * y.count + j] != 0 {
                    square += gram[i * y.count + j] * zip(y[i], y[j]).reduce(0) { $0 + $1.0 * $1.1 }
                }
            }
            return max(0, square).squareRoot()
        }
        switch self {
        case .matrix(let x, let y): return try norm(x, y)
        case .kronecker(let one, let two): return try norm(one.x, one.y) * norm(two.x, two.y)
        case .hadamard(let one, let two):
            let (first, second) = (try rows(one.y), try rows(two.y))
            var square = 0.0
            for index in 0..<one.x.rowCount {
                func combination(_ weights: [Double], _ rows: [[Double]]) -> [Double] {
                    var sum = [Double](repeating: 0, count: rows.first?.count ?? 0)
                    for (weight, row) in zip(weights, rows) {
                        for column in sum.indices { sum[column] += value(weight) * row[column] }
                    }
                    return sum
                }
                let left = combination(try one.x.row(index), first)
                let right = combination(try two.x.row(index), second)
                square += zip(left, right).reduce(0) { $0 + $1.0 * $1.1 * $1.0 * $1.1 }
            }
            return square.squareRoot()
        }
    }
}

extension KohyaModule.Factors {
    /// The entry of a certificate: the norm of ΔW, and a bound of what rounding A and B to `f32` cost, which is 0 where
    /// every product fits.
    func certificate(_ name: String) throws -> ErrorCertificate.Module {
        let magnitude = scale.magnitude
        let delta = magnitude * (try product.norm())
        // Each value has a relative error of at most u = 2⁻²⁴, so a product of two at most 2u + u².
        let unit = 0x1p-24
        let bound =
            try areExact()
            ? 0 : (2 * unit + unit * unit) * magnitude * (try product.norm(ofMagnitudes: true))
        return ErrorCertificate.Module(
            name: name, rank: a.rowCount, deltaNorm: delta, truncationError: 0, largestDroppedSingularValue: 0,
            roundingError: bound)
    }

    private func areExact() throws -> Bool {
        for matrix in [b, a] {
            for index in 0..<matrix.rowCount {
                guard try matrix.row(index).allSatisfy({ Double(Float($0)) == $0 }) else { return false }
            }
        }
        return true
    }
}
