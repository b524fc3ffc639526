import AdapterArithmetic
import AdapterTesting
import Adapters
import Tensors
import Testing

/// What storing the factors costs, against full matrices in binary64.
@Suite struct RoundingTests {
    @Test(arguments: [DType.f32, .f16, .bf16], [DType.f32, .f16, .bf16])
    func `The certificate of a stack is the true error`(from: DType, to: DType) throws {
        var generator = SeededGenerator(seed: 41)
        let samples = [
            Sample(dtype: from), Sample(name: "narrow", out: 2, input: 3, rank: 6, dtype: from),
            Sample(name: "experts", kind: .experts, dtype: from),
        ]
        let (one, two) = (
            try sampleAdapter(samples, using: &generator), try sampleAdapter(samples, using: &generator)
        )
        let result = try merged([(one, 0.7), (two, -1.1)], MergeOptions(method: .cat, dtype: to))
        #expect(result.adapter.dtypes == [to])
        let truth = weightedSum([(0.7, try one.dense()), (-1.1, try two.dense())])
        for module in try result.certificate().modules {
            let error = norm(difference(try result.adapter.dense(module.name), truth[module.name] ?? []))
            #expect(agree(module.roundingError, error, 1e-6), "\(module.roundingError), true \(error)")
            #expect(module.roundingError > 0)
        }
    }

    /// Longer than what is added up in a cache at a time, with a part left over.
    @Test(arguments: [DType.f32, .f16, .bf16], [MergeMethod.cat, .exact])
    func `Long factors have true certificates, too`(dtype: DType, method: MergeMethod) throws {
        var generator = SeededGenerator(seed: 46)
        let adapters = try [3, 5, 4].map { rank in
            try sampleAdapter([Sample(out: 530, input: 300, rank: rank, dtype: dtype)], using: &generator)
        }
        let weights = [0.7, -1.1, 0.3]
        let truth = weightedSum(try zip(weights, adapters).map { ($0, try $1.dense()) })["layer"] ?? []
        let result = try merged(
            Array(zip(adapters, weights)), MergeOptions(method: method, rank: method == .exact ? 12 : nil, dtype: dtype)
        )
        let module = try required(try result.certificate().modules.first, "a module")
        let error = norm(difference(try result.adapter.dense("layer"), truth))
        #expect(agree(module.deltaNorm, norm(truth), method == .cat ? 1e-6 : 1e-9))
        #expect(agree(module.roundingError, error, 1e-5), "\(module.roundingError), true \(error)")
        #expect(module.roundingError > 0)
    }

    @Test(arguments: [DType.f32, .f16, .bf16])
    func `A scaled adapter keeps its bytes and states its norm`(dtype: DType) throws {
        var generator = SeededGenerator(seed: 47)
        let adapter = try sampleAdapter([Sample(out: 530, input: 300, rank: 5, dtype: dtype)], using: &generator)
        let result = try merged([(adapter, -0.3)])
        let (source, update) = (adapter.updates[0].update, result.adapter.updates[0].update)
        #expect(try update.a.bytes() == source.a.bytes())
        #expect(try update.b.bytes() == source.b.bytes())
        let (certificate, expected) = (try result.certificate(), 0.3 * norm(try adapter.dense("layer")))
        #expect(agree(certificate.deltaNorm, expected, 1e-6))
        #expect(certificate.roundingError == 0)
    }

    @Test(arguments: [DType.f32, .f16, .bf16])
    func `Nothing is lost where every product is exact`(dtype: DType) throws {
        var generator = SeededGenerator(seed: 42)
        let adapter = try sampleAdapter([Sample(rank: 2, alpha: 4, dtype: dtype)], using: &generator)
        let result = try merged([(adapter, 0.5), (adapter, -0.125)], MergeOptions(method: .cat))
        #expect(result.adapter.dtypes == [dtype])
        #expect(try result.certificate().roundingError == 0)
        #expect(largestDistance(try result.adapter.dense(), weightedSum([(0.375, try adapter.dense())])) < 1e-15)
        let update = result.adapter.updates[0].update
        let source = adapter.updates[0].update
        #expect(try update.a.bytes() == source.a.bytes() + source.a.bytes())
    }

