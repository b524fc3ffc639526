import CNumericKernels

/// Keeps each element with the probability d, independently.
struct RandomElements: Sparsifier {
    let density: Double
    let seed: UInt64

    func mask(of input: Int, in elements: Elements) throws -> any ElementMask {
        guard density < 1 else { return EveryElement() }
        return RandomMask(
            stream: try elements.masks.stream(ofTerm: input, seed: seed),
            threshold: UInt64((density * 0x1p32).rounded(.up)))
    }
}

/// Keeps the elements whose random word is below a threshold.
private struct RandomMask: ElementMask {
    let stream: [UInt32]
    let threshold: UInt64

    func apply(to values: TileElements, of tile: ElementTile) {
        tile.drawWords(stream)
        unsafe cnk_keep_below(values.pointer, tile.words, values.count, threshold)
    }
}

extension ElementTile {
    /// Fills ``words`` with the random words of the tile's elements.
    func drawWords(_ stream: [UInt32]) {
        if words.count < count { words = [UInt32](repeating: 0, count: count) }
        unsafe cnk_random_words(stream, firstIndex, &words, count)
    }
}
