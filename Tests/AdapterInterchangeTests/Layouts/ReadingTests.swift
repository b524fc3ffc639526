import AdapterInterchange
import AdapterTesting
import Adapters
import Tensors
import Testing

/// Files that other tools wrote mean what those tools say.
@Suite struct ReadingTests {
    private static func path(_ name: String) -> String { "\(Fixtures.directory)/interchange/\(name)" }

    private static func read(_ name: String, base: String? = nil) throws -> ForeignAdapter {
        let options = ReadingOptions(base: try base.map { try BaseOutline(opening: path("bases/\($0)")) })
        return try ForeignLayout.detect(path(name)).read(path(name), options: options)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let file: String
        var base: String?
        let layout: ForeignLayout
        /// The largest relative difference: the last bits of sums in another order, or of products in f32.
        var tolerance = 1e-14
        var isConverted = false

        var testDescription: String { file }
        var folder: String { file.split(separator: "/").prefix(2).joined(separator: "/") }
    }

    static let cases: [Case] = [
        Case(file: "kohya/lora/adapter.safetensors", base: "tiny-diffusion", layout: .kohya),
        Case(file: "kohya/locon/adapter.safetensors", base: "tiny-diffusion", layout: .kohya),
        Case(file: "lycoris/locon/adapter.safetensors", base: "layers", layout: .kohya),
        Case(
            file: "lycoris/locon-tucker/adapter.safetensors", base: "layers", layout: .kohya, tolerance: 2e-7,
            isConverted: true),
        Case(file: "lycoris/loha/adapter.safetensors", base: "layers", layout: .kohya, isConverted: true),
        Case(
            file: "lycoris/loha-tucker/adapter.safetensors", base: "layers", layout: .kohya, tolerance: 2e-7,
            isConverted: true),
        Case(file: "lycoris/lokr/adapter.safetensors", base: "layers", layout: .kohya, isConverted: true),
        Case(file: "lycoris/lokr-both/adapter.safetensors", base: "layers", layout: .kohya, isConverted: true),
        Case(
            file: "lycoris/lokr-tucker/adapter.safetensors", base: "layers", layout: .kohya, tolerance: 2e-7,
            isConverted: true),
        Case(file: "lycoris/lokr-full/adapter.safetensors", base: "layers", layout: .kohya, isConverted: true),
        Case(file: "diffusers/metadata", layout: .diffusers),
        Case(file: "diffusers/plain/pytorch_lora_weights.safetensors", layout: .diffusers),
        Case(file: "diffusers/old-names", layout: .diffusers),
        Case(file: "mlx/lora", layout: .mlx), Case(file: "mlx/lora-keys", layout: .mlx),
        Case(file: "mlx/lora-keys", base: "tiny-mlx", layout: .mlx), Case(file: "mlx/dora", layout: .mlx),
        Case(file: "mlx/switch/adapters.safetensors", layout: .mlx), Case(file: "numpy/stored.npz", layout: .npz),
        Case(file: "numpy/deflated.npz", layout: .npz),
    ]

    @Test(arguments: cases) func `weight changes are those of the tool`(_ example: Case) throws {
        let read = try ReadingTests.read(example.file, base: example.base)
        #expect(read.layout == example.layout)
        let folder = example.layout == .npz ? "numpy" : example.folder
        let difference = WeightChanges.difference(
            try WeightChanges.all(read.adapter), try WeightChanges.expected(folder))
        #expect(difference <= example.tolerance)
        #expect((read.certificate != nil) == example.isConverted)
    }

