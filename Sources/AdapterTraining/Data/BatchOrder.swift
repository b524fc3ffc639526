/// Which examples make which batch: every epoch in an order of its own that follows from the seed.
public struct BatchOrder: Sendable {
    /// Where in the data a run stands.
    public struct Position: Hashable, Sendable {
        /// The epoch, from 0 on.
        public var epoch = 0
        /// The next batch of it.
        public var batch = 0

        /// Creates a position.
        public init(epoch: Int = 0, batch: Int = 0) {
            self.epoch = epoch
            self.batch = batch
        }
    }

    /// How many packs with room are looked at for each example.
    private static let openPackLimit = 32

    private let lengths: [Int]
    private let batchSize: Int
    /// The tokens of a pack; nil when every example has a row for itself.
    private let packLength: Int?
    private let seed: UInt64
    private var cached: (epoch: Int, batches: [[Int]])?

    /// - Parameters:
    ///   - batchSize: the rows, or packs, of a batch.
    ///   - packLength: the tokens of a pack; nil to put every example in a row of its own.
    public init(_ dataset: Dataset, batchSize: Int, packLength: Int?, seed: UInt64) {
        precondition(!dataset.examples.isEmpty, "there is nothing to make batches of")
        lengths = dataset.examples.map(\.ids.count)
        self.batchSize = batchSize
        self.packLength = packLength
        self.seed = seed
    }

    /// The batches of an epoch; the last one may be smaller.
    public func batches(ofEpoch epoch: Int) -> [[Int]] {
        var random = CounterBasedRandom(seed: seed, name: "epoch \(epoch)")
        let order = random.permutation(of: lengths.count)
        let rows = packed(order)
        return stride(from: 0, to: rows.count, by: batchSize).map { start in
            rows[start..<min(start + batchSize, rows.count)].flatMap { $0 }
        }
    }

    /// The examples of the batch at a position, which moves to the next.
    public mutating func next(_ position: inout Position) -> [Int] {
        while true {
            if cached?.epoch != position.epoch { cached = (position.epoch, batches(ofEpoch: position.epoch)) }
            if let batches = cached?.batches, position.batch < batches.count {
                position.batch += 1
                return batches[position.batch - 1]
            }
            position = Position(epoch: position.epoch + 1)
        }
    }

    /// Examples that share a row: each goes to the first pack with room among those that are open.
    private func packed(_ order: [Int]) -> [[Int]] {
        guard let packLength else { return order.map { [$0] } }
        var packs: [[Int]] = []
        var open: [(pack: Int, room: Int)] = []
        for example in order {
            let length = lengths[example]
            if let index = open.firstIndex(where: { $0.room >= length }) {
                packs[open[index].pack].append(example)
                open[index].room -= length
                if open[index].room < 2 { open.remove(at: index) }
            } else {
                packs.append([example])
                if packLength - length >= 2 { open.append((packs.count - 1, packLength - length)) }
                if open.count > BatchOrder.openPackLimit { open.removeFirst() }
            }
        }
        return packs
    }
}
