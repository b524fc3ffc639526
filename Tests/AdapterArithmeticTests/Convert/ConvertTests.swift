import AdapterArithmetic
import AdapterTesting
import Adapters
import Tensors
import Testing

/// Conversions against full matrices in binary64.
@Suite struct ConvertTests {
    /// Modules as training leaves them: values near 1e-3, B sometimes zero, slices that do not end with blocks of 32.
    private static let samples = [
        Sample(out: 40, input: 37, rank: 3, alpha: 8, scale: 1e-3),
        Sample(name: "wide", out: 7, input: 200, rank: 5, alpha: -3, rule: .alphaOverSquareRootOfRank, scale: 2e-2),
        Sample(name: "conv", kind: .convolution, scale: 1e-4), Sample(name: "experts", kind: .experts, scale: 1e-3),
        Sample(name: "table", kind: .embedding, scale: 5e-3),
    ]

    private func adapter(_ seed: UInt64, _ dtype: DType = .f32) throws -> Adapter {
        var generator = SeededGenerator(seed: seed)
        return try sampleAdapter(
            ConvertTests.samples.map { sample in
                var sample = sample
                sample.dtype = dtype
                return sample
            }, using: &generator)
    }

    @Test(arguments: [DType.f32, .f16, .bf16], Convert.dtypes)
    func `The certificate is the true error`(from: DType, to: DType) throws {
        let source = try adapter(51, from)
        let result = try Convert.convert(source, to: to)
        #expect(result.adapter.dtypes == [to])
        let certificate = try result.certificate()
        #expect(certificate.modules.map(\.name) == source.updates.map(\.name))
        for module in certificate.modules {
            let truth = try source.dense(module.name)
            let error = norm(difference(try result.adapter.dense(module.name), truth))
            #expect(agree(module.deltaNorm, norm(truth), 1e-12))
            #expect(module.truncationError == 0 && module.largestDroppedSingularValue == 0)
            #expect(agree(module.roundingError, error, 1e-6), "\(module.roundingError), true \(error)")
            if from == to || to == .f32 { #expect(module.roundingError == 0) }
            if from == .f32, to != .f32 { #expect(module.roundingError > 0) }
            // Half a step of each type, for two factors; uniform values use the small types well.
            let bounds: [DType: Double] = [.f32: 0, .bf16: 4e-3, .f16: 1e-3, .f8e4m3: 6e-2, .q8: 1e-2]
            #expect(module.relativeRoundingError <= bounds[to] ?? 0, "\(module.relativeRoundingError)")
        }
    }

    @Test(arguments: [DType.bf16, .f8e4m3, .q8])
    func `Back to f32 nothing more is lost`(dtype: DType) throws {
        let narrow = try Convert.convert(adapter(52), to: dtype).adapter
        let wide = try Convert.convert(narrow, to: .f32)
        #expect(wide.adapter.dtypes == [.f32])
        #expect(try wide.certificate().roundingError == 0)
        #expect(try wide.adapter.dense() == narrow.dense())
        #expect(wide.adapter.alphas == narrow.alphas)
    }

    @Test(arguments: Convert.dtypes)
    func `What has the type already stays bit for bit`(dtype: DType) throws {
        let once = try Convert.convert(adapter(53), to: dtype).adapter
        let twice = try Convert.convert(once, to: dtype)
        #expect(try twice.certificate().roundingError == 0)
        for (one, two) in zip(once.updates, twice.adapter.updates) {
            #expect(one.update.alpha == two.update.alpha)
            #expect(try one.update.a.bytes() == two.update.a.bytes())
            #expect(try one.update.b.bytes() == two.update.b.bytes())
        }
    }

    // MARK: Powers of two

    @Test(arguments: [DType.f8e4m3, .q8])
    func `Alpha takes back one power of two for all modules`(dtype: DType) throws {
        let source = try adapter(54)
        let result = try Convert.convert(source, to: dtype).adapter
        let powers = Set(zip(source.updates, result.updates).map { $0.update.alpha / $1.update.alpha })
        let power = try #require(powers.first)
        #expect(powers.count == 1)
        #expect(power.significand == 1 && power > 1)
        #expect(zip(source.updates, result.updates).allSatisfy { $0.update.scalingRule == $1.update.scalingRule })
        let largest = try result.updates.map { _, update in
            (
                a: try update.a.doubles().map(\.magnitude).max() ?? 0,
                b: try update.b.doubles().map(\.magnitude).max() ?? 0
            )
        }
        // No value overflows, and the module that decides fills the type in both factors.
        let limit = dtype == .q8 ? 127.0 : 448
        #expect(largest.allSatisfy { $0.a <= limit && $0.b <= limit })
        #expect(largest.contains { $0.a > limit / 2.01 && $0.b > limit / 2.01 })
    }

    @Test func `Values that q8 holds as they are keep their alpha`() throws {
        var generator = SeededGenerator(seed: 55)
        let source = try sampleAdapter([Sample(scale: 3)], using: &generator)
        #expect(try Convert.convert(source, to: .q8).adapter.alphas == [6])
        // 1/512 is the least that has a normal scale in every block.
        let constant = try LowRankUpdate(
            kind: .linear, a: tensor([127 * 0x1p-14, 0], [1, 2]), b: tensor([1], [1, 1]), rank: 1, alpha: 3,
            scalingRule: .alphaOverRank)
        let edge = try Adapter(base: BaseModel(), modules: [AdaptedModule(name: "m", update: constant)])
        #expect(try Convert.convert(edge, to: .q8).adapter.alphas == [3])
    }

    @Test(arguments: [DType.f8e4m3, .q8], [0x1p-149, 1e-30, 1e-3, 1, 1e30, 0x1.FFFFFEp127])
    func `Every magnitude of binary32 is held as well as any other`(dtype: DType, scale: Double) throws {
        let values = [1, -0.5, 0.25, 0.9].map { ($0 * scale) }
        let update = try LowRankUpdate(
            kind: .linear, a: tensor(values, [2, 2]), b: tensor([1, 0.5, 0.25, -1], [2, 2]), rank: 2, alpha: 1,
            scalingRule: .alphaOverRank)
        let source = try Adapter(base: BaseModel(), modules: [AdaptedModule(name: "m", update: update)])
        let result = try Convert.convert(source, to: dtype)
        #expect(try result.certificate().relativeRoundingError < 0.07)
        #expect(
            try agree(
                result.certificate().roundingError, norm(difference(result.adapter.dense("m"), source.dense("m"))), 1e-6
            ))
    }

    @Test(arguments: Convert.dtypes)
    func `Zero factors stay zero`(dtype: DType) throws {
        var generator = SeededGenerator(seed: 56)
        let zeros = { (extents: [Int]) in
            try tensor([Double](repeating: 0, count: extents.reduce(1, *)), extents)
        }
        func module(_ name: String, _ a: Tensor, _ b: Tensor) throws -> AdaptedModule {
            try AdaptedModule(
                name: name,
                update: LowRankUpdate(kind: .linear, a: a, b: b, rank: 2, alpha: 4, scalingRule: .alphaOverRank))
        }
        let random = { try randomTensor($0, .f32, 1e-3, using: &generator) }
        let fresh = try [
            module("zeroA", zeros([2, 5]), random([3, 2])), module("zeroB", random([2, 5]), zeros([3, 2])),
            module("zeros", zeros([2, 5]), zeros([3, 2])),
        ]
        for modules in [fresh, [fresh[2]], try fresh + [module("trained", random([2, 5]), random([3, 2]))]] {
            let source = try Adapter(base: BaseModel(), modules: modules)
            let result = try Convert.convert(source, to: dtype)
            #expect(result.adapter.alphas.count == 1)
            for module in try result.certificate().modules where module.name != "trained" {
                #expect(module.roundingError == 0 && module.deltaNorm == 0)
                let values = try result.adapter.dense(module.name)
                #expect(values.allSatisfy { $0 == 0 })
            }
        }
    }

    @Test(arguments: [DType.f8e4m3, .q8])
    func `Factors that are kept share the power with those that are not`(dtype: DType) throws {
        var generator = SeededGenerator(seed: 57)
        func kept(_ extents: [Int]) throws -> Tensor { try randomTensor(extents, dtype, 100, using: &generator) }
        func trained(_ extents: [Int]) throws -> Tensor { try randomTensor(extents, .f32, 1e-3, using: &generator) }
        let updates = try [
            ("both", kept([2, 5]), kept([3, 2])), ("keptA", kept([2, 5]), trained([3, 2])),
            ("keptB", trained([2, 5]), kept([3, 2])), ("neither", trained([2, 5]), trained([3, 2])),
        ]
        let source = try Adapter(
            base: BaseModel(),
            modules: updates.map { name, a, b in
                try AdaptedModule(
                    name: name,
                    update: LowRankUpdate(kind: .linear, a: a, b: b, rank: 2, alpha: 4, scalingRule: .alphaOverRank))
            })
        let result = try Convert.convert(source, to: dtype)
        #expect(result.adapter.dtypes == [dtype])
        for module in try result.certificate().modules {
            let error = norm(difference(try result.adapter.dense(module.name), try source.dense(module.name)))
            #expect(agree(module.roundingError, error, 1e-6))
            #expect(module.relativeRoundingError < 0.1)
        }
        #expect(result.adapter.updates.first { $0.name == "both" }?.update.alpha == 4)
    }

    // MARK: Other operations

    @Test(arguments: [MergeMethod.cat, .exact])
    func `Blocks and small floats merge like any other type`(method: MergeMethod) throws {
        let q8 = try Convert.convert(adapter(58), to: .q8).adapter
        let f8 = try Convert.convert(adapter(59), to: .f8e4m3).adapter
        let sum = try merged([(q8, 0.5), (f8, -2)], MergeOptions(method: method))
        #expect(sum.adapter.dtypes == [.f32])
        let truth = weightedSum([(0.5, try q8.dense()), (-2, try f8.dense())])
        #expect(largestDistance(try sum.adapter.dense(), truth) < 1e-6)
    }

    @Test func `A factor is computed when it is read, once for A and B`() throws {
        let counter = LazinessTests.Counter()
        let source = try LazinessTests.counted(adapter(60), counter)
        let lazy = try Convert.convert(source, to: .bf16)
        #expect(counter.value == 0)
        let update = lazy.adapter.updates[0].update
        _ = try update.a.bytes(in: 3..<5)
        let first = counter.value
        _ = try update.b.bytes()
        #expect(counter.value == first)
        #expect(first == 2 * (source.updates[0].update.a.byteCount + source.updates[0].update.b.byteCount))
    }
}
