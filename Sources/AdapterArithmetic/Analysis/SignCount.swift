import CNumericKernels
import Integrity
import LinearAlgebra

/// Counts where several ΔW of one module have different signs: over all elements, or over a random sample of them.
///
/// Elements are computed in binary64, so that a sign is wrong only where an element is 0 but for rounding.
struct SignCount {
    /// Whether every element is looked at, however many there are.
    let isExact: Bool
    /// Keys the choice of the sample.
    let seed: UInt64

    /// Up to so many elements everything is looked at.
    static let exactLimit = 1 << 20
    /// The size of a sample: the standard error of a rate is at most 0.002.
    static let sampleCount = 1 << 16

    /// The conflicts of each pair of terms, in the order (0, 1), (0, 2), …, (1, 2), …, and of all terms together.
    func conflicts(_ module: ModuleTerms) throws -> (pairs: [SignConflict], all: SignConflict) {
        let layout = module.layout
        let (sliceElements, overflow) = layout.rows.multipliedReportingOverflow(by: layout.columns)
        let (elementCount, exceeds) = sliceElements.multipliedReportingOverflow(by: layout.count)
        guard !overflow, !exceeds else {
            throw ArithmeticError(
                .limitExceeded, "Unable to inspect the module '\(module.name)': ΔW has too many elements to count.",
                module: module.name)
        }
        var tally = SignTally(termCount: module.terms.count)
        let isExact = isExact || elementCount <= SignCount.exactLimit
        let chosen = isExact ? [] : sample(elementCount, module.name).sorted()
        var position = 0
        for slice in 0..<layout.count {
            let updates = try module.updates(ofSlice: slice)
            if isExact {
                for rows in RowTiling(rows: layout.rows, columns: layout.columns).tiles {
                    // Rows and columns change places: a row-major tile is the column-major transpose.
                    tally.add(
                        try updates.map { try $0.aTransposed.product($0.b.rows(rows), transposingOther: true).elements }
                    )
                }
            } else {
                let end = chosen[position...].firstIndex { $0 >= (slice + 1) * sliceElements } ?? chosen.count
                let elements = chosen[position..<end].map { $0 - slice * sliceElements }
                tally.add(updates.map { SignCount.elements(elements, of: $0, columns: layout.columns) })
                position = end
            }
        }
        return tally.result(examined: isExact ? elementCount : chosen.count, of: elementCount)
    }

    /// Positions of elements, drawn with replacement: Philox4x32-10, keyed by the first 16 bytes of SHA-256 over
    /// `adapterctl signs 1`, a zero byte, the seed (8 bytes, little-endian) and the module's name in UTF-8. So the choice
    /// depends neither on the adapters nor on threads.
    private func sample(_ elementCount: Int, _ module: String) -> [Int] {
        let seedBytes = (0..<8).map { UInt8(truncatingIfNeeded: seed >> UInt64(8 * $0)) }
        let digest = SHA256.hash(Array("adapterctl signs 1\0".utf8), seedBytes, Array(module.utf8)).bytes
        let stream = (0..<4).map { word -> UInt32 in
            (0..<4).reduce(0) { sum, byte in sum | UInt32(digest[4 * word + byte]) << (8 * UInt32(byte)) }
        }
        var words = [UInt32](repeating: 0, count: 2 * SignCount.sampleCount)
        unsafe cnk_random_words(stream, 0, &words, words.count)
        return (0..<SignCount.sampleCount).map { index in
            let random = UInt64(words[2 * index]) << 32 | UInt64(words[2 * index + 1])
            return Int(random.multipliedFullWidth(by: UInt64(elementCount)).high)
        }
    }

    /// Some elements of B·A, named by their positions row by row.
    private static func elements(_ positions: [Int], of update: FactorPair, columns: Int) -> [Double] {
        let inner = update.b.columns
        let (b, a) = (update.b.rowMajor, update.aTransposed.rowMajor)
        return positions.map { position in
            let (row, column) = position.quotientAndRemainder(dividingBy: columns)
            var sum = 0.0
            for index in 0..<inner { sum += b[row * inner + index] * a[column * inner + index] }
            return sum
        }
    }
}

/// Counts by pairs and over all.
private struct SignTally {
    private let termCount: Int
    private var pairs: [SignConflict]
    private var all = SignConflict()

    init(termCount: Int) {
        self.termCount = termCount
        pairs = [SignConflict](repeating: SignConflict(), count: termCount * (termCount - 1) / 2)
    }

    /// Adds some elements, those of each term in the same order.
    mutating func add(_ elements: [[Double]]) {
        let count = elements.first?.count ?? 0
        var (positive, negative) = ([UInt16](repeating: 0, count: count), [UInt16](repeating: 0, count: count))
        var pair = 0
        for (first, values) in elements.enumerated() {
            for index in 0..<count {
                positive[index] &+= values[index] > 0 ? 1 : 0
                negative[index] &+= values[index] < 0 ? 1 : 0
            }
            for others in elements[(first + 1)...] {
                var (conflict, compared) = (0, 0)
                for index in 0..<count {
                    let (x, y) = (values[index], others[index])
                    compared &+= x != 0 && y != 0 ? 1 : 0
                    conflict &+= (x > 0 && y < 0) || (x < 0 && y > 0) ? 1 : 0
                }
                pairs[pair].add(conflict, compared)
                pair += 1
            }
        }
        var (conflict, compared) = (0, 0)
        for index in 0..<count {
            compared &+= positive[index] &+ negative[index] > 1 ? 1 : 0
            conflict &+= positive[index] > 0 && negative[index] > 0 ? 1 : 0
        }
        all.add(conflict, compared)
    }

    func result(examined: Int, of elementCount: Int) -> (pairs: [SignConflict], all: SignConflict) {
        func finished(_ conflict: SignConflict) -> SignConflict {
            var conflict = conflict
            conflict.examinedCount = examined
            conflict.elementCount = elementCount
            return conflict
        }
        return (pairs.map(finished), finished(all))
    }
}
