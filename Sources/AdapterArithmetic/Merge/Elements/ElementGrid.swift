import LinearAlgebra
import Tensors

/// The tiles of several matrices of one shape.
struct ElementGrid: Sendable {
    let source: any ElementSource
    let tiling: RowTiling

    var elementCount: Int { source.rows * source.columns }

    init(_ source: any ElementSource) {
        self.source = source
        tiling = RowTiling(rows: source.rows, columns: source.columns)
    }

    /// Goes through all tiles, as ``TiledMatrix/pass(bandCount:_:_:)`` does; the body reads what it needs.
    func pass<State: Sendable>(
        bandCount: Int = RowTiling.bandCount, _ initial: @Sendable (Range<Int>) -> State,
        _ body: @Sendable (inout State, ElementTile) throws -> Void
    ) throws -> [State] {
        try Concurrent.map(tiling.bands(bandCount)) { band in
            let tile = ElementTile(source, capacity: tiling.tiles.first?.count ?? 0)
            let (first, last) = (tiling.tiles[band.lowerBound], tiling.tiles[band.upperBound - 1])
            var state = initial(first.lowerBound..<last.upperBound)
            for index in band {
                tile.index = index
                tile.rows = tiling.tiles[index]
                try body(&state, tile)
            }
            return state
        }
    }
}

/// A place for the elements of one tile: those of each matrix, and what they become.
@safe
final class ElementTile {
    private let source: any ElementSource
    private let values: FloatBuffer
    private let result: FloatBuffer
    /// Elements from one matrix to the next.
    let stride: Int
    /// The tile's position.
    fileprivate(set) var index = 0
    /// The tile's rows.
    fileprivate(set) var rows = 0..<0
    /// Random words and ranks; as long as the tile, and four rows.
    var words: [UInt32]
    var ranks: [UInt32]

    init(_ source: any ElementSource, capacity: Int) {
        self.source = source
        stride = capacity * source.columns
        values = FloatBuffer(count: stride * source.count)
        result = FloatBuffer(count: stride)
        words = []
        ranks = []
    }

    /// The number of columns.
    var columns: Int { source.columns }
    /// The number of matrices.
    var sourceCount: Int { source.count }
    /// The number of elements.
    var count: Int { rows.count * source.columns }
    /// The position of the first element, row by row.
    var firstIndex: UInt64 { UInt64(rows.lowerBound * source.columns) }

    /// The elements of one matrix.
    func elements(_ input: Int) -> TileElements {
        unsafe TileElements(count: count, pointer: values.pointer + input * stride)
    }

    /// The merged elements.
    var merged: TileElements { unsafe TileElements(count: count, pointer: result.pointer) }

    /// Reads the elements of one matrix.
    @discardableResult
    func load(_ input: Int) throws -> TileElements {
        let elements = elements(input)
        try unsafe source.read(input, rows: rows, into: elements.pointer)
        return elements
    }

    /// Reads the elements of all.
    func loadAll() throws { for input in 0..<source.count { try load(input) } }
}
