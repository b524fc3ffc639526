import AdapterTesting
import Adapters
import Tensors
import Testing

@testable import AdapterArithmetic

@Suite struct PadTests {
    @Test(arguments: PEFTFixture.names)
    func `Every adapter keeps its effect bit for bit`(name: String) throws {
        let adapter = try PEFTFixture.load(name)
        guard adapter.nonlinearity(allowsMagnitudes: true) == nil, !adapter.updates.isEmpty else {
            #expect(code { try Pad.pad(adapter, to: 64) } == (adapter.updates.isEmpty ? .noInput : .notLinear))
            return
        }
        let padded = try Pad.pad(adapter, to: 64)
        #expect(padded.adapter.ranks == [64])
        for (before, after) in zip(adapter.updates, padded.adapter.updates) {
            #expect(
                after.update.scaling == before.update.scaling && after.update.scalingRule == before.update.scalingRule)
            #expect(after.update.kind == before.update.kind && after.update.a.dtype == before.update.a.dtype)
            let (old, new) = (try before.update.dense(), try after.update.dense())
            #expect(old == new && !old.allSatisfy { $0 == 0 })
        }
        #expect(padded.adapter.behaviour == adapter.behaviour && padded.adapter.notes == adapter.notes)
        for (before, after) in zip(adapter.modules, padded.adapter.modules) {
            #expect(before.parameters.map(\.name) == after.parameters.map(\.name))
        }
        let certificate = try padded.certificate()
        #expect(certificate.truncationError == 0 && certificate.roundingError == 0 && certificate.deltaNorm > 0)
    }

    @Test(arguments: ScalingRule.allCases)
    func `The scaling is kept to the last bit, or the certificate says what is missing`(rule: ScalingRule) throws {
        var generator = SeededGenerator(seed: 41)
        var (same, all) = (0, 0)
        for alpha in [1.0, 2, 3, 7, 16, 0.1, 1.0 / 3, -5] {
            for rank in [1, 2, 3, 5, 8] {
                let adapter = try sampleAdapter([Sample(rank: rank, alpha: alpha, rule: rule)], using: &generator)
                for target in [rank, rank + 1, 12, 16, 24, 96] {
                    let padded = try Pad.pad(adapter, to: target)
                    let (before, after) = (adapter.updates[0].update.scaling, padded.adapter.updates[0].update.scaling)
                    all += 1
                    if before == after { same += 1 }
                    #expect((before - after).magnitude <= before.magnitude.ulp)
                    #expect((try padded.certificate().roundingError == 0) == (before == after))
                }
            }
        }
        #expect(Double(same) / Double(all) > 0.85)
    }

    @Test func `Ranks that are there already, and blocks`() throws {
        var generator = SeededGenerator(seed: 42)
        let adapter = try sampleAdapter([Sample(rank: 3), Sample(name: "other", rank: 2)], using: &generator)
        let padded = try Pad.pad(adapter, to: 3).adapter
        #expect(try padded.updates[0].update.a.bytes() == adapter.updates[0].update.a.bytes())
        #expect(padded.ranks == [3])
        let blocks = try Convert.convert(adapter, to: .q8).adapter
        let wide = try Pad.pad(blocks, to: 7).adapter
        #expect(wide.dtypes == [.f32])
        #expect(try wide.dense() == blocks.dense())
        // Undone by resizing: the zeros are what is dropped.
        let back = try Resize.resize(Pad.pad(adapter, to: 8).adapter, ResizeOptions(error: 0)).adapter
        #expect(back.updates.map(\.update.rank) == [3, 2])
    }

    @Test func `What cannot be padded is refused`() throws {
        var generator = SeededGenerator(seed: 43)
        let adapter = try sampleAdapter([Sample(rank: 3)], using: &generator)
        let error = failure { try Pad.pad(adapter, to: 2, label: "team/a:v1") }
        #expect(error?.code == .invalidOption)
        #expect(error?.message.contains("'layer' has rank 3") == true)
        for rank in [0, -4, 65_537] { #expect(code { try Pad.pad(adapter, to: rank) } == .invalidOption) }
        let grouped = try PEFTFixture.load("cnn-conv-grouped")
        let groups = try required(grouped.updates.map(\.update.groupCount).max(), "groups")
        #expect(code { try Pad.pad(grouped, to: 64 * groups + 1) } == (groups > 1 ? .invalidOption : nil))
        let large = try sampleAdapter([Sample(rank: 3, alpha: 1e308)], using: &generator)
        #expect(code { try Pad.pad(large, to: 96) } == .overflow)
    }
}
