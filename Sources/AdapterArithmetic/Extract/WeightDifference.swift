import LinearAlgebra
import Tensors

/// What tuning changed in one tensor, as a matrix of binary32 that is read tile by tile and never held.
struct WeightDifference: TiledMatrix {
    /// The tensor's name.
    let name: String
    /// What messages call the models.
    let labels: (base: String, tuned: String)
    let base: Tensor
    let tuned: Tensor
    let rows: Int
    let columns: Int
    let tiles: [Range<Int>]
    private let tiling: RowTiling

    /// - Parameters:
    ///   - base: a tensor of at least one element.
    ///   - tuned: a tensor of the same shape; the last extent makes the columns, a vector is one row.
    init(name: String, labels: (base: String, tuned: String), base: Tensor, tuned: Tensor) {
        self.name = name
        self.labels = labels
        self.base = base
        self.tuned = tuned
        columns = base.shape.rank > 0 ? base.shape[base.shape.rank - 1] : 1
        rows = base.shape.elementCount / max(1, columns)
        tiling = RowTiling(rows: rows, columns: columns)
        tiles = tiling.tiles
    }

    func pass<State: Sendable>(
        bandCount: Int, _ initial: @Sendable (Range<Int>) -> State,
        _ body: @Sendable (inout State, Int, TileElements) throws -> Void
    ) throws -> [State] {
        try Concurrent.map(tiling.bands(bandCount)) { band in
            var state = initial(tiles[band.lowerBound].lowerBound..<tiles[band.upperBound - 1].upperBound)
            let buffer = FloatBuffer(count: (tiles.first?.count ?? 0) * columns)
            for index in band {
                let elements = tiles[index].lowerBound * columns..<tiles[index].upperBound * columns
                let (old, new) = (try base.floats(in: elements), try tuned.floats(in: elements))
                for position in old.indices { unsafe buffer.pointer[position] = new[position] - old[position] }
                let tile = unsafe TileElements(count: elements.count, pointer: buffer.pointer)
                try requireFinite(tile, old)
                try body(&state, index, tile)
            }
            return state
        }
    }

    private func requireFinite(_ tile: TileElements, _ old: [Float]) throws {
        guard
            let value = unsafe UnsafeBufferPointer(start: tile.pointer, count: tile.count).first(where: { !$0.isFinite }
            )
        else { return }
        let isBase = !old.allSatisfy(\.isFinite)
        throw ArithmeticError(
            .nonFinite,
            "Unable to extract: the tensor '\(name)' of \(isBase ? labels.base : labels.tuned) holds "
                + "\(isBase ? old.first { !$0.isFinite } ?? value : value). Use models whose weights are finite.",
            module: name)
    }
}
