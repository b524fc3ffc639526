import AdapterInterchange
import AdapterTesting
import Adapters
import ByteCoding
import FileSystem
import Tensors
import Testing

/// What is written in a layout and read again is the same adapter, or what the layout can hold of it.
@Suite struct WritingTests {
    private static func path(_ name: String) -> String { "\(Fixtures.directory)/interchange/\(name)" }

    /// Writes, detects, reads.
    private static func roundTrip(
        _ adapter: Adapter, _ layout: ForeignLayout, name: String, base: BaseOutline? = nil,
        dropping dropped: Set<AdapterPart> = [], readingBase: BaseOutline? = nil
    ) throws -> (Adapter, certificate: ErrorCertificate?, remarks: [String]) {
        var result: (Adapter, ErrorCertificate?, [String])?
        try Scratch.with { folder in
            let path = "\(folder)/\(name)"
            let output = try layout.prepare(
                adapter, at: path, options: WritingOptions(base: base, dropped: dropped))
            #expect(Directory.kind(of: path) == nil)
            let certificate = try output.certificate?()
            try output.commit()
            #expect(try ForeignLayout.detect(path) == layout)
            let read = try layout.read(path, options: ReadingOptions(base: readingBase)).adapter
            // In memory, as the folder goes.
            let modules = try read.modules.map { module in
                func held(_ tensor: Tensor) throws -> Tensor {
                    try Tensor(dtype: tensor.dtype, shape: tensor.shape, bytes: tensor.bytes())
                }
                return try AdaptedModule(
                    name: module.name,
                    update: module.update.map { update in
                        try LowRankUpdate(
                            kind: update.kind, a: held(update.a), b: held(update.b), rank: update.rank,
                            alpha: update.alpha, scalingRule: update.scalingRule)
                    },
                    parameters: module.parameters.map {
                        ModuleParameter(role: $0.role, name: $0.name, tensor: try held($0.tensor))
                    })
            }
            let copy = try Adapter(base: read.base, modules: modules, behaviour: read.behaviour, notes: read.notes)
            result = (copy, certificate, output.remarks)
        }
        return try #require(result)
    }

    private static func expectSame(_ left: Adapter, _ right: Adapter) throws {
        #expect(left.modules.map(\.name) == right.modules.map(\.name))
        #expect(left.behaviour == right.behaviour)
        for (module, other) in zip(left.modules, right.modules) {
            #expect(module.update?.kind == other.update?.kind && module.update?.alpha == other.update?.alpha)
            #expect(module.update?.scalingRule == other.update?.scalingRule)
            let (tensors, others) = (module.tensors, other.tensors)
            #expect(tensors.map(\.name) == others.map(\.name) && tensors.map(\.role) == others.map(\.role))
            for (tensor, copy) in zip(tensors, others) {
                #expect(tensor.tensor.dtype == copy.tensor.dtype && tensor.tensor.shape == copy.tensor.shape)
                #expect(try tensor.tensor.bytes() == copy.tensor.bytes())
            }
        }
    }

    @Test func `plain safetensors holds everything`() throws {
        let adapter = try SampleAdapters.everything(seed: 1)
        let (again, certificate, _) = try WritingTests.roundTrip(adapter, .safetensors, name: "x.safetensors")
        try WritingTests.expectSame(again, adapter)
        #expect(again.notes == adapter.notes && again.base == adapter.base && certificate == nil)
    }

    @Test func `archives hold everything, with wider types where NumPy has none`() throws {
        let adapter = try SampleAdapters.everything(seed: 2)
        let (again, _, _) = try WritingTests.roundTrip(adapter, .npz, name: "x.npz")
        #expect(again.notes == adapter.notes && again.behaviour == adapter.behaviour)
        for (module, other) in zip(again.modules, adapter.modules) {
            for (tensor, original) in zip(module.tensors, other.tensors) {
                let isNarrow = [.f8e4m3, .f8e5m2, .q8].contains(original.tensor.dtype)
                #expect(tensor.tensor.dtype == (isNarrow ? .f32 : original.tensor.dtype))
                let (values, expected) = (try tensor.tensor.doubles(), try original.tensor.doubles())
                #expect(zip(values, expected).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) })
            }
        }
    }

