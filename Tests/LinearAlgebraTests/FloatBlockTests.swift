import AdapterTesting
import LinearAlgebra
import Testing

/// The vector kernel against its scalar twin.
@Suite struct FloatBlockTests {
    /// The same sums in the same order, without vectors.
    private func twin(_ c: inout [Float], _ b: [Float], _ a: [Float], rows: Int, columns: Int, inner: Int) {
        for row in 0..<rows {
            for column in 0..<columns {
                var sum: Float = 0
                for index in 0..<inner { sum += a[index * columns + column] * b[row * inner + index] }
                c[row * columns + column] += sum
            }
        }
    }

    @Test(arguments: [1, 3, 4, 5, 9], [1, 15, 16, 31, 32, 33, 70])
    func `every size gives the twin's bits`(rows: Int, columns: Int) {
        var generator = SeededGenerator(seed: UInt64(100 * rows + columns))
        for inner in [0, 1, 2, 16, 33] {
            let b = (0..<rows * inner).map { _ in Float(generator.nextSigned()) }
            let a = (0..<inner * columns).map { _ in Float(generator.nextSigned()) }
            var expected = (0..<rows * columns).map { _ in Float(generator.nextSigned()) }
            let stride = columns + 3
            var padded = [Float](repeating: .nan, count: rows * stride)
            for row in 0..<rows {
                for column in 0..<columns { padded[row * stride + column] = expected[row * columns + column] }
            }
            twin(&expected, b, a, rows: rows, columns: columns, inner: inner)
            padded.withUnsafeMutableBufferPointer { buffer in
                FloatBlock(buffer, rows: rows, columns: columns, stride: stride)
                    .addProduct(b[...], firstRow: 0, a[...], aColumns: columns, firstColumn: 0, inner: inner)
            }
            for row in 0..<rows {
                let range = row * stride..<row * stride + columns
                #expect(
                    padded[range].map(\.bitPattern) == expected[row * columns..<(row + 1) * columns].map(\.bitPattern))
                // What lies between the rows is not touched.
                #expect(!padded[range.upperBound..<(row + 1) * stride].contains { !$0.isNaN })
            }
        }
    }

    @Test func `a part of larger factors`() {
        var generator = SeededGenerator(seed: 1)
        let (rows, columns, inner) = (10, 50, 6)
        let b = (0..<rows * inner).map { _ in Float(generator.nextSigned()) }
        let a = (0..<inner * columns).map { _ in Float(generator.nextSigned()) }
        var whole = [Float](repeating: 0, count: rows * columns)
        twin(&whole, b, a, rows: rows, columns: columns, inner: inner)
        var part = [Float](repeating: 0, count: 5 * 40)
        part.withUnsafeMutableBufferPointer { buffer in
            FloatBlock(buffer, rows: 5, columns: 40, stride: 40)
                .addProduct(b[...], firstRow: 3, a[...], aColumns: columns, firstColumn: 7, inner: inner)
        }
        for row in 0..<5 {
            #expect(
                Array(part[row * 40..<(row + 1) * 40])
                    == Array(whole[(row + 3) * columns + 7..<(row + 3) * columns + 47]))
        }
    }
}
