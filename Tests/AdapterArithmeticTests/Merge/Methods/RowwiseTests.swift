import AdapterArithmetic
import AdapterTesting
import Adapters
import Glibc
import Tensors
import Testing

/// `nuslerp` and `model-stock` by row and by column, against arithmetic on dense rows written here.
@Suite struct RowwiseTests {
    /// Adapters of a weight with more rows than a panel, and of a wide one.
    private static func inputs(_ seed: UInt64, weights: [Double], transposed: Bool = false) throws -> [MergeInput] {
        try weights.enumerated().map { index, weight in
            var generator = SeededGenerator(seed: seed &+ UInt64(index))
            let modules = try [(300, 7, 3 + index), (5, 270, 2)].enumerated().map { number, shape in
                let (out, input, rank) = shape
                let a = (0..<rank * input).map { _ in generator.nextSigned() }
                let b = (0..<out * rank).map { _ in generator.nextSigned() }
                let update =
                    transposed
                    ? try LowRankUpdate(
                        kind: .linear, a: tensor(Self.transpose(b, out), [rank, out]),
                        b: tensor(Self.transpose(a, rank), [input, rank]), rank: rank, alpha: 5,
                        scalingRule: .alphaOverRank)
                    : try LowRankUpdate(
                        kind: .linear, a: tensor(a, [rank, input]), b: tensor(b, [out, rank]), rank: rank, alpha: 5,
                        scalingRule: .alphaOverRank)
                return try AdaptedModule(name: "m\(number)", update: update)
            }
            return MergeInput(
                adapter: try Adapter(base: BaseModel(name: "base"), modules: modules), weight: weight,
                label: "\(index)")
        }
    }

    private static func transpose(_ values: [Double], _ rows: Int) -> [Double] {
        let columns = values.count / rows
        return (0..<values.count).map { values[$0 % rows * columns + $0 / rows] }
    }

    @Test(arguments: MethodLawTests.seeds)
    func `each row is interpolated by itself, in slices and in panels`(seed: UInt64) throws {
        // More rows than a panel; then a plain weight, a convolution and experts.
        for inputs in [try Self.inputs(seed, weights: [0.3, 0.7]), try MethodLawTests.inputs(seed, [0.3, 0.7])] {
            let options = MergeOptions(method: .nuslerp, unit: .row, dtype: .f32)
            let found = try MethodLawTests.dense(inputs, options)
            let dense = try inputs.map { try $0.adapter.dense() }
            for (name, update) in inputs[0].adapter.updates {
                let rows = update.kind == .experts ? update.b.shape[0] * update.b.shape[1] : update.b.shape[0]
                let (x, y) = (try required(dense[0][name], name), try required(dense[1][name], name))
                let columns = x.count / rows
                let expected = stride(from: 0, to: x.count, by: columns).flatMap { start in
                    Self.slerp(Array(x[start..<start + columns]), Array(y[start..<start + columns]), 0.7)
                }
                let distance = relativeDistance(try required(found[name], name), expected)
                #expect(distance < 2e-6, "\(name) \(distance), seed \(seed)")
            }
        }
    }

    private static func slerp(_ x: Dense, _ y: Dense, _ t: Double) -> Dense {
        let angle = acos(zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } / (norm(x) * norm(y)))
        return zip(x, y).map { (sin((1 - t) * angle) * $0 + sin(t * angle) * $1) / sin(angle) }
    }

    @Test(arguments: MethodLawTests.seeds)
    func `columns are the rows of the transpose`(seed: UInt64) throws {
        let options = { (unit: CombinationUnit) in MergeOptions(method: .nuslerp, unit: unit, dtype: .f32) }
        let weights = [0.4, 0.6]
        let byColumn = try MethodLawTests.dense(Self.inputs(seed, weights: weights), options(.column))
        let byRow = try MethodLawTests.dense(Self.inputs(seed, weights: weights, transposed: true), options(.row))
        for (name, rows) in [("m0", 300), ("m1", 5)] {
            let turned = Self.transpose(try required(byColumn[name], name), rows)
            #expect(relativeDistance(turned, try required(byRow[name], name)) < 2e-6, "\(name), seed \(seed)")
        }
        let whole = try MethodLawTests.dense(Self.inputs(seed, weights: weights), options(.whole))
        #expect(largestDistance(whole, byColumn) > 1e-3)
    }

    @Test func `one adapter in a module stays what it is, and what makes no sense is refused`() throws {
        var inputs = try Self.inputs(1, weights: [1, 3])
        inputs[1].factors = ["m0": 0]
        let found = try MethodLawTests.dense(inputs, MergeOptions(method: .nuslerp, unit: .row, dtype: .f32))
        #expect(relativeDistance(try required(found["m0"], "m0"), try inputs[0].adapter.dense("m0")) < 1e-7)
        for options in [
            MergeOptions(method: .modelStock, unit: .column), MergeOptions(method: .slerp, unit: .row),
            MergeOptions(method: .coreSpace, unit: .row, inner: .nuslerp),
        ] {
            #expect(code { try Merge.merge(inputs, options: options) } == .invalidOption)
        }
    }
}
