import AdapterTesting
import Adapters
import ByteCoding
import LinearAlgebra
import Tensors
import Testing

@testable import AdapterArithmetic

@Suite struct ExtractTests {
    /// A base model and what tuning made of it, in memory.
    struct Models {
        var base: [String: Tensor] = [:]
        var tuned: [String: Tensor] = [:]
        var configuration: MetadataValue = [:]
        var tunedConfiguration: MetadataValue?

        /// Adds a tensor and what a change of given values makes of it.
        mutating func add(
            _ name: String, _ extents: [Int], _ dtype: DType = .f32, change: [Double]? = nil,
            using generator: inout SeededGenerator
        ) throws {
            let old = try randomTensor(extents, dtype, using: &generator)
            base[name] = old
            tuned[name] = try change.map { try tensor(zip(old.doubles(), $0).map { $0 + $1 }, extents, dtype) } ?? old
        }

        func extract(_ options: ExtractOptions, isTarget: (@Sendable (String) throws -> Bool)? = nil) throws
            -> Extraction
        {
            try Extract.extract(
                BaseWeights(tensors: tuned, configuration: tunedConfiguration ?? configuration, label: "'tuned'"),
                from: BaseWeights(tensors: base, configuration: configuration, label: "'base'"),
                model: BaseModel(name: "base"), options: options, isTarget: isTarget)
        }

        /// What fusing the adapter into the base makes of each tensor.
        func fused(_ adapter: Adapter) throws -> [String: Tensor] {
            let fused = try Fuse.fuse(
                [MergeInput(adapter: adapter, label: "adapter")],
                into: BaseWeights(tensors: base, configuration: configuration, label: "'base'"))
            return base.merging(fused.weights.map { ($0.name, $0.tensor) }) { $1 }
        }
    }

    /// A matrix whose singular values fall by a factor.
    static func decaying(
        _ rows: Int, _ columns: Int, by factor: Double, scale: Double = 1, using generator: inout SeededGenerator
    )
        throws -> Matrix
    {
        func orthonormal(_ count: Int) throws -> Matrix {
            try Matrix(
                rows: count, columns: min(rows, columns),
                columnMajor: (0..<count * min(rows, columns)).map { _ in generator.nextSigned() }
            ).qrFactorization().q
        }
        var value = scale
        let values = (0..<min(rows, columns)).map { _ -> Double in
            defer { value *= factor }
            return value
        }
        return try orthonormal(rows).scalingColumns(by: values).product(orthonormal(columns), transposingOther: true)
    }

    /// A small decoder of which everything changes.
    static func decoder(_ dtype: DType, seed: UInt64, tied: Bool = false) throws -> Models {
        var generator = SeededGenerator(seed: seed)
        var models = Models()
        models.configuration = [
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": .bool(tied),
            "vocab_size": 24,
        ]
        func noise(_ count: Int) -> [Double] { (0..<count).map { _ in 0.2 * generator.nextSigned() } }
        for (name, extents) in [
            ("model.embed_tokens.weight", [24, 10]), ("model.layers.0.self_attn.q_proj.weight", [12, 10]),
            ("model.layers.0.self_attn.q_proj.bias", [12]), ("model.layers.0.mlp.up_proj.weight", [9, 12]),
            ("model.layers.0.input_layernorm.weight", [10]),
        ] + (tied ? [] : [("lm_head.weight", [24, 10])]) {
            try models.add(name, extents, dtype, change: noise(extents.reduce(1, *)), using: &generator)
        }
        try models.add("model.layers.0.self_attn.k_proj.weight", [12, 10], dtype, using: &generator)
        try models.add("model.norm.weight", [10], dtype, using: &generator)
        return models
    }

    @Test(arguments: [(300, 200, 0.9), (200, 300, 0.97), (160, 150, 0.7), (64, 40, 0.8), (500, 131, 0.99)])
    func `As good as a dense decomposition`(rows: Int, columns: Int, factor: Double) throws {
        var generator = SeededGenerator(seed: UInt64(rows))
        let change = try Self.decaying(rows, columns, by: factor, using: &generator)
        var models = Models()
        try models.add("layer.weight", [rows, columns], change: change.rowMajor, using: &generator)
        let (old, new) = (
            try Matrix(models.base["layer.weight"] ?? tensor([], [0])),
            try Matrix(models.tuned["layer.weight"] ?? tensor([], [0]))
        )
        let exact = try new.subtracting(old)
        let values = try exact.singularValues()
        for rank in [1, 4, 16, 32] {
            let extraction = try models.extract(ExtractOptions(rank: rank))
            let module = try extraction.computed.certificate().modules[0]
            let best = Matrix.norm(values.dropFirst(rank))
            #expect(module.rank == rank && agree(module.deltaNorm, Matrix.norm(values[...]), 1e-6))
            #expect(module.truncationError >= best * (1 - 1e-4))
            #expect(module.truncationError <= best * 1.01, "\(module.truncationError / best)")
            #expect(module.largestDroppedSingularValue <= values[rank] * 1.001)
            #expect(module.largestDroppedSingularValue >= values[rank] * 0.9)
            // What is stated is what is missing.
            let stored = try extraction.computed.adapter.dense("layer")
            let distance = norm(difference(stored, exact.rowMajor))
            #expect(agree(distance, module.truncationError, 1e-3))
        }
    }

