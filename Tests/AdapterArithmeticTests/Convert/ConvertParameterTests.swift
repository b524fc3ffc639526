import AdapterArithmetic
import AdapterInterchange
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

/// What becomes of everything that is not A or B, and what is refused.
@Suite struct ConvertParameterTests {
    private func everything() throws -> Adapter {
        var generator = SeededGenerator(seed: 61)
        func parameter(_ role: TensorRole, _ name: String, _ dtype: DType) throws -> ModuleParameter {
            ModuleParameter(role: role, name: name, tensor: try SampleAdapters.tensor([12], dtype, using: &generator))
        }
        return try Adapter(
            base: BaseModel(name: "base", revision: "r"),
            modules: [
                AdaptedModule(
                    name: "layer", update: Sample(scale: 1e-3).update(using: &generator),
                    parameters: [
                        parameter(.magnitude, "m", .f32), parameter(.updateBias, "lora_B.bias", .f16),
                        parameter(.bias, "bias", .bf16), parameter(.full, "codes", .i8), parameter(.full, "w", .f32),
                        parameter(.tokenRows, "t", .f16), parameter(.opaque, "x", .f32),
                    ]),
                AdaptedModule(name: "head", update: nil, parameters: [parameter(.full, "weight", .f32)]),
            ], behaviour: ["init_lora_weights": "olora"],
            notes: AdapterNotes(message: "m", license: "MIT", labels: ["a": "b"]))
    }

    @Test(arguments: [DType.f32, .f16, .bf16])
    func `Plain types round every tensor whose meaning is known`(dtype: DType) throws {
        let source = try everything()
        let result = try Convert.convert(source, to: dtype).adapter
        #expect(result.base == source.base && result.behaviour == source.behaviour && result.notes == source.notes)
        for (one, two) in zip(source.modules, result.modules) {
            #expect(one.update?.alpha == two.update?.alpha)
            for (before, after) in zip(one.tensors, two.tensors) {
                let isKept = before.role == .opaque || before.tensor.dtype == .i8
                #expect(after.tensor.dtype == (isKept ? before.tensor.dtype : dtype), "\(before.name)")
                let expected =
                    try isKept
                    ? before.tensor.bytes() : Rounding.bytes(before.tensor.doubles(), dtype)
                #expect(try after.tensor.bytes() == expected, "\(before.name)")
            }
        }
    }

    @Test(arguments: [DType.f8e4m3, .q8])
    func `Small types touch the update alone, and its bias keeps its effect`(dtype: DType) throws {
        let source = try everything()
        let result = try Convert.convert(source, to: dtype).adapter
        #expect(result.behaviour == source.behaviour && result.notes == source.notes)
        for (one, two) in zip(source.modules, result.modules) {
            for (before, after) in zip(one.tensors, two.tensors) where ![.a, .b].contains(before.role) {
                guard before.role == .updateBias else {
                    #expect(after.tensor.dtype == before.tensor.dtype)
                    #expect(try after.tensor.bytes() == before.tensor.bytes())
                    continue
                }
                let (left, right) = (try required(one.update, "an update"), try required(two.update, "an update"))
                #expect(after.tensor.dtype == .f32)
                #expect(
                    try before.tensor.doubles().map { $0 * left.scaling }
                        == after.tensor.doubles().map { $0 * right.scaling })
            }
        }
    }

    @Test(arguments: DType.allCases.filter { !Convert.dtypes.contains($0) })
    func `Other types are no targets`(dtype: DType) {
        #expect(code { try Convert.convert(everything(), to: dtype) } == .invalidOption)
    }

    @Test(arguments: Convert.dtypes, [Double.nan, .infinity])
    func `A factor that is not finite is refused by name`(dtype: DType, value: Double) throws {
        let update = try LowRankUpdate(
            kind: .linear, a: tensor([1, value], [1, 2]), b: tensor([1], [1, 1]), rank: 1, alpha: 1,
            scalingRule: .alphaOverRank)
        let source = try Adapter(base: BaseModel(), modules: [AdaptedModule(name: "m", update: update)])
        let error = failure { try Convert.convert(source, to: dtype, label: "x/y").certificate() }
        #expect(error?.code == .nonFinite)
        #expect(error?.module == "m")
        #expect(error?.message.hasPrefix("Unable to convert 'x/y'") == true)
    }

    @Test func `A parameter that is not finite is kept so`() throws {
        let source = try Adapter(
            base: BaseModel(),
            modules: [
                AdaptedModule(
                    name: "m", update: nil,
                    parameters: [
                        ModuleParameter(role: .bias, name: "bias", tensor: tensor([.infinity, .nan, 1], [3]))
                    ])
            ])
        let values = try Convert.convert(source, to: .bf16).adapter.modules[0].parameters[0].tensor.doubles()
        #expect(values[0] == .infinity && values[1].isNaN && values[2] == 1)
    }

    @Test func `What exceeds the type is refused by name`() throws {
        let large = try LowRankUpdate(
            kind: .linear, a: tensor([1e5], [1, 1]), b: tensor([1], [1, 1]), rank: 1, alpha: 1,
            scalingRule: .alphaOverRank)
        let source = try Adapter(
            base: BaseModel(),
            modules: [
                AdaptedModule(name: "a", update: large),
                AdaptedModule(
                    name: "b", update: nil,
                    parameters: [ModuleParameter(role: .bias, name: "bias", tensor: tensor([1e5], [1]))]),
            ])
        let result = try Convert.convert(source, to: .f16)
        for (module, tensor) in [
            ("a", result.adapter.modules[0].tensors[0]), ("b", result.adapter.modules[1].tensors[0]),
        ] {
            let error = failure { try tensor.tensor.bytes() }
            #expect(error?.code == .overflow)
            #expect(error?.module == module)
        }
        #expect(code { try result.certificate() } == .overflow)
        #expect(try Convert.convert(source, to: .bf16).certificate().roundingError > 0)
    }

    @Test func `An alpha that has no room for the power is refused`() throws {
        var generator = SeededGenerator(seed: 62)
        let source = try sampleAdapter([Sample(alpha: 0x1.8p-1070, scale: 1e-3)], using: &generator)
        #expect(code { try Convert.convert(source, to: .q8) } == .overflow)
        let zero = try sampleAdapter([Sample(alpha: 0, scale: 1e-3)], using: &generator)
        #expect(try Convert.convert(zero, to: .q8).certificate().roundingError == 0)
    }

    /// Experts, grouped convolutions, block-diagonal factors, patterns: every folder that PEFT wrote.
    @Test(arguments: try Fixtures.peftNames().filter { $0 != "llama-multi" }, [DType.bf16, .f8e4m3, .q8])
    func `A converted folder means what the converted adapter means`(name: String, dtype: DType) throws {
        let source = try PEFT.read(folder: Fixtures.peft(name))
        let result = try Convert.convert(source, to: dtype)
        for module in try result.certificate().modules {
            let error = norm(difference(try result.adapter.dense(module.name), try source.dense(module.name)))
            #expect(agree(module.roundingError, error, 1e-6), "\(module.name): \(module.roundingError), true \(error)")
        }
        try withTemporaryDirectory { folder in
            try PEFT.write(result.adapter, toFolder: folder + "/out")
            let again = try PEFT.read(folder: folder + "/out")
            #expect(again.dtypes.contains(dtype == .q8 ? .f32 : dtype) && !again.dtypes.contains(.q8))
            #expect(try again.dense() == result.adapter.dense())
            #expect(again.behaviour == source.behaviour)
        }
    }
}
