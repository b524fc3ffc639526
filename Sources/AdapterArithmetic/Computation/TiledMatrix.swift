/// The elements of a tile, row by row; valid while the tile is worked on.
@safe
struct TileElements {
    /// The number of elements.
    let count: Int
    /// The first element.
    let pointer: UnsafeMutablePointer<Float>
}

/// A binary32 matrix too large to hold, which computes itself in tiles of whole rows, anew in each pass.
protocol TiledMatrix: Sendable {
    /// The number of rows.
    var rows: Int { get }
    /// The number of columns.
    var columns: Int { get }
    /// The rows of each tile, in order.
    var tiles: [Range<Int>] { get }

    /// Goes through all tiles. Bands of neighbouring tiles are worked on at the same time, the tiles of one band in
    /// order.
    ///
    /// - Parameters:
    ///   - bandCount: the largest number of bands. It may depend on shapes alone, so that what is summed by band comes
    ///     out the same on any machine.
    ///   - initial: makes the state of a band from its rows.
    ///   - body: takes a tile's position and its elements.
    /// - Returns: the states of the bands, in order.
    func pass<State: Sendable>(
        bandCount: Int, _ initial: @Sendable (Range<Int>) -> State,
        _ body: @Sendable (inout State, Int, TileElements) throws -> Void
    ) throws -> [State]
}

/// How a matrix splits into tiles and tiles into bands; follows from its shape.
struct RowTiling: Sendable {
    /// The elements of a tile: as many as stay in a processor's cache together with a second tile.
    private static let elementCount = 1 << 17
    /// The largest number of bands; more than any number of processors gains from.
    static let bandCount = 16

    /// The rows of each tile.
    let tiles: [Range<Int>]

    init(rows: Int, columns: Int) {
        let step = max(1, min(rows, RowTiling.elementCount / max(1, columns)))
        tiles = stride(from: 0, to: rows, by: step).map { $0..<min($0 + step, rows) }
    }

    /// The tiles of each band, as equal in number as they can be.
    func bands(_ count: Int) -> [Range<Int>] {
        let count = max(1, min(count, tiles.count))
        return (0..<count).map { tiles.count * $0 / count..<tiles.count * ($0 + 1) / count }
    }
}