    @Test(arguments: [0.5, 0.9, 0.999, 1])
    func `An energy or an error is kept with about the least rank`(energy: Double) throws {
        var generator = SeededGenerator(seed: 51)
        let change = try Self.decaying(260, 190, by: 0.985, using: &generator)
        var models = Models()
        try models.add("layer.weight", [260, 190], change: change.rowMajor, using: &generator)
        let squares = try change.singularValues().map { $0 * $0 }
        let total = squares.reduce(0, +)
        let least = (1...190).first { squares.prefix($0).reduce(0, +) >= energy * total } ?? 190
        for options in [ExtractOptions(energy: energy), ExtractOptions(error: (1 - energy).squareRoot())] {
            let extraction = try models.extract(options)
            let module = try extraction.computed.certificate().modules[0]
            #expect(module.relativeTruncationError * module.relativeTruncationError <= (1 - energy) * (1 + 1e-6) + 1e-9)
            #expect(module.rank >= min(least, 180) && module.rank <= least + 2 + least / 50)
        }
        let limited = try models.extract(ExtractOptions(rank: 7, energy: energy)).computed.adapter
        #expect(limited.ranks == [7])
    }

    @Test(arguments: [DType.f32, .bf16, .f16])
    func `Extracted and fused, the whole tuned model comes back bit for bit`(dtype: DType) throws {
        for tied in [false, true] {
            let models = try Self.decoder(dtype, seed: 52, tied: tied)
            let extraction = try models.extract(ExtractOptions(error: 0, dtype: .f32))
            #expect(extraction.leftOut.isEmpty && extraction.unchangedCount == 2)
            #expect(extraction.full.contains("lm_head.weight"))
            let fused = try models.fused(extraction.computed.adapter)
            #expect(Set(fused.keys) == Set(models.tuned.keys))
            for (name, tensor) in models.tuned {
                let found = try required(fused[name], name)
                if dtype == .f32 {
                    #expect(relativeDistance(try found.doubles(), try tensor.doubles()) < 3e-7, "\(name)")
                } else {
                    #expect(try found.bytes() == tensor.bytes(), "\(name)")
                }
            }
        }
    }