    @Test(arguments: [MergeMethod.cat, .exact])
    func `Converting a single adapter keeps its scaling and states the error`(method: MergeMethod) throws {
        var generator = SeededGenerator(seed: 43)
        let adapter = try sampleAdapter([Sample(alpha: 5)], using: &generator)
        let narrow = try merged([(adapter, 3)], MergeOptions(method: method, dtype: .bf16))
        let update = narrow.adapter.updates[0].update
        #expect(update.alpha == 15 && update.rank == 3)
        let error = norm(difference(try narrow.adapter.dense("layer"), try adapter.dense("layer").map { 3 * $0 }))
        #expect(agree(try narrow.certificate().roundingError, error, 1e-6))
        #expect(agree(try narrow.certificate().deltaNorm, 3 * norm(try adapter.dense("layer")), 1e-12))
        let wide = try merged([(narrow.adapter, 1)], MergeOptions(method: method, dtype: .f32))
        #expect(wide.adapter.dtypes == [.f32])
        #expect(try wide.certificate().roundingError == 0)
        #expect(largestDistance(try wide.adapter.dense(), try narrow.adapter.dense()) == 0)
    }

    @Test func `The result's type is the inputs' common one, else f32`() throws {
        var generator = SeededGenerator(seed: 44)
        let half = try sampleAdapter([Sample(dtype: .f16)], using: &generator)
        let brain = try sampleAdapter([Sample(dtype: .bf16)], using: &generator)
        #expect(try merged([(half, 1), (half, 2)]).adapter.dtypes == [.f16])
        #expect(try merged([(half, 1), (brain, 2)]).adapter.dtypes == [.f32])
        #expect(try merged([(half, 1), (brain, 2)], MergeOptions(dtype: .bf16)).adapter.dtypes == [.bf16])
    }

    @Test func `Eight-bit factors are read exactly and written as f32`() throws {
        let a = try Tensor(dtype: .f8e4m3, shape: required(Shape([1, 2]), "a shape"), bytes: [0x38, 0xC0])
        let b = try Tensor(dtype: .i8, shape: required(Shape([2, 1]), "a shape"), bytes: [3, 0xFE])
        let adapter = try Adapter(
            base: BaseModel(),
            modules: [
                AdaptedModule(
                    name: "m",
                    update: LowRankUpdate(
                        kind: .linear, a: a, b: b, rank: 1, alpha: 1, scalingRule: .alphaOverRank))
            ])
        let result = try merged([(adapter, 1), (adapter, 1)], MergeOptions(method: .cat))
        #expect(result.adapter.dtypes == [.f32])
        #expect(try result.adapter.dense("m") == [6, -12, -4, 8])
        #expect(try merged([(adapter, 1)]).adapter.dtypes == [.f8e4m3, .i8])
    }

    @Test(arguments: [MergeMethod.cat, .exact])
    func `Values beyond a type's range are refused, with a way out`(method: MergeMethod) throws {
        var generator = SeededGenerator(seed: 45)
        let adapter = try sampleAdapter([Sample(name: "big", scale: 1e9)], using: &generator)
        let result = try merged([(adapter, 1), (adapter, 2)], MergeOptions(method: method, dtype: .f16))
        let error = failure { try result.adapter.readAll() }
        #expect(error?.code == .overflow && error?.module == "big")
        #expect(
            error?.message
                == "Unable to merge the module 'big': a value exceeds the range of f16. Use --dtype bf16 or f32.")
        #expect(code { try result.certificate() } == .overflow)
        #expect(throws: Never.self) {
            try merged([(adapter, 1), (adapter, 2)], MergeOptions(method: method)).certificate()
        }
    }

    @Test(arguments: [MergeMethod.cat, .exact], [1e200, 1e290, -1e307])
    func `Sums beyond binary64 are refused, not written as infinities`(method: MergeMethod, weight: Double) throws {
        var generator = SeededGenerator(seed: 46)
        let adapter = try sampleAdapter([Sample(alpha: 60, scale: 1e30)], using: &generator)
        let inputs = [(adapter, weight), (adapter, weight / 2)]
        let options = MergeOptions(method: method)
        let expected = weight < -1e300 ? ArithmeticError.Code.invalidWeight : .overflow
        #expect(code { try merged(inputs, options).adapter.readAll() } == expected)
        #expect(code { try merged(inputs, options).certificate() } == expected)
    }
}
