import Glibc

/// Spherical linear interpolation of two adapters (Shoemake, "Animating rotation with quaternion curves", 1985), as
/// mergekit's `slerp`: t is the second weight's share, the coefficients sin((1 − t)θ)/sin θ and sin(tθ)/sin θ multiply
/// the vectors as they are, and nearly collinear ones, |cos θ| > 0.9995, are interpolated on the straight line.
struct Slerp: CombinationRule {
    /// Above this |cos θ| the two are taken for collinear.
    var collinearCosine = 0.9995
    let inputCounts = 2...2

    func coefficients(_ gram: Gram, weights: [Double]) throws -> [Double] {
        let t = try normalized(weights, method: "slerp")[1]
        let cosine = gram.cosines[0][1]
        guard cosine.magnitude <= collinearCosine else { return [1 - t, t] }
        let angle = acos(cosine)
        return [sin((1 - t) * angle) / sin(angle), sin(t * angle) / sin(angle)]
    }
}

extension Slerp {
    /// mergekit's `nuslerp`, flattened: as ``Slerp``, but collinear only where the angle cannot be told from 0 or π.
    ///
    /// The bound is 1 − cos²θ ≤ 10⁻¹⁶.
    static let spherical = Slerp(collinearCosine: (1 - 1e-16).squareRoot())
}