    @Test(arguments: cases.filter(\.isConverted)) func `certificates bound what products cost`(_ example: Case) throws {
        let read = try ReadingTests.read(example.file, base: example.base)
        let certificate = try #require(try read.certificate?())
        let expected = try WeightChanges.expected(example.folder)
        let actual = try WeightChanges.all(read.adapter)
        for module in certificate.modules {
            let exact = try #require(expected[module.name])
            let norm = exact.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let error = zip(exact, try #require(actual[module.name])).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                .squareRoot()
            #expect((module.deltaNorm - norm).magnitude <= 1e-6 * norm)
            #expect(error <= module.roundingError + 1e-14 * norm)
            #expect(module.roundingError <= 1e-5 * norm)
        }
    }

    @Test(arguments: ["llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi", "phi3"])
    func `GGUF files of llama.cpp's converter are the adapters they were made of`(_ name: String) throws {
        let folder = ReadingTests.path("gguf/\(name)")
        let base = try BaseOutline(opening: "\(folder)/base")
        let read = try ForeignLayout.detect("\(folder)/adapter.gguf").read(
            "\(folder)/adapter.gguf", options: ReadingOptions(base: base))
        let original = try PEFT.read(folder: "\(folder)/peft")
        #expect(read.layout == .gguf)
        #expect(read.adapter.modules.map(\.name) == original.modules.map(\.name))
        for ((_, update), (_, expected)) in zip(read.adapter.updates, original.updates) {
            #expect(update.kind == expected.kind && update.scaling == expected.scaling)
            #expect(try update.a.bytes() == expected.a.bytes())
            #expect(try update.b.bytes() == expected.b.bytes())
        }
    }

    @Test func `magnitudes of MLX are read`() throws {
        let adapter = try ReadingTests.read("mlx/dora").adapter
        #expect(adapter.modules.allSatisfy { $0.parameter(.magnitude)?.tensor.shape.extents == [4] })
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let file: String
        var base: String?
        let code: InterchangeError.Code
        let word: String
        var testDescription: String { "\(file) \(code)" }
    }

    @Test(arguments: [
        Refusal(file: "kohya/lora/adapter.safetensors", code: .ambiguousName, word: "--base"),
        Refusal(file: "lycoris/loha/adapter.safetensors", code: .ambiguousName, word: "--base"),
        Refusal(file: "kohya/lora/adapter.safetensors", base: "layers", code: .unknownModule, word: "lora_te_"),
        Refusal(
            file: "lycoris/dora/adapter.safetensors", base: "layers", code: .unsupportedMethod, word: "--drop dora"),
        Refusal(file: "gguf/llama/adapter.gguf", code: .baseNeeded, word: "--base"),
        Refusal(file: "gguf/llama/base/config.json", code: .unknownLayout, word: ".gguf"),
        Refusal(file: "bases/layers/model.safetensors", code: .unknownLayout, word: "PEFT"),
    ]) func `what is missing is said`(_ example: Refusal) throws {
        let error = try #require(throws: InterchangeError.self) {
            try ReadingTests.read(example.file, base: example.base)
        }
        #expect(error.code == example.code)
        #expect(error.message.contains(example.word))
        #expect(error.message.contains(example.file))
    }

    @Test func `a magnitude that is given up is said`() throws {
        let path = ReadingTests.path("lycoris/dora/adapter.safetensors")
        let base = try BaseOutline(opening: ReadingTests.path("bases/layers"))
        let read = try ForeignLayout.kohya.read(path, options: ReadingOptions(base: base, dropped: [.dora]))
        #expect(read.remarks == ["dropped dora: 4 of them"])
        #expect(read.adapter.modules.count == 4)
    }

    @Test func `names that become the same are ambiguous`() throws {
        try Scratch.with { folder in
            let base = try Scratch.file(
                folder,
                Scratch.safetensors(
                    #"{"a.b_c.weight":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]},"#
                        + #""a_b.c.weight":{"dtype":"U8","shape":[2,2],"data_offsets":[4,8]}}"#, 8), name: "base")
            let file = try Scratch.file(
                folder,
                Scratch.safetensors(
                    #"{"lycoris_a_b_c.lora_down.weight":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]},"#
                        + #""lycoris_a_b_c.lora_up.weight":{"dtype":"F16","shape":[2,1],"data_offsets":[4,8]}}"#, 8))
            let options = ReadingOptions(base: try BaseOutline(opening: base))
            let error = try #require(throws: InterchangeError.self) {
                try ForeignLayout.detect(file).read(file, options: options)
            }
            #expect(error.code == .ambiguousName)
            #expect(error.message.contains("'a.b_c' or 'a_b.c'"))
        }
    }

    @Test func `pickles are refused whatever they are called`() throws {
        try Scratch.with { folder in
            let old = try Scratch.file(folder, [0x80, 2, 0x7D, 0x71, 0, 0x2E, 0, 0, 0], name: "adapter.safetensors")
            #expect(try #require(throws: InterchangeError.self) { try ForeignLayout.detect(old) }.code == .pickle)
        }
    }
}