    @Test(arguments: ["kohya/locon", "lycoris/locon"]) func `kohya files come back without the base`(_ name: String)
        throws
    {
        let base = try BaseOutline(
            opening: WritingTests.path(name.hasPrefix("kohya") ? "bases/tiny-diffusion" : "bases/layers"))
        let adapter = try ForeignLayout.kohya.read(
            WritingTests.path("\(name)/adapter.safetensors"), options: ReadingOptions(base: base)
        ).adapter
        let (again, certificate, _) = try WritingTests.roundTrip(adapter, .kohya, name: "x.safetensors")
        try WritingTests.expectSame(again, adapter)
        #expect(certificate == nil)
    }

    @Test func `kohya's alphas are f32, and what that costs is certified`() throws {
        var generator = SeededGenerator(seed: 3)
        let module = try SampleAdapters.linear(
            "unet.a_b.c", input: 5, output: 4, rank: 3, alpha: 0.1, rule: .alphaOverSquareRootOfRank, using: &generator)
        let adapter = try Adapter(base: BaseModel(), modules: [module])
        let (again, certificate, remarks) = try WritingTests.roundTrip(adapter, .kohya, name: "x.safetensors")
        let difference = WeightChanges.difference(try WeightChanges.all(again), try WeightChanges.all(adapter))
        let stated = try #require(certificate?.relativeRoundingError)
        #expect(difference > 0 && difference <= 0x1p-24 && stated <= 0x1p-24 && difference <= stated * 1.01)
        #expect(remarks.count == 1)
    }

    @Test(arguments: ["metadata", "old-names"]) func `diffusers' files come back`(_ name: String) throws {
        let adapter = try ForeignLayout.diffusers.read(WritingTests.path("diffusers/\(name)")).adapter
        for file in ["folder", "x.safetensors"] {
            let (again, _, _) = try WritingTests.roundTrip(adapter, .diffusers, name: file)
            try WritingTests.expectSame(again, adapter)
        }
    }

    @Test func `between kohya and diffusers only names change`() throws {
        let base = try BaseOutline(opening: WritingTests.path("bases/tiny-diffusion"))
        let adapter = try ForeignLayout.diffusers.read(WritingTests.path("diffusers/metadata")).adapter
        let (kohya, _, _) = try WritingTests.roundTrip(adapter, .kohya, name: "x.safetensors")
        let expected = try WeightChanges.expected("diffusers/metadata")
        #expect(WeightChanges.difference(try WeightChanges.all(kohya), expected) <= 1e-14)
        let (again, _, _) = try WritingTests.roundTrip(kohya, .diffusers, name: "x")
        #expect(WeightChanges.difference(try WeightChanges.all(again), expected) <= 1e-14)
        #expect(base.modules.contains { $0.component == "text_encoder" })
    }

    @Test(arguments: ["lora", "lora-keys", "dora", "switch"]) func `MLX's folders come back`(_ name: String) throws {
        let adapter = try ForeignLayout.mlx.read(WritingTests.path("mlx/\(name)")).adapter
        let (again, certificate, remarks) = try WritingTests.roundTrip(adapter, .mlx, name: "folder")
        try WritingTests.expectSame(again, adapter)
        #expect(certificate == nil && remarks.isEmpty)
    }

    @Test func `ranks and scales that differ are evened out for MLX`() throws {
        var generator = SeededGenerator(seed: 4)
        let adapter = try Adapter(
            base: BaseModel(name: "test/base"),
            modules: [
                SampleAdapters.linear(
                    "model.layers.0.self_attn.q_proj", input: 6, output: 5, rank: 2, alpha: 3, using: &generator),
                SampleAdapters.linear(
                    "model.layers.1.mlp.up_proj", input: 6, output: 7, rank: 4, alpha: 0.3, dtype: .bf16,
                    using: &generator),
            ])
        let (again, certificate, remarks) = try WritingTests.roundTrip(adapter, .mlx, name: "folder")
        #expect(again.ranks == [4] && again.base.name == "test/base" && remarks.count == 2)
        let difference = WeightChanges.difference(try WeightChanges.all(again), try WeightChanges.all(adapter))
        #expect(difference > 0 && difference < 2e-7)
        try WritingTests.expectBound(certificate, from: adapter, to: again)
    }

