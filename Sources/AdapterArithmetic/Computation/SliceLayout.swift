import Adapters
import Tensors

/// How an update splits into plain matrix products B·A of equal shapes: one for most kinds, one for each expert of a
/// stack, one for each group of a grouped convolution.
///
/// In each case a slice of A and a slice of B are contiguous.
struct SliceLayout: Sendable, Hashable {
    /// The number of slices.
    let count: Int
    /// The rows of B in each slice.
    let rows: Int
    /// The columns of A in each slice, kernel positions included.
    let columns: Int

    /// One matrix.
    init(rows: Int, columns: Int) {
        (count, self.rows, self.columns) = (1, rows, columns)
    }

    init(_ update: LowRankUpdate, module: String) throws {
        let (a, b) = (update.a.shape, update.b.shape)
        switch update.kind {
        case .linear, .transposedLinear, .embedding:
            (count, rows, columns) = (1, b[0], a[1])
        case .convolution:
            count = update.groupCount
            guard b[0] % count == 0 else {
                throw ArithmeticError(
                    .shapeMismatch,
                    "Unable to compute with the module '\(module)': B \(b) does not split into \(count) groups.",
                    module: module)
            }
            (rows, columns) = (b[0] / count, a.elementCount / update.rank)
        case .experts:
            (count, rows, columns) = (a[0], b[1], a[2])
        }
    }
}

extension LowRankUpdate {
    /// The groups of a grouped convolution; 1 for everything else.
    var groupCount: Int { kind == .convolution ? rank / b.shape[1] : 1 }

    /// The extents of the changed weight: [out, in, kernel…], with the number of experts in front of a stack.
    package var weightExtents: [Int] {
        switch kind {
        case .linear, .transposedLinear, .embedding: [b.shape[0], a.shape[1]]
        case .convolution: [b.shape[0]] + a.shape.extents.dropFirst()
        case .experts: [a.shape[0], b.shape[1], a.shape[2]]
        }
    }

    /// The shapes of A and B for the same weight and another rank.
    func shapes(rank: Int) -> (a: [Int], b: [Int]) {
        switch kind {
        case .linear, .transposedLinear, .embedding: ([rank, a.shape[1]], [b.shape[0], rank])
        case .convolution:
            (
                [rank] + a.shape.extents.dropFirst(),
                [b.shape[0], rank] + [Int](repeating: 1, count: b.shape.rank - 2)
            )
        case .experts: ([a.shape[0], rank, a.shape[2]], [a.shape[0], b.shape[1], rank])
        }
    }
}

extension SliceLayout {
    /// How many elements a slice's factors, its core and a module's stored factors may have.
    static let maximumElementCount = 1 << 30

    /// Whether factors with that many inner dimensions a slice are within what any sensible adapter needs.
    ///
    /// - Parameter storesAll: whether the stored factors of all slices are in memory at once.
    func fitsMemory(inner: Int, storesAll: Bool) -> Bool {
        // Factors and their residuals stand side by side.
        let (factors, tooLarge) = (rows + columns).multipliedReportingOverflow(by: 2 * inner)
        let (stored, tooMuch) = factors.multipliedReportingOverflow(by: storesAll ? count : 1)
        let limit = SliceLayout.maximumElementCount
        return inner <= LowRankUpdate.maximumRank && !tooLarge && factors <= limit
            && 4 * min(inner, rows) * min(inner, columns) <= limit && !tooMuch && stored / 2 <= limit
    }
}
