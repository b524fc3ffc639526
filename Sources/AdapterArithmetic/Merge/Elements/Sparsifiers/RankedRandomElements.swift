import CNumericKernels

/// Keeps each element with a probability between d − ε and d + ε that grows linearly with the rank of its magnitude in
/// its row.
struct RankedRandomElements: Sparsifier {
    let density: Double
    let epsilon: Double
    let seed: UInt64

    func mask(of input: Int, in elements: Elements) throws -> any ElementMask {
        guard density < 1 else { return EveryElement() }
        let columns = elements.grid.source.columns
        let stream = try elements.masks.stream(ofTerm: input, seed: seed)
        // An element alone in its row is the smallest and the largest.
        guard columns > 1 else { return RankedRandomMask(stream: stream, least: density, step: 0) }
        return RankedRandomMask(stream: stream, least: density - epsilon, step: 2 * epsilon / Double(columns - 1))
    }
}

/// Keeps the elements whose random word, over 2³², is below least + rank · step.
private struct RankedRandomMask: ElementMask {
    let stream: [UInt32]
    let least: Double
    let step: Double

    func apply(to values: TileElements, of tile: ElementTile) {
        tile.drawWords(stream)
        tile.rank(values)
        unsafe cnk_keep_ranked(values.pointer, tile.words, tile.ranks, values.count, least, step)
    }
}

extension ElementTile {
    /// Fills ``ranks`` with the positions of the elements in the ascending order of magnitudes of their rows.
    func rank(_ values: TileElements) {
        let columns = columns
        if ranks.count < count { ranks = [UInt32](repeating: 0, count: count) }
        var scratch = [UInt32](repeating: 0, count: 4 * columns)
        unsafe ranks.withUnsafeMutableBufferPointer { ranks in
            guard let start = ranks.baseAddress else { return }
            for row in 0..<rows.count {
                unsafe cnk_rank_magnitudes(
                    values.pointer + row * columns, UInt32(columns), start + row * columns, &scratch)
            }
        }
    }
}
