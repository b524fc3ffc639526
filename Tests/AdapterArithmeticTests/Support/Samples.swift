import AdapterArithmetic
import AdapterTesting
import Adapters
import Tensors

/// What a random module looks like.
struct Sample {
    var name = "layer"
    var kind = WeightKind.linear
    var out = 12
    var input = 9
    var rank = 3
    var alpha = 6.0
    var rule = ScalingRule.alphaOverRank
    var dtype = DType.f32
    var scale = 1.0

    func update(using generator: inout SeededGenerator) throws -> LowRankUpdate {
        let extents: ([Int], [Int]) =
            switch kind {
            case .linear, .transposedLinear, .embedding: ([rank, input], [out, rank])
            case .convolution: ([rank, input, 3, 2], [out, rank, 1, 1])
            case .experts: ([4, rank, input], [4, out, rank])
            }
        return try LowRankUpdate(
            kind: kind, a: randomTensor(extents.0, dtype, scale, using: &generator),
            b: randomTensor(extents.1, dtype, scale, using: &generator), rank: rank, alpha: alpha, scalingRule: rule)
    }
}

func randomTensor(
    _ extents: [Int], _ dtype: DType = .f32, _ scale: Double = 1, using generator: inout SeededGenerator
) throws -> Tensor {
    let shape = try required(Shape(extents), "a shape")
    return try Tensor(
        rounding: (0..<shape.elementCount).map { _ in scale * generator.nextSigned() }, to: dtype, shape: shape)
}

func tensor(_ values: [Double], _ extents: [Int], _ dtype: DType = .f32) throws -> Tensor {
    try Tensor(rounding: values, to: dtype, shape: required(Shape(extents), "a shape"))
}

func sampleAdapter(_ samples: [Sample], using generator: inout SeededGenerator) throws -> Adapter {
    try Adapter(
        base: BaseModel(name: "base"),
        modules: samples.map {
            try AdaptedModule(name: $0.name, update: $0.update(using: &generator))
        })
}

/// Merges inputs with generated labels.
func merged(_ inputs: [(Adapter, Double)], _ options: MergeOptions = MergeOptions()) throws -> ComputedAdapter {
    try Merge.merge(
        inputs.enumerated().map { MergeInput(adapter: $1.0, weight: $1.1, label: "input \($0)") }, options: options)
}

func code<Result>(_ body: () throws -> Result) -> ArithmeticError.Code? { failure(body)?.code }

/// The error that the body throws, when it is one of the arithmetic.
func failure<Result>(_ body: () throws -> Result) -> ArithmeticError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error as? ArithmeticError
    }
}

extension Adapter {
    /// Reads everything, as a writer does.
    func readAll() throws {
        for module in modules { for entry in module.tensors { _ = try entry.tensor.bytes() } }
    }
}
