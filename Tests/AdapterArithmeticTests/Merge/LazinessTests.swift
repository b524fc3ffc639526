import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Synchronization
import Tensors
import Testing

/// Tensors are computed when they are read, one module at a time.
@Suite struct LazinessTests {
    /// Counts how many bytes were read.
    final class Counter: Sendable {
        let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
    }

    struct Counting: TensorSource {
        let tensor: Tensor
        let counter: Counter

        func bytes(in range: Range<Int>) throws -> [UInt8] {
            counter.count.withLock { $0 += range.count }
            return try tensor.bytes(in: range)
        }
    }

    static func counted(_ adapter: Adapter, _ counter: Counter) throws -> Adapter {
        try Adapter(
            base: adapter.base,
            modules: adapter.modules.map { module in
                let update = try required(module.update, "an update")
                func wrap(_ tensor: Tensor) -> Tensor {
                    Tensor(
                        dtype: tensor.dtype, shape: tensor.shape, source: Counting(tensor: tensor, counter: counter))
                }
                return try AdaptedModule(
                    name: module.name,
                    update: LowRankUpdate(
                        kind: update.kind, a: wrap(update.a), b: wrap(update.b), rank: update.rank,
                        alpha: update.alpha, scalingRule: update.scalingRule))
            })
    }

    static func inputs(_ counter: Counter) throws -> (Adapter, Int) {
        var generator = SeededGenerator(seed: 71)
        let adapter = try counted(
            try sampleAdapter(
                [Sample(name: "a"), Sample(name: "b", kind: .experts), Sample(name: "c")], using: &generator),
            counter)
        return (adapter, adapter.tensorByteCount)
    }

    @Test(arguments: [MergeOptions(method: .cat), MergeOptions(method: .exact, rank: 2)])
    func `Nothing is read before it is needed, and everything once`(options: MergeOptions) throws {
        let counter = Counter()
        let (adapter, size) = try Self.inputs(counter)
        let result = try merged([(adapter, 1), (adapter, 0.5)], options)
        #expect(counter.value == 0)
        // In small pieces, A and then B, as the writer reads.
        for module in result.adapter.modules {
            for entry in module.tensors {
                for start in stride(from: 0, to: entry.tensor.byteCount, by: 16) {
                    _ = try entry.tensor.bytes(in: start..<min(start + 16, entry.tensor.byteCount))
                }
            }
        }
        // A stack reads A twice: its bytes and its values.
        let once = 2 * size
        #expect(counter.value >= once && counter.value <= 2 * once)
        let before = counter.value
        let certificate = try result.certificate()
        #expect(counter.value == before, "the certificate is known by then")
        #expect(certificate.modules.map(\.name) == ["a", "b", "c"])
    }

    @Test func `A certificate alone computes what is missing`() throws {
        let counter = Counter()
        let (adapter, _) = try Self.inputs(counter)
        let result = try merged([(adapter, 1), (adapter, 0.5)], MergeOptions(rank: 2))
        let early = try result.certificate()
        try result.adapter.readAll()
        #expect(try result.certificate() == early)
        #expect(early.modules.allSatisfy { $0.rank == 2 && $0.truncationError > 0 })
    }

    @Test func `A single adapter is passed through unread`() throws {
        let counter = Counter()
        let (adapter, size) = try Self.inputs(counter)
        let result = try merged([(adapter, 0.5)])
        #expect(counter.value == 0)
        try result.adapter.readAll()
        #expect(counter.value == size)
    }

    @Test func `Factors may be read in any order and from several threads`() async throws {
        let (adapter, _) = try Self.inputs(Counter())
        let result = try merged([(adapter, 1), (adapter, 0.5)], MergeOptions(rank: 2))
        let expected = try result.adapter.modules.map { try $0.tensors.map { try $0.tensor.bytes() } }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<30 {
                group.addTask {
                    let module = index % 3
                    return try result.adapter.modules[module].tensors.map { try $0.tensor.bytes() } == expected[module]
                }
            }
            for try await same in group { #expect(same) }
        }
    }

    @Test func `The options make a provenance record`() {
        #expect(
            MergeOptions(method: .exact, rank: 8, energy: 0.5, dtype: .bf16, absolute: .first).metadata == [
                "method": "exact", "rank": 8, "energy": 0.5, "dtype": "bf16", "absolute": "first",
                "allowDifferentBase": false, "order": "content-root",
            ])
        #expect(
            MergeOptions(method: .cat, order: .given).metadata == [
                "method": "cat", "absolute": "refuse", "allowDifferentBase": false,
            ])
        #expect(MergeOptions(method: .compatLinear).metadata["order"] == nil)
    }
}
