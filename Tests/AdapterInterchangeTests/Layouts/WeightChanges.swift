import AdapterTesting
import Adapters
import Tensors

/// ΔW by definition, in double precision and without the library's arithmetic.
enum WeightChanges {
    /// s·B·A of an update, in the order of the base weight's elements (transposed where the base is).
    static func delta(_ update: LowRankUpdate) throws -> [Double] {
        let (a, b) = (try update.a.doubles(), try update.b.doubles())
        let count = update.kind == .experts ? update.a.shape[0] : 1
        let rank = update.rank
        let outputs = b.count / count / rank
        let inputs = a.count / count / rank
        var delta: [Double] = []
        for expert in 0..<count {
            for row in 0..<outputs {
                for column in 0..<inputs {
                    var sum = 0.0
                    for index in 0..<rank {
                        sum +=
                            b[(expert * outputs + row) * rank + index] * a[(expert * rank + index) * inputs + column]
                    }
                    delta.append(sum * update.scaling)
                }
            }
        }
        guard update.kind == .embedding || update.kind == .transposedLinear else { return delta }
        return (0..<inputs).flatMap { column in (0..<outputs).map { delta[$0 * inputs + column] } }
    }

    /// ΔW of every module that has an update.
    static func all(_ adapter: Adapter) throws -> [String: [Double]] {
        try Dictionary(uniqueKeysWithValues: adapter.updates.map { ($0.name, try delta($0.update)) })
    }

    /// What the tool that wrote a fixture says.
    static func expected(_ folder: String) throws -> [String: [Double]] {
        try PEFTFolder.doubles("\(Fixtures.directory)/interchange/\(folder)/expected.safetensors")
    }

    /// The largest difference of any element, over the largest element; infinite when the modules differ.
    static func difference(_ left: [String: [Double]], _ right: [String: [Double]]) -> Double {
        guard left.keys.sorted() == right.keys.sorted() else { return .infinity }
        var largest = (difference: 0.0, value: 0.0)
        for (name, values) in left {
            guard let others = right[name], others.count == values.count else { return .infinity }
            for (value, other) in zip(values, others) {
                largest.difference = max(largest.difference, (value - other).magnitude)
                largest.value = max(largest.value, other.magnitude)
            }
        }
        return largest.value == 0 ? largest.difference : largest.difference / largest.value
    }
}
