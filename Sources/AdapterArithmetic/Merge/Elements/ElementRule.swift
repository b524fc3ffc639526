import LinearAlgebra

/// A method that merges matrices element by element, after it has looked at all of them.
protocol ElementRule: Sendable {
    /// Looks at the elements as often as it takes to find thresholds and norms.
    func prepared(_ elements: Elements) throws -> any PreparedElementRule
}

/// A rule with thresholds and norms.
protocol PreparedElementRule: Sendable {
    /// Reads a tile and merges it.
    func merge(_ tile: ElementTile) throws
}

/// What a rule is applied to.
struct Elements: Sendable {
    let grid: ElementGrid
    /// The weight of each matrix.
    let weights: [Float]
    /// The number of adapters that take part; those without a matrix count as zeros.
    let inputCount: Int
    /// The random streams of the matrices.
    let masks: MaskKeys
}

/// The matrix that a rule makes.
struct MergedElements: TiledMatrix {
    let elements: Elements
    let rule: any PreparedElementRule

    var rows: Int { elements.grid.source.rows }
    var columns: Int { elements.grid.source.columns }
    var tiles: [Range<Int>] { elements.grid.tiling.tiles }

    init(_ rule: any ElementRule, of elements: Elements) throws {
        self.elements = elements
        self.rule = try rule.prepared(elements)
    }

    func pass<State: Sendable>(
        bandCount: Int, _ initial: @Sendable (Range<Int>) -> State,
        _ body: @Sendable (inout State, Int, TileElements) throws -> Void
    ) throws -> [State] {
        try elements.grid.pass(bandCount: bandCount, initial) { state, tile in
            try rule.merge(tile)
            try body(&state, tile.index, tile.merged)
        }
    }

    /// All elements, row by row; for matrices that fit memory.
    func collected() throws -> FloatBuffer {
        let buffer = FloatBuffer(count: rows * columns)
        _ = try pass(bandCount: RowTiling.bandCount) { _ in
            0
        } _: { _, tile, values in
            // Each tile has a place of its own.
            unsafe (buffer.pointer + tiles[tile].lowerBound * columns).update(
                from: values.pointer, count: values.count)
        }
        return buffer
    }
}
