import CNumericKernels

/// Chooses which elements of a matrix are kept.
protocol Sparsifier: Sendable {
    /// Looks at one matrix.
    func mask(of input: Int, in elements: Elements) throws -> any ElementMask
}

/// The choice for one matrix.
protocol ElementMask: Sendable {
    /// Makes 0 of the elements of a tile that are not kept.
    func apply(to values: TileElements, of tile: ElementTile)
}

/// Keeps everything.
struct EveryElement: Sparsifier, ElementMask {
    func mask(of input: Int, in elements: Elements) -> any ElementMask { self }
    func apply(to values: TileElements, of tile: ElementTile) {}
}

extension Double {
    /// This share of a number of elements, rounded down as Python's `int(density * count)` does.
    func share(of count: Int) -> Int { Int(self * Double(count)) }
}
