import Glibc

/// The Karcher mean of the directions, the point on the sphere with the least sum of squared angles, times the mean of
/// the norms; as mergekit's `karcher`, at most ten iterations, ending below an angle of 10⁻⁵.
///
/// mergekit gives all adapters one weight; here their shares count.
struct Karcher: CombinationRule {
    private static let iterationLimit = 10
    private static let tolerance = 1e-5
    let inputCounts = 1...Int.max

    func coefficients(_ gram: Gram, weights: [Double]) throws -> [Double] {
        let shares = try normalized(weights, method: "karcher")
        let (norms, cosines) = (gram.norms, gram.cosines)
        let valid = norms.indices.filter { norms[$0] > 0 }
        let sum = valid.reduce(0) { $0 + shares[$1] }
        guard let first = valid.first, sum != 0 else { return shares.map { _ in 0 } }
        let alphas = shares.indices.map { norms[$0] > 0 ? shares[$0] / sum : 0 }

        // The mean as a combination of the unit vectors.
        var mean = alphas
        let start = Gram.norm(mean, cosines)
        mean =
            start < Karcher.tolerance ? mean.indices.map { $0 == first ? 1 : 0 } : mean.map { $0 / start }
        for _ in 0..<Karcher.iterationLimit {
            var tangent = mean.map { _ in 0.0 }
            var along = 0.0
            for index in valid {
                let dot = min(max(zip(cosines[index], mean).reduce(0) { $0 + $1.0 * $1.1 }, -1), 1)
                let angle = acos(dot)
                guard angle >= Karcher.tolerance else { continue }
                let pull = alphas[index] * angle / sin(angle)
                tangent[index] += pull
                along += pull * dot
            }
            tangent = zip(tangent, mean).map { $0 - along * $1 }
            let step = Gram.norm(tangent, cosines)
            guard step >= Karcher.tolerance else { break }
            mean = zip(mean, tangent).map { cos(step) * $0 + sin(step) / step * $1 }
            let size = Gram.norm(mean, cosines)
            if size > Karcher.tolerance { mean = mean.map { $0 / size } }
        }
        let size = zip(shares, norms).reduce(0) { $0 + $1.0 * $1.1 }
        return mean.indices.map { norms[$0] > 0 ? size * mean[$0] / norms[$0] : 0 }
    }
}
