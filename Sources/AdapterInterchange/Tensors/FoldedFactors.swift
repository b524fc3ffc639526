import Adapters
import Tensors

/// An update whose B was multiplied by a factor and rounded, so that the scaling is 1.
struct FoldedFactors: Sendable {
    /// The module's name.
    let name: String
    /// The update before.
    let update: LowRankUpdate
    /// B as it is written.
    let stored: Tensor
    /// What B was multiplied by.
    let factor: Double

    /// What rounding cost; nil where nothing was multiplied.
    static func certificate(of folded: [FoldedFactors]) -> (@Sendable () throws -> ErrorCertificate)? {
        guard !folded.isEmpty else { return nil }
        return { ErrorCertificate(modules: try folded.map { try $0.certificate() }) }
    }

    /// The entry of a certificate.
    ///
    /// ‖X·A‖² is the sum over the elementwise product of XᵀX and A·Aᵀ, so no ΔW is formed.
    func certificate() throws -> ErrorCertificate.Module {
        let a = try update.a.doubles()
        let exact = try update.b.doubles().map { $0 * factor }
        let error = zip(exact, try stored.doubles()).map { $0 - $1 }
        let count = update.kind == .experts ? update.a.shape[0] : 1
        var squares = (delta: 0.0, error: 0.0)
        for index in 0..<count {
            let factors = Array(a[index * (a.count / count)..<(index + 1) * (a.count / count)])
            let outer = FoldedFactors.gram(ofRows: factors, rank: update.rank)
            func square(_ b: [Double]) -> Double {
                let part = Array(b[index * (b.count / count)..<(index + 1) * (b.count / count)])
                return zip(FoldedFactors.gram(ofColumns: part, rank: update.rank), outer).reduce(0) { $0 + $1.0 * $1.1 }
            }
            squares.delta += square(exact)
            squares.error += square(error)
        }
        return ErrorCertificate.Module(
            name: name, rank: update.rank, deltaNorm: max(0, squares.delta).squareRoot(), truncationError: 0,
            largestDroppedSingularValue: 0, roundingError: max(0, squares.error).squareRoot())
    }

    private static func gram(ofRows values: [Double], rank: Int) -> [Double] {
        let count = values.count / max(1, rank)
        var gram = [Double](repeating: 0, count: rank * rank)
        for row in 0..<rank {
            for other in 0...row {
                var sum = 0.0
                for index in 0..<count { sum += values[row * count + index] * values[other * count + index] }
                gram[row * rank + other] = sum
                gram[other * rank + row] = sum
            }
        }
        return gram
    }

    private static func gram(ofColumns values: [Double], rank: Int) -> [Double] {
        let count = values.count / max(1, rank)
        var gram = [Double](repeating: 0, count: rank * rank)
        for index in 0..<count {
            for row in 0..<rank {
                let value = values[index * rank + row]
                for other in 0...row { gram[row * rank + other] += value * values[index * rank + other] }
            }
        }
        for row in 0..<rank {
            for other in 0..<row { gram[other * rank + row] = gram[row * rank + other] }
        }
        return gram
    }
}

/// An update whose scaling was rounded.
struct RoundedScaling: Sendable {
    /// The module's name.
    let name: String
    /// The update before.
    let update: LowRankUpdate
    /// The scaling as it is written.
    let stored: Double

    /// What rounding cost; nil where nothing was rounded.
    static func certificate(of rounded: [RoundedScaling]) -> (@Sendable () throws -> ErrorCertificate)? {
        guard !rounded.isEmpty else { return nil }
        return {
            ErrorCertificate(
                modules: try rounded.map { entry in
                    let update = entry.update
                    var module = try FoldedFactors(name: entry.name, update: update, stored: update.b, factor: 1)
                        .certificate()
                    module.roundingError = module.deltaNorm * (update.scaling - entry.stored).magnitude
                    module.deltaNorm *= update.scaling.magnitude
                    return module
                })
        }
    }
}
