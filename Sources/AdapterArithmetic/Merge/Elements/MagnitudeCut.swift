import CNumericKernels

/// The first k elements of a matrix in descending order of magnitude, equal ones in the order in which they lie.
///
/// Found exactly and without sorting: the bit patterns of non-negative binary32 numbers are in the numbers' order, so a
/// histogram of their upper 16 bits and one of the lower 15 inside a single bin give the k-th pattern. Memory does not
/// grow with the matrix.
struct MagnitudeCut: Sendable {
    /// The pattern of the least magnitude among them; above all patterns when k is 0.
    let pattern: UInt32
    /// How many elements of exactly that magnitude each tile has among them; nil when all are.
    let quotas: [Int]?

    /// No element.
    static let none = MagnitudeCut(pattern: 0x8000_0000, quotas: nil)
    /// Every element.
    static let all = MagnitudeCut(pattern: 0, quotas: nil)

    /// - Parameters:
    ///   - count: k.
    ///   - load: computes a tile's elements and gives them.
    static func largest(
        _ count: Int, in grid: ElementGrid, _ load: @Sendable (ElementTile) throws -> TileElements
    ) throws -> MagnitudeCut {
        guard count > 0 else { return .none }
        guard count < grid.elementCount else { return .all }
        let uppers = try counts(1 << 16, grid) { counts, tile in
            unsafe cnk_count_upper(try load(tile).pointer, tile.count, &counts)
        }
        let (upper, above) = bin(of: count, in: uppers)
        let lowers = try counts(1 << 15, grid) { counts, tile in
            unsafe cnk_count_lower(try load(tile).pointer, tile.count, UInt32(upper), &counts)
        }
        let (lower, before) = bin(of: count - above, in: lowers)
        let pattern = UInt32(upper) << 15 | UInt32(lower)
        var wanted = count - above - before
        // Zeros weigh nothing, whichever are taken.
        guard wanted < lowers[lower], pattern > 0 else { return MagnitudeCut(pattern: pattern, quotas: nil) }
        let equal = try grid.pass { _ in
            [Int]()
        } _: { counts, tile in
            counts.append(unsafe cnk_count_equal(try load(tile).pointer, tile.count, pattern))
        }
        let quotas = equal.joined().map { count in
            let quota = min(count, wanted)
            wanted -= quota
            return quota
        }
        return MagnitudeCut(pattern: pattern, quotas: quotas)
    }

    /// The number of elements that are not 0.
    static func nonzeroCount(
        in grid: ElementGrid, _ load: @Sendable (ElementTile) throws -> TileElements
    ) throws -> Int {
        let zeros = try grid.pass { _ in
            0
        } _: { count, tile in
            unsafe count += cnk_count_equal(try load(tile).pointer, tile.count, 0)
        }
        return grid.elementCount - zeros.reduce(0, +)
    }

    private static func counts(
        _ size: Int, _ grid: ElementGrid, _ add: @Sendable (inout [UInt32], ElementTile) throws -> Void
    ) throws -> [Int] {
        let bands = try grid.pass { _ in
            [UInt32](repeating: 0, count: size)
        } _: {
            try add(&$0, $1)
        }
        return (0..<size).map { index in bands.reduce(0) { $0 + Int($1[index]) } }
    }

    /// The bin that holds the `count`-th largest value, and how many lie in the bins above it.
    private static func bin(of count: Int, in counts: [Int]) -> (bin: Int, above: Int) {
        var above = 0
        for bin in counts.indices.reversed() {
            if above + counts[bin] >= count { return (bin, above) }
            above += counts[bin]
        }
        return (0, above)
    }
}

/// The elements between two cuts: those of `kept` that `dropped` does not hold. Everything else becomes 0.
struct MagnitudeMask: ElementMask {
    let kept: MagnitudeCut
    var dropped = MagnitudeCut.none

    func apply(to values: TileElements, of tile: ElementTile) {
        // Where fewer elements differ from 0 than are to be dropped, nothing else is left.
        guard dropped.pattern > 0 else {
            return unsafe values.pointer.update(repeating: 0, count: values.count)
        }
        guard kept.quotas != nil || dropped.quotas != nil else {
            return unsafe cnk_keep_between(values.pointer, values.count, kept.pattern, dropped.pattern - 1)
        }
        var keptLeft = kept.quotas?[tile.index] ?? Int.max
        var droppedLeft = dropped.quotas?[tile.index] ?? Int.max
        for index in 0..<tile.count {
            let pattern = unsafe values.pointer[index].magnitude.bitPattern
            let isKept = MagnitudeMask.takes(pattern, kept, &keptLeft)
            let isDropped = MagnitudeMask.takes(pattern, dropped, &droppedLeft)
            if !isKept || isDropped { unsafe values.pointer[index] = 0 }
        }
    }

    private static func takes(_ pattern: UInt32, _ cut: MagnitudeCut, _ left: inout Int) -> Bool {
        guard pattern == cut.pattern else { return pattern > cut.pattern }
        left -= 1
        return left >= 0
    }
}
