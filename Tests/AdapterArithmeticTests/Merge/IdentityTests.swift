import AdapterArithmetic
import Adapters
import ByteCoding
import Tensors
import Testing

/// merge([X], [1]) is X, whatever X holds.
@Suite struct IdentityTests {
    @Test(arguments: PEFTFixture.names, [MergeMethod.cat, .exact])
    func `One adapter with weight 1 stays the same bit for bit`(name: String, method: MergeMethod) throws {
        let adapter = try PEFTFixture.load(name)
        let result = try merged([(adapter, 1)], MergeOptions(method: method)).adapter
        try expectSame(result, adapter)
    }

    @Test(arguments: PEFTFixture.names)
    func `A weight of 0 leaves an adapter out, also at the ends of a line`(name: String) throws {
        let adapter = try PEFTFixture.load(name)
        let other = try PEFTFixture.load("llama-dora")
        try expectSame(try merged([(other, 0), (adapter, 1), (other, -0.0)]).adapter, adapter)
        try expectSame(try Interpolate.interpolate(adapter, other, at: 0).adapter, adapter)
        try expectSame(try Interpolate.interpolate(other, adapter, at: 1).adapter, adapter)
    }

    @Test(arguments: PEFTFixture.names, [0.7, -1.3, 2])
    func `One adapter with a weight keeps its factors, and alpha takes the weight`(name: String, weight: Double) throws
    {
        let adapter = try PEFTFixture.load(name)
        let linear = ["dora", "kasa", "velora", "monteclora"].allSatisfy { !name.contains($0) }
        guard linear else {
            #expect(code { try merged([(adapter, weight)], MergeOptions(absolute: .drop)) } == .notLinear)
            return
        }
        let result = try merged([(adapter, weight)], MergeOptions(absolute: .drop))
        for (before, after) in zip(adapter.updates, result.adapter.updates) {
            #expect(before.name == after.name && before.update.rank == after.update.rank)
            #expect(after.update.alpha == weight * before.update.alpha)
            #expect(after.update.scalingRule == before.update.scalingRule)
            #expect(try after.update.a.bytes() == before.update.a.bytes())
            #expect(try after.update.b.bytes() == before.update.b.bytes())
        }
        #expect(
            largestDistance(try result.adapter.dense(), weightedSum([(weight, try adapter.dense())])) < 1e-14)
        #expect(try result.certificate().roundingError == 0)
        #expect(
            agree(
                try result.certificate().deltaNorm,
                norm(try adapter.dense().values.flatMap { $0 }) * weight.magnitude, 1e-6))
    }

    private func expectSame(_ result: Adapter, _ adapter: Adapter) throws {
        #expect(result.base == adapter.base)
        #expect(result.behaviour == adapter.behaviour)
        #expect(result.notes.source == adapter.notes.source)
        #expect(result.modules.map(\.name) == adapter.modules.map(\.name))
        for (new, old) in zip(result.modules, adapter.modules) {
            #expect(new.update?.kind == old.update?.kind && new.update?.rank == old.update?.rank)
            #expect(new.update?.alpha == old.update?.alpha && new.update?.scalingRule == old.update?.scalingRule)
            #expect(new.tensors.count == old.tensors.count)
            for (newTensor, oldTensor) in zip(new.tensors, old.tensors) {
                #expect(newTensor.role == oldTensor.role && newTensor.name == oldTensor.name)
                #expect(newTensor.tensor.dtype == oldTensor.tensor.dtype)
                #expect(newTensor.tensor.shape == oldTensor.tensor.shape)
                #expect(try newTensor.tensor.bytes() == oldTensor.tensor.bytes())
            }
        }
    }
}
