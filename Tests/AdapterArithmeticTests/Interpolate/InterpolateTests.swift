import AdapterArithmetic
import AdapterTesting
import Adapters
import Testing

@Suite struct InterpolateTests {
    @Test(arguments: [-0.5, 0.25, 0.5, 0.9, 2.0], [MergeMethod.cat, .exact])
    func `Points on the line, also beyond its ends`(position: Double, method: MergeMethod) throws {
        let first = try PEFTFixture.load("llama-task-a")
        let second = try PEFTFixture.load("llama-task-b")
        let result = try Interpolate.interpolate(
            first, second, at: position, options: MergeOptions(method: method))
        let truth = weightedSum([(1 - position, try first.dense()), (position, try second.dense())])
        #expect(largestDistance(try result.adapter.dense(), truth) < 1e-6)
    }

    @Test func `Both ends have the same rank as what lies there`() throws {
        let first = try PEFTFixture.load("llama-task-a")
        let second = try PEFTFixture.load("llama-task-c")
        #expect(try Interpolate.interpolate(first, second, at: 0).adapter.ranks == first.ranks)
        #expect(try Interpolate.interpolate(first, second, at: 1).adapter.ranks == second.ranks)
    }

    @Test func `Messages use the labels`() throws {
        let dora = try PEFTFixture.load("llama-dora")
        let error = failure { try Interpolate.interpolate(dora, dora, at: 0.5, labels: ("left", "right")) }
        #expect(error?.message.hasPrefix("Unable to merge 'left'") == true)
    }
}
