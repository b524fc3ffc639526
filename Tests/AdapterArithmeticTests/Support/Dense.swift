import Adapters
import Tensors

/// Weight changes as full matrices in binary64, by the definition and without the code under test.
typealias Dense = [Double]

extension LowRankUpdate {
    /// s·B·A row by row: [out, in · kernel], or all experts' one after the other.
    func dense() throws -> Dense {
        let (a, b) = (try self.a.doubles(), try self.b.doubles())
        let experts = kind == .experts ? self.a.shape[0] : 1
        let groups = kind == .convolution ? rank / self.b.shape[1] : 1
        let out = kind == .experts ? self.b.shape[1] : self.b.shape[0]
        let columns = a.count / (rank * experts)
        let width = rank / groups
        var result = Dense(repeating: 0, count: experts * out * columns)
        for expert in 0..<experts {
            for row in 0..<out {
                // The full B is block-diagonal: a group's outputs see the group's ranks only.
                let firstRank = row * groups / out * width
                for inner in 0..<width {
                    let factor = scaling * b[(expert * out + row) * width + inner]
                    for column in 0..<columns {
                        result[(expert * out + row) * columns + column] +=
                            factor * a[(expert * rank + firstRank + inner) * columns + column]
                    }
                }
            }
        }
        return result
    }
}

extension Adapter {
    /// The weight changes of all modules by name.
    func dense() throws -> [String: Dense] {
        try Dictionary(uniqueKeysWithValues: updates.map { ($0.name, try $0.update.dense()) })
    }

    /// The weight change of one module.
    func dense(_ module: String) throws -> Dense { try required(dense()[module], module) }
}

func norm(_ values: Dense) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

func difference(_ first: Dense, _ second: Dense) -> Dense { zip(first, second).map { $0 - $1 } }

/// ‖first − second‖ / ‖second‖; infinite when the sizes differ or a value is NaN.
func relativeDistance(_ first: Dense, _ second: Dense) -> Double {
    guard first.count == second.count else { return .infinity }
    let (distance, size) = (norm(difference(first, second)), norm(second))
    // NaN is no distance, and `max` would lose it.
    if distance.isNaN || size.isNaN { return .infinity }
    return distance == 0 ? 0 : distance / size
}

/// Σ wᵢ·xᵢ over all modules of any of them.
func weightedSum(_ terms: [(Double, [String: Dense])]) -> [String: Dense] {
    var result: [String: Dense] = [:]
    for (weight, modules) in terms {
        for (name, values) in modules {
            let scaled = values.map { weight * $0 }
            result[name] = result[name].map { zip($0, scaled).map { $0 + $1 } } ?? scaled
        }
    }
    return result
}

/// The largest relative distance of any module; infinite when the modules differ.
func largestDistance(_ first: [String: Dense], _ second: [String: Dense]) -> Double {
    guard Set(first.keys) == Set(second.keys) else { return .infinity }
    return first.map { relativeDistance($1, second[$0] ?? []) }.max() ?? 0
}

/// Whether two numbers agree to a relative tolerance.
func agree(_ first: Double, _ second: Double, _ tolerance: Double) -> Bool {
    (first - second).magnitude <= tolerance * max(first.magnitude, second.magnitude)
}
