import AdapterTesting
import CNumericKernels
import Testing

/// The kernels on elements against scalar twins.
@Suite struct KernelTests {
    /// Odd lengths, so that the loops' remainders are met; zeros and equal magnitudes among the values.
    static func values(_ count: Int, seed: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { index in
            index % 7 == 0 ? 0 : index % 5 == 0 ? (index % 2 == 0 ? 0.25 : -0.25) : Float(generator.nextSigned())
        }
    }

    @Test func `Philox gives its published first block, from any position`() {
        var words = [UInt32](repeating: 0, count: 1003)
        cnk_random_words([0, 0, 0, 0], 0, &words, words.count)
        #expect(Array(words.prefix(4)) == [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8])
        for first in [1, 3, 4, 255, 257] {
            var others = [UInt32](repeating: 0, count: 601)
            cnk_random_words([0, 0, 0, 0], UInt64(first), &others, others.count)
            #expect(others == Array(words[first..<first + 601]))
        }
    }

    @Test(arguments: [CNK_ELECTION_WEIGHTED, CNK_ELECTION_TOTAL, CNK_ELECTION_FREQUENCY])
    func `An election is what it says`(election: cnk_election) {
        let (count, inputs) = (601, 3)
        let values = Self.values(inputs * count, seed: 51)
        let weights: [Float] = [0.5, -1.5, 2]
        for divisor in [CNK_DIVISOR_NONE, CNK_DIVISOR_WEIGHTS, CNK_DIVISOR_COUNT] {
            var merged = [Float](repeating: 0, count: count)
            cnk_add_elected(values, count, weights, inputs, &merged, count, election, divisor)
            for index in 0..<count {
                let elements = (0..<inputs).map { values[$0 * count + index] }
                let weighted = zip(elements, weights).map { $0 * $1 }
                let votes = election == CNK_ELECTION_WEIGHTED ? weighted : elements
                let total =
                    election == CNK_ELECTION_FREQUENCY
                    ? votes.reduce(0) { $0 + ($1 > 0 ? 1 : $1 < 0 ? -1 : 0) } : votes.reduce(0, +)
                let agreeing = votes.indices.filter { total >= 0 ? votes[$0] > 0 : votes[$0] < 0 }
                let sum = agreeing.reduce(Float(0)) { $0 + weighted[$1] }
                let parts: Float =
                    switch divisor {
                    case CNK_DIVISOR_WEIGHTS: agreeing.reduce(0) { $0 + weights[$1] }
                    case CNK_DIVISOR_COUNT: Float(agreeing.count)
                    default: 1
                    }
                #expect(merged[index] == sum / (parts == 0 ? 1 : parts))
            }
        }
    }

    @Test(arguments: [(1, 1), (3, 16), (17, 5), (256, 7)])
    func `Elements are placed and gathered where they belong`(rows: Int, columns: Int) {
        let source = Self.values(rows * columns, seed: 53)
        let (width, length, gap) = (columns + 3, rows + 5, Double.nan)
        var (inRows, inColumns) = (
            [Double](repeating: gap, count: rows * width), [Double](repeating: gap, count: columns * length)
        )
        cnk_place_scaled(source, rows, columns, -0.3, &inRows, width)
        cnk_place_scaled_columns(source, rows, columns, -0.3, &inColumns, length)
        var gathered = [Double](repeating: gap, count: rows * columns)
        cnk_gather_rows(inColumns, length, rows, columns, &gathered)
        for row in 0..<rows {
            for column in 0..<columns {
                let value = -0.3 * Double(source[row * columns + column])
                #expect(inRows[row * width + column] == value)
                #expect(inColumns[column * length + row] == value)
                #expect(gathered[row * columns + column] == value)
            }
            #expect(inRows[row * width + columns..<(row + 1) * width].allSatisfy { $0.isNaN })
        }
        for column in 0..<columns {
            #expect(inColumns[column * length + rows..<(column + 1) * length].allSatisfy { $0.isNaN })
        }
    }

    @Test(arguments: [1, 2, 255, 5000]) func `Ranks are those of a stable sort`(count: Int) {
        let values = Self.values(count, seed: 52)
        var ranks = [UInt32](repeating: 0, count: count)
        var scratch = [UInt32](repeating: 0, count: 4 * count)
        cnk_rank_magnitudes(values, UInt32(count), &ranks, &scratch)
        let order = values.indices.sorted { (values[$0].magnitude, $0) < (values[$1].magnitude, $1) }
        #expect(order.indices.allSatisfy { ranks[order[$0]] == UInt32($0) })
    }

    @Test func `Sums, variances and masks`() {
        let (count, inputs) = (333, 2)
        let values = Self.values(inputs * count, seed: 53)
        let first = Array(values.prefix(count))
        #expect((cnk_sum_squares(first, count) - first.reduce(0) { $0 + Double($1) * Double($1) }).magnitude < 1e-12)
        #expect((cnk_sum_magnitudes(first, count) - first.reduce(0) { $0 + Double($1.magnitude) }).magnitude < 1e-12)

        var variances = [Float](repeating: 0, count: count)
        cnk_variance(values, count, inputs, 3, &variances, count)
        for index in 0..<count {
            let elements = [Double(values[index]), Double(values[count + index]), 0]
            let mean = elements.reduce(0, +) / 3
            let variance = elements.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 3
            #expect((Double(variances[index]) - variance).magnitude < 1e-6)
        }

        var kept = first
        cnk_keep_between(&kept, count, Float(0.25).bitPattern, Float(0.5).bitPattern)
        #expect(kept == first.map { (0.25...0.5).contains($0.magnitude) ? $0 : 0 })
        #expect(cnk_count_equal(first, count, Float(0.25).bitPattern) == first.count { $0.magnitude == 0.25 })

        var upper = [UInt32](repeating: 0, count: 1 << 16)
        var lower = [UInt32](repeating: 0, count: 1 << 15)
        cnk_count_upper(first, count, &upper)
        let bin = Float(0.25).bitPattern >> 15
        cnk_count_lower(first, count, bin, &lower)
        #expect(upper.reduce(0, +) == UInt32(count) && lower.reduce(0, +) == upper[Int(bin)])
        #expect(lower[0] == UInt32(first.count { $0.magnitude == 0.25 }))
    }
}
