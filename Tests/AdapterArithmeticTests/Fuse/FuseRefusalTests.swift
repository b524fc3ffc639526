import AdapterArithmetic
import AdapterInterchange
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

@Suite struct FuseRefusalTests {
    private func adapter(
        _ name: String = "model.layers.0.q_proj", base: BaseModel = BaseModel(), a: Double = 1,
        behaviour: [String: MetadataValue] = [:], parameters: [ModuleParameter] = []
    ) throws -> Adapter {
        let update = try LowRankUpdate(
            kind: .linear, a: tensor([a, 2, 3], [1, 3]), b: tensor([1, 2], [2, 1]), rank: 1, alpha: 1,
            scalingRule: .alphaOverRank)
        return try Adapter(
            base: base, modules: [AdaptedModule(name: name, update: update, parameters: parameters)],
            behaviour: behaviour)
    }

    private func base(_ name: String = "model.layers.0.q_proj.weight", _ extents: [Int] = [2, 3]) throws -> BaseWeights
    {
        let count = extents.reduce(1, *)
        return BaseWeights(
            tensors: [name: try tensor([Double](repeating: 1, count: count), extents)], label: "the base")
    }

    private func readingCode(_ model: FusedModel) -> ArithmeticError.Code? {
        code { for weight in model.weights { _ = try weight.tensor.bytes() } }
    }

    @Test func `Nothing to fuse`() throws {
        #expect(code { try Fuse.fuse([], into: base()) } == .noInput)
        #expect(code { try fused([(adapter(), 0)], into: base()) } == .noInput)
        #expect(code { try fused([(adapter(), .nan)], into: base()) } == .invalidWeight)
    }

    @Test func `A base model that misses a target`() throws {
        let error = failure { try fused([(adapter(), 1)], into: base("other.layers.0.q_proj.weight")) }
        #expect(error?.code == .missingTarget)
        // The message names the nearest that there is.
        #expect(error?.message.contains("'other.layers.0.q_proj.weight'") == true)
        #expect(error?.module == "model.layers.0.q_proj")
    }

    @Test(arguments: [[3, 2], [2, 4], [6], [1, 2, 3]])
    func `A weight of another shape`(extents: [Int]) throws {
        #expect(
            code { try fused([(adapter(), 1)], into: base("model.layers.0.q_proj.weight", extents)) } == .shapeMismatch)
    }

    @Test func `Quantised weights`() throws {
        let quantised = BaseWeights(
            tensors: [:], others: ["model.layers.0.q_proj.weight": "I64"], label: "the base")
        #expect(code { try fused([(adapter(), 1)], into: quantised) } == .unsupportedBase)
        let bytes = BaseWeights(
            tensors: [
                "model.layers.0.q_proj.weight": try Tensor(
                    dtype: .u8, shape: #require(Shape([2, 3])), bytes: [UInt8](repeating: 0, count: 6))
            ], label: "the base")
        #expect(code { try fused([(adapter(), 1)], into: bytes) } == .unsupportedBase)
    }

    @Test func `Different base models unless forced`() throws {
        let inputs = try ["one", "two"].map {
            MergeInput(adapter: try adapter(base: BaseModel(name: $0)), label: $0)
        }
        #expect(code { try Fuse.fuse(inputs, into: base()) } == .differentBase)
        _ = try Fuse.fuse(inputs, into: base(), allowDifferentBase: true)
    }

    @Test(arguments: [
        "llama-alora", "llama-layer-replication", "llama-pissa", "llama-olora", "llama-kasa", "llama-velora",
    ])
    func `What is more than a change of weights`(name: String) throws {
        let adapter = try PEFT.read(folder: Fixtures.peft(name))
        #expect(code { try fused([(adapter, 1)], into: FusedFixture.base("tiny-llama")) } == .notLinear)
    }

    @Test func `Values that are not finite`() throws {
        #expect(readingCode(try fused([(adapter(a: .nan), 1)], into: base())) == .nonFinite)
        #expect(readingCode(try fused([(adapter(a: 1e30), 1e30)], into: base())) == .overflow)
        let broken = BaseWeights(
            tensors: ["model.layers.0.q_proj.weight": try tensor([1, 1, .infinity, 1, 1, 1], [2, 3])], label: "the base"
        )
        #expect(readingCode(try fused([(adapter(), 1)], into: broken)) == .nonFinite)
        let small = BaseWeights(
            tensors: ["model.layers.0.q_proj.weight": try tensor([1, 1, 1, 1, 1, 1], [2, 3], .f16)], label: "the base")
        #expect(readingCode(try fused([(adapter(), 65_000)], into: small)) == .overflow)
    }

    @Test func `DoRA on a weight of zeros`() throws {
        let magnitude = ModuleParameter(
            role: .magnitude, name: "lora_magnitude_vector", tensor: try tensor([1, 1], [2]))
        let zeros = BaseWeights(
            tensors: ["model.layers.0.q_proj.weight": try tensor([-1, -2, -3, 1, 1, 1], [2, 3])], label: "the base")
        // W + ΔW is 0 in the first row.
        #expect(readingCode(try fused([(adapter(parameters: [magnitude]), 1)], into: zeros)) == .nonFinite)
    }

    @Test(arguments: [
        ("layers.0.q_proj", "model.layers.0.q_proj.weight"), ("model.layers.0.q_proj", "layers.0.q_proj.weight"),
        ("transformer.h.0.q_proj", "h.0.q_proj.weight"), ("model.base_layer.q_proj", "model.q_proj.weight"),
    ])
    func `A prefix more or less`(module: String, tensor: String) throws {
        #expect(try fused([(adapter(module), 1)], into: base(tensor)).names == [tensor])
    }

    @Test func `A name that could mean two tensors`() throws {
        let both = BaseWeights(
            tensors: [
                "a.layers.0.q_proj.weight": try tensor([1, 1, 1, 1, 1, 1], [2, 3]),
                "b.layers.0.q_proj.weight": try tensor([1, 1, 1, 1, 1, 1], [2, 3]),
            ], label: "the base")
        #expect(code { try fused([(adapter("layers.0.q_proj"), 1)], into: both) } == .missingTarget)
    }
}