    /// A certificate states the error that there is, to the last digits of double precision.
    private static func expectBound(_ certificate: ErrorCertificate?, from adapter: Adapter, to again: Adapter) throws {
        let certificate = try #require(certificate)
        let (exact, actual) = (try WeightChanges.all(adapter), try WeightChanges.all(again))
        for module in certificate.modules {
            let (before, after) = (try #require(exact[module.name]), try #require(actual[module.name]))
            let error = zip(before, after).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
            let norm = before.reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect((error - module.roundingError).magnitude <= 1e-14 * norm)
            #expect((norm - module.deltaNorm).magnitude <= 1e-12 * norm)
        }
    }

    @Test(arguments: ["llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi", "phi3"])
    func `GGUF files come back without the base, their scaling multiplied in`(_ name: String) throws {
        let base = try BaseOutline(opening: WritingTests.path("gguf/\(name)/base"))
        let adapter = try PEFT.read(folder: WritingTests.path("gguf/\(name)/peft"))
        let (again, certificate, _) = try WritingTests.roundTrip(adapter, .gguf, name: "x.gguf", base: base)
        #expect(again.updates.allSatisfy { $0.update.scaling == 1 })
        // 1.5 times a bfloat16 number is an f32.
        #expect(WeightChanges.difference(try WeightChanges.all(again), try WeightChanges.all(adapter)) <= 1e-15)
        #expect(certificate?.roundingError == 0)
        try WritingTests.expectBound(certificate, from: adapter, to: again)
    }

    @Test func `invocation tokens are kept in GGUF`() throws {
        let base = try BaseOutline(opening: WritingTests.path("gguf/llama/base"))
        var adapter = try PEFT.read(folder: WritingTests.path("gguf/llama/peft"))
        adapter.behaviour = ["alora_invocation_tokens": [1, 7, 3]]
        let (again, _, _) = try WritingTests.roundTrip(adapter, .gguf, name: "x.gguf", base: base)
        #expect(again.behaviour == adapter.behaviour)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let adapter: String
        let layout: ForeignLayout
        let part: AdapterPart
        var testDescription: String { "\(adapter) as \(layout)" }
    }

    @Test(arguments: [
        Refusal(adapter: "llama-dora", layout: .gguf, part: .dora),
        Refusal(adapter: "llama-dora", layout: .kohya, part: .dora),
        Refusal(adapter: "llama-lora-bias", layout: .mlx, part: .loraBias),
        Refusal(adapter: "qwen2-bias-all", layout: .gguf, part: .bias),
        Refusal(adapter: "llama-modules-to-save", layout: .mlx, part: .full),
        Refusal(adapter: "llama-trainable-tokens", layout: .kohya, part: .tokenRows),
        Refusal(adapter: "llama-alora", layout: .kohya, part: .behaviour),
    ]) func `nothing is lost unless it is given up`(_ example: Refusal) throws {
        let adapter = try PEFT.read(folder: Fixtures.peft(example.adapter))
        try Scratch.with { folder in
            let error = try #require(throws: InterchangeError.self) {
                try example.layout.prepare(adapter, at: "\(folder)/x")
            }
            #expect(error.code == .notExpressible && error.message.contains("--drop \(example.part.rawValue)"))
            #expect(try Directory.names(in: folder).isEmpty)
        }
        guard example.layout != .gguf, example.part != .tokenRows else { return }
        // Settings and token rows go together.
        let (_, _, remarks) = try WritingTests.roundTrip(
            adapter, example.layout, name: "x", dropping: [example.part, .full, .behaviour])
        #expect(remarks.contains { $0.hasPrefix("dropped \(example.part.rawValue)") })
    }

    @Test func `diffusers' layout is for pipelines`() throws {
        try Scratch.with { folder in
            let error = try #require(throws: InterchangeError.self) {
                try ForeignLayout.diffusers.prepare(SampleAdapters.plain(seed: 1), at: "\(folder)/x")
            }
            #expect(error.code == .notExpressible)
        }
    }

    @Test(arguments: [ForeignLayout.safetensors, .npz, .kohya]) func `what stands there is not replaced unasked`(
        _ layout: ForeignLayout
    ) throws {
        try Scratch.with { folder in
            let path = try Scratch.file(folder, [1, 2, 3])
            let adapter = try SampleAdapters.plain(seed: 5)
            #expect(throws: FileSystemError.self) { try layout.prepare(adapter, at: path) }
            try layout.prepare(adapter, at: path, options: WritingOptions(replacing: true)).commit()
            #expect(try ForeignLayout.detect(path) == layout)
        }
    }

    @Test(arguments: [ForeignLayout.safetensors, .npz]) func `the same adapter gives the same bytes`(
        _ layout: ForeignLayout
    ) throws {
        try Scratch.with { folder in
            let adapter = try SampleAdapters.everything(seed: 6)
            try layout.prepare(adapter, at: "\(folder)/a").commit()
            try layout.prepare(adapter, at: "\(folder)/b").commit()
            #expect(try Scratch.contents("\(folder)/a") == Scratch.contents("\(folder)/b"))
        }
    }
}
