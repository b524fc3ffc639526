import AdapterInterchange
import AdapterTraining
import Adapters
import Tensors
import Testing

/// Models and updates of the fixtures.
enum ModelSupport {
    /// The updates whose A and B a safetensors file holds as `PATH.lora_A.weight` and `PATH.lora_B.weight`; B is 0
    /// where it is left out.
    static func updates<Element: ComputeElement>(
        _ type: Element.Type, _ weights: TransformerWeights<Element>, _ file: SafetensorsFile, prefix: String = "",
        alpha: Double, magnitudes: Bool = false
    ) throws -> LowRankUpdates<Element> {
        var specifications: [UpdateSpecification] = []
        for (layer, weights) in weights.layers.enumerated() {
            for (index, linear) in weights.linears.enumerated() {
                guard let a = file.entry(named: prefix + linear.name + ".lora_A.weight") else { continue }
                specifications.append(
                    UpdateSpecification(
                        place: .init(layer: layer, linear: index), name: linear.name,
                        inputCount: linear.weight.columns, outputCount: linear.weight.rows, rank: a.shape[0],
                        alpha: alpha))
            }
        }
        for index in specifications.indices { specifications[index].hasMagnitude = magnitudes }
        let updates = try LowRankUpdates<Element>(specifications, isTrained: true)
        for update in updates.updates {
            let name = prefix + update.specification.name
            updates.a(update).assign(try values(file, name + ".lora_A.weight").map { Element($0) })
            if file.entry(named: name + ".lora_B.weight") != nil {
                updates.b(update).assign(try values(file, name + ".lora_B.weight").map { Element($0) })
            }
        }
        return updates
    }

    static func values(_ file: SafetensorsFile, _ name: String) throws -> [Double] {
        try file.tensor(#require(file.entry(named: name), "\(name)")).doubles()
    }

    /// ‖x − y‖ / ‖y‖.
    static func relativeDistance(_ x: [Double], _ y: [Double]) -> Double {
        guard x.count == y.count else { return .infinity }
        let error = zip(x, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let norm = y.reduce(0) { $0 + $1 * $1 }
        return (error / norm).squareRoot()
    }

    /// The largest difference over the largest of `y`.
    static func largestDifference(_ x: [Double], _ y: [Double]) -> Double {
        guard x.count == y.count else { return .infinity }
        return (zip(x, y).map { abs($0 - $1) }.max() ?? 0) / (y.map(abs).max() ?? 1)
    }
}
