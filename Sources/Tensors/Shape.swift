/// The extents of a tensor, outermost first; row-major order.
public struct Shape: Hashable, Sendable, CustomStringConvertible {
    /// The largest number of dimensions.
    public static let maximumRank = 6
    /// The largest extent of one dimension, 2³¹.
    public static let maximumExtent = 1 << 31

    // In place: a file has thousands of shapes, and each array would be an allocation.
    private let storage: [6 of UInt32]
    /// The number of dimensions.
    public let rank: Int
    /// The product of the extents; 1 for a scalar.
    public let elementCount: Int

    /// Creates a shape, nil when it has too many dimensions, an extent outside 0 … 2³¹, or more elements than a
    /// 48-bit count.
    public init?(_ extents: [Int]) {
        guard extents.count <= Shape.maximumRank,
            extents.allSatisfy({ $0 >= 0 && $0 <= Shape.maximumExtent })
        else { return nil }
        var storage: [6 of UInt32] = .init(repeating: 0)
        for (dimension, extent) in extents.enumerated() { storage[dimension] = UInt32(extent) }
        self.init(storage, rank: extents.count)
    }

    /// Creates a shape from its extents followed by zeros; nil as above, and when something else follows them.
    package init?(_ extents: [6 of UInt32], rank: Int) {
        guard rank <= Shape.maximumRank else { return nil }
        // A zero decides the product wherever it stands, so it comes first.
        var count = 1
        for dimension in 0..<rank where extents[dimension] == 0 { count = 0 }
        for dimension in 0..<Shape.maximumRank {
            let extent = Int(extents[dimension])
            guard dimension < rank ? extent <= Shape.maximumExtent : extent == 0 else { return nil }
            guard dimension < rank else { continue }
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow, product < 1 << 48 else { return nil }
            count = product
        }
        storage = extents
        self.rank = rank
        elementCount = count
    }

    /// The extents, outermost first. A shape without extents is a scalar.
    public var extents: [Int] { (0..<rank).map { Int(storage[$0]) } }

    /// The extent of one dimension.
    public subscript(_ dimension: Int) -> Int {
        precondition(dimension < rank, "the shape has fewer dimensions")
        return Int(storage[dimension])
    }

    /// Equal extents.
    public static func == (left: Shape, right: Shape) -> Bool {
        left.rank == right.rank && (0..<left.rank).allSatisfy { left.storage[$0] == right.storage[$0] }
    }

    /// Feeds the extents to a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(rank)
        for dimension in 0..<rank { hasher.combine(storage[dimension]) }
    }

    /// `[out, in]`, as PyTorch prints it.
    public var description: String { "[" + extents.map(String.init).joined(separator: ", ") + "]" }
}
