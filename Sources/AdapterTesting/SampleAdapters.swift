public import Adapters
import ByteCoding
public import Tensors

/// Small adapters that cover the shapes, dtypes and roles of the domain.
public enum SampleAdapters {
    /// A tensor of random normal values times `scale`.
    public static func tensor(
        _ extents: [Int], _ dtype: DType = .f32, scale: Double = 0.1, using generator: inout SeededGenerator
    ) throws -> Tensor {
        guard let shape = Shape(extents) else { throw TensorError(.invalidShape, "\(extents)") }
        switch dtype {
        case .f32, .f16, .bf16, .q8:
            let values = (0..<shape.elementCount).map { _ in generator.normal() * scale }
            return try Tensor(rounding: values, to: dtype, shape: shape)
        default:
            return try Tensor(
                dtype: dtype, shape: shape, bytes: generator.bytes(dtype.byteCount(ofElements: shape.elementCount)))
        }
    }

    /// A module with a low-rank update of a linear weight.
    public static func linear(
        _ name: String, input: Int, output: Int, rank: Int, alpha: Double, rule: ScalingRule = .alphaOverRank,
        dtype: DType = .f32, using generator: inout SeededGenerator
    ) throws -> AdaptedModule {
        try AdaptedModule(
            name: name,
            update: LowRankUpdate(
                kind: .linear, a: tensor([rank, input], dtype, using: &generator),
                b: tensor([output, rank], dtype, using: &generator), rank: rank, alpha: alpha, scalingRule: rule))
    }

    /// A plain adapter of `moduleCount` linear modules.
    public static func plain(
        seed: UInt64, moduleCount: Int = 2, size: Int = 8, rank: Int = 2, alpha: Double = 4, dtype: DType = .f32
    ) throws -> Adapter {
        var generator = SeededGenerator(seed: seed)
        return try Adapter(
            base: BaseModel(name: "test/base", revision: "r1"),
            modules: (0..<moduleCount).map { index in
                try linear(
                    "model.layers.\(index).q_proj", input: size, output: size + 1, rank: rank, alpha: alpha,
                    dtype: dtype, using: &generator)
            })
    }

    /// An adapter with every kind of weight, every role and every dtype.
    public static func everything(seed: UInt64) throws -> Adapter {
        var generator = SeededGenerator(seed: seed)
        func update(_ kind: WeightKind, _ a: [Int], _ b: [Int], _ rank: Int, _ dtype: DType) throws -> LowRankUpdate {
            try LowRankUpdate(
                kind: kind, a: tensor(a, dtype, using: &generator), b: tensor(b, dtype, using: &generator), rank: rank,
                alpha: 1.5, scalingRule: .alphaOverSquareRootOfRank)
        }
        func parameter(_ role: TensorRole, _ name: String, _ extents: [Int], _ dtype: DType) throws -> ModuleParameter {
            ModuleParameter(role: role, name: name, tensor: try tensor(extents, dtype, using: &generator))
        }
        return try Adapter(
            base: BaseModel(name: "test/base"),
            modules: [
                AdaptedModule(
                    name: "a.linear", update: update(.linear, [3, 5], [4, 3], 3, .f32),
                    parameters: [
                        parameter(.magnitude, "lora_magnitude_vector", [4], .f32),
                        parameter(.updateBias, "lora_B.bias", [4], .bf16), parameter(.bias, "bias", [4], .f16),
                    ]),
                AdaptedModule(name: "b.conv1d", update: update(.transposedLinear, [2, 3], [6, 2], 2, .f16)),
                AdaptedModule(name: "c.conv", update: update(.convolution, [2, 3, 3, 3], [4, 1, 1, 1], 2, .bf16)),
                AdaptedModule(
                    name: "d.embedding", update: update(.embedding, [2, 11], [4, 2], 2, .f8e4m3),
                    parameters: [parameter(.tokenRows, "token_adapter.trainable_tokens_delta", [2, 4], .f32)]),
                AdaptedModule(name: "e.experts", update: update(.experts, [3, 2, 5], [3, 4, 2], 2, .f8e5m2)),
                AdaptedModule(
                    name: "f.head", update: nil,
                    parameters: [
                        parameter(.full, "weight", [3, 4], .i8), parameter(.full, "codes", [2, 2], .u8),
                        parameter(.full, "empty", [0, 4], .i32), parameter(.full, "scalar", [], .i32),
                    ]),
                AdaptedModule(
                    name: "", update: nil, parameters: [parameter(.opaque, "x.lora_diag", [5], .f32)]),
            ],
            behaviour: ["alora_invocation_tokens": [1, 2, 3]],
            notes: AdapterNotes(
                message: "ünïcode", license: "Apache-2.0", labels: ["team": "search"],
                source: SourceConfiguration(
                    layout: "peft", configuration: ["r": 3, "lora_dropout": 0.0, "x": nil],
                    fileMetadata: ["format": "pt"])))
    }
}
