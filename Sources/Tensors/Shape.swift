/// The extents of a tensor, outermost first; row-major order.
public struct Shape: Hashable, Sendable, CustomStringConvertible {
    /// The largest number of dimensions.
    public static let maximumRank = 6
    /// The largest extent of one dimension, 2³¹.
    public static let maximumExtent = 1 << 31

    /// The extents, outermost first. A shape without extents is a scalar.
    public let extents: [Int]
    /// The product of the extents; 1 for a scalar.
    public let elementCount: Int

    /// Creates a shape, nil when it has too many dimensions, an extent outside 0 … 2³¹, or more elements than a
    /// 48-bit count.
    public init?(_ extents: [Int]) {
        guard extents.count <= Shape.maximumRank,
            extents.allSatisfy({ $0 >= 0 && $0 <= Shape.maximumExtent })
        else { return nil }
        // A zero decides the product wherever it stands, so it comes first.
        var count = extents.contains(0) ? 0 : 1
        for extent in extents {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow, product < 1 << 48 else { return nil }
            count = product
        }
        self.extents = extents
        self.elementCount = count
    }

    /// The number of dimensions.
    public var rank: Int { extents.count }

    /// The extent of one dimension.
    public subscript(_ dimension: Int) -> Int { extents[dimension] }

    /// `[out, in]`, as PyTorch prints it.
    public var description: String { "[" + extents.map(String.init).joined(separator: ", ") + "]" }
}