    @Test(arguments: [1, 3, 6])
    func `Extracted and fused, the tuned model comes back within the certificate`(rank: Int) throws {
        let models = try Self.decoder(.f32, seed: 53)
        let extraction = try models.extract(ExtractOptions(rank: rank, dtype: .bf16))
        let fused = try models.fused(extraction.computed.adapter)
        let modules = try extraction.computed.certificate().modules
        #expect(modules.map(\.name) == ["model.layers.0.mlp.up_proj", "model.layers.0.self_attn.q_proj"])
        for module in modules {
            let (found, tuned) = (
                try required(fused[module.name + ".weight"], module.name).doubles(),
                try required(models.tuned[module.name + ".weight"], module.name).doubles()
            )
            let distance = norm(difference(found, tuned))
            #expect((distance - module.truncationError).magnitude <= module.roundingError + 1e-6 * norm(tuned))
            #expect(module.truncationError > 0 && module.roundingError > 0)
        }
        for name in extraction.full { #expect(try fused[name]?.bytes() == models.tuned[name]?.bytes()) }
    }

    @Test func `What is left out is named and counted`() throws {
        let models = try Self.decoder(.f32, seed: 54)
        for (policy, left) in [(FullPolicy.changed, 0), (.vectors, 2), (.none, 4)] {
            let extraction = try models.extract(ExtractOptions(rank: 20, full: policy))
            #expect(extraction.leftOut.count == left && extraction.full.count == 4 - left)
            let certificate = try extraction.computed.certificate()
            let lost = try extraction.leftOut.reduce(0) { sum, name in
                let change = difference(
                    try required(models.tuned[name], name).doubles(), try required(models.base[name], name).doubles())
                return sum + norm(change) * norm(change)
            }.squareRoot()
            #expect(agree(certificate.truncationError, lost, 1e-5) || (lost == 0 && certificate.truncationError < 1e-5))
            #expect(certificate.modules.filter { $0.rank == 0 }.map(\.name) == extraction.leftOut)
            #expect(extraction.computed.adapter.modules.allSatisfy { !extraction.leftOut.contains($0.name) })
        }
        let chosen = try models.extract(ExtractOptions(rank: 2, full: .none)) {
            $0.hasSuffix("q_proj") || $0 == "lm_head"
        }
        #expect(chosen.computed.adapter.updates.map(\.name) == ["lm_head", "model.layers.0.self_attn.q_proj"])
        #expect(chosen.leftOut.contains("model.layers.0.mlp.up_proj.weight"))
    }

    @Test func `Weights that are stored inputs by outputs`() throws {
        var generator = SeededGenerator(seed: 55)
        var models = Models()
        models.configuration = ["model_type": "gpt2"]
        let change = try Self.decaying(20, 30, by: 0.5, using: &generator).rowMajor
        try models.add("h.0.attn.c_attn.weight", [20, 30], .bf16, change: change, using: &generator)
        try models.add("h.0.ln_1.weight", [20], .bf16, change: [Double](repeating: 1, count: 20), using: &generator)
        try models.add("h.0.ln_1.bias", [20], .bf16, using: &generator)
        let extraction = try models.extract(ExtractOptions(error: 0, dtype: .f32))
        let adapter = extraction.computed.adapter
        #expect(adapter.updates[0].update.kind == .transposedLinear)
        #expect(adapter.updates[0].update.b.shape.extents == [30, adapter.ranks[0]])
        // A norm is replaced with all its parameters.
        #expect(extraction.full == ["h.0.ln_1.bias", "h.0.ln_1.weight"])
        let fused = try models.fused(adapter)
        for (name, tensor) in models.tuned { #expect(try fused[name]?.bytes() == tensor.bytes(), "\(name)") }
    }

    @Test func `Seed and name key the sketch, nothing else counts`() throws {
        var generator = SeededGenerator(seed: 56)
        var models = Models()
        let change = (0..<200 * 150).map { _ in generator.nextSigned() }
        try models.add("a.weight", [200, 150], change: change, using: &generator)
        func bytes(_ options: ExtractOptions) throws -> [UInt8] {
            try models.extract(options).computed.adapter.updates[0].update.b.bytes()
        }
        let first = try bytes(ExtractOptions(rank: 4))
        #expect(try first == bytes(ExtractOptions(rank: 4)) && first != bytes(ExtractOptions(rank: 4, seed: 1)))
        models.base["b.weight"] = models.base["a.weight"]
        models.tuned["b.weight"] = models.tuned["a.weight"]
        let both = try models.extract(ExtractOptions(rank: 4)).computed.adapter.updates
        #expect(try both[0].update.b.bytes() == first && both[1].update.b.bytes() != first)
    }

    @Test func `Models that do not fit each other`() throws {
        let whole = try Self.decoder(.f32, seed: 57)
        let rank = ExtractOptions(rank: 2)
        func fails(
            _ expected: ArithmeticError.Code, _ word: String, _ options: ExtractOptions = rank,
            _ change: (inout Models) throws -> Void
        ) rethrows {
            var models = whole
            try change(&models)
            let error = failure { try models.extract(options).computed.adapter.readAll() }
            #expect(error?.code == expected)
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
        }
        fails(.missingTarget, "'tuned' lacks the tensor 'model.norm.weight'") { $0.tuned["model.norm.weight"] = nil }
        fails(.missingTarget, "'base' lacks the tensor 'lm_head.weight'") { $0.base["lm_head.weight"] = nil }
        fails(.noInput, "'tuned' equals 'base'") { $0.tuned = $0.base }
        try fails(.shapeMismatch, "up_proj.weight' is [9, 12] in 'base' and [9, 11]") {
            $0.tuned["model.layers.0.mlp.up_proj.weight"] = try tensor([Double](repeating: 1, count: 99), [9, 11])
        }
        try fails(.shapeMismatch, "embed_tokens.weight' is [24, 10]", ExtractOptions(rank: 2, full: .vectors)) {
            $0.tuned["model.embed_tokens.weight"] = try tensor([Double](repeating: 1, count: 250), [25, 10])
        }
        for value in [Double.nan, .infinity] {
            try fails(.nonFinite, "up_proj.weight' of 'tuned' holds") {
                $0.tuned["model.layers.0.mlp.up_proj.weight"] = try tensor(
                    [value] + [Double](repeating: 1, count: 107), [9, 12])
            }
            try fails(.nonFinite, "up_proj.weight' of 'base' holds", ExtractOptions(energy: 0.5)) {
                $0.base["model.layers.0.mlp.up_proj.weight"] = try tensor(
                    [Double](repeating: 1, count: 107) + [value], [9, 12])
            }
        }
        // A buffer in one of them is no parameter, and a larger vocabulary is kept whole.
        var grown = whole
        grown.base["model.layers.0.self_attn.rotary_emb.inv_freq"] = try tensor([1], [1])
        for name in ["model.embed_tokens.weight", "lm_head.weight"] {
            grown.tuned[name] = try tensor((0..<250).map { Double($0) / 8 }, [25, 10])
        }
        let fused = try grown.fused(grown.extract(rank).computed.adapter)
        #expect(try fused["lm_head.weight"]?.bytes() == grown.tuned["lm_head.weight"]?.bytes())
    }

    @Test(arguments: [
        ExtractOptions(), ExtractOptions(rank: 0), ExtractOptions(energy: 0), ExtractOptions(energy: 1.5),
        ExtractOptions(error: 1), ExtractOptions(error: .nan), ExtractOptions(energy: 0.5, error: 0.5),
        ExtractOptions(rank: 1, dtype: .q8),
    ])
    func `Options without a meaning are refused`(options: ExtractOptions) throws {
        let models = try Self.decoder(.f32, seed: 58)
        #expect(code { try models.extract(options) } == .invalidOption)
    }
}
