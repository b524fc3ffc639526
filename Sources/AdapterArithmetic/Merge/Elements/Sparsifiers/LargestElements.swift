/// Keeps the ⌊d·n⌋ elements of the largest magnitudes.
struct LargestElements: Sparsifier {
    let density: Double
    /// Whether one element is kept at least.
    let keepsOne: Bool

    func mask(of input: Int, in elements: Elements) throws -> any ElementMask {
        guard density < 1 else { return EveryElement() }
        let grid = elements.grid
        let count = max(keepsOne ? 1 : 0, density.share(of: grid.elementCount))
        return MagnitudeMask(
            kept: try MagnitudeCut.largest(count, in: grid) { try $0.load(input) })
    }
}
