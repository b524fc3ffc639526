/// Drops the ⌊γ·n⌋ elements of the largest magnitudes and then the smallest, so that ⌊d·n⌋ are left.
///
/// Fewer large ones are dropped where there are not enough elements for both.
struct MiddleElements: Sparsifier {
    let density: Double
    let gamma: Double

    func mask(of input: Int, in elements: Elements) throws -> any ElementMask {
        guard density < 1 else { return EveryElement() }
        let grid = elements.grid
        let kept = density.share(of: grid.elementCount)
        let dropped = min(gamma.share(of: grid.elementCount), grid.elementCount - kept)
        func largest(_ count: Int) throws -> MagnitudeCut {
            try MagnitudeCut.largest(count, in: grid) { try $0.load(input) }
        }
        guard kept > 0 else { return MagnitudeMask(kept: .none) }
        return MagnitudeMask(kept: try largest(dropped + kept), dropped: try largest(dropped))
    }
}
