import AdapterTesting
import Testing

@testable import LinearAlgebra

/// Inner products of columns, and the factorisation they allow.
struct GramTests {
    private func matrix(_ rows: Int, _ columns: Int, seed: UInt64) throws -> Matrix {
        var generator = SeededGenerator(seed: seed)
        let elements = (0..<rows * columns).map { _ in Double.random(in: -1...1, using: &generator) }
        return try Matrix(rows: rows, columns: columns, columnMajor: elements)
    }

    /// Eight sums side by side over panels of 256 elements, as the kernel adds.
    private func twin(_ a: ArraySlice<Double>, _ b: ArraySlice<Double>) -> Double {
        var (a, b, sum) = (Array(a)[...], Array(b)[...], 0.0)
        while !a.isEmpty {
            let (left, right) = (Array(a.prefix(256)), Array(b.prefix(256)))
            var lanes = [Double](repeating: 0, count: 8)
            let whole = left.count - left.count % 8
            for index in 0..<whole { lanes[index % 8].addProduct(left[index], right[index]) }
            var panel =
                ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
            for index in whole..<left.count { panel.addProduct(left[index], right[index]) }
            sum += panel
            (a, b) = (a.dropFirst(256), b.dropFirst(256))
        }
        return sum
    }

    /// One sum after the other within panels of 256 elements, as the other kernel adds.
    private func rowTwin(_ a: [Double], _ b: [Double]) -> Double {
        stride(from: 0, to: a.count, by: 256).reduce(0) { sum, start in
            sum + (start..<min(start + 256, a.count)).reduce(0) { $0.addingProduct(a[$1], b[$1]) }
        }
    }

    @Test(arguments: [0, 1, 7, 8, 9, 255, 256, 257, 530], [1, 2, 3, 4, 5, 8, 15, 16, 17, 33])
    func `both kernels give their twins' bits`(length: Int, count: Int) throws {
        let x = try matrix(length, count, seed: UInt64(length * 100 + count))
        let transposed = x.transposed()
        let (gram, ofRows) = (try x.gram(), try transposed.gramOfRows())
        for i in 0..<count {
            for j in i..<count {
                #expect(gram[i, j] == twin(x.column(i), x.column(j)))
                #expect(gram[j, i] == gram[i, j])
                #expect(ofRows[i, j] == rowTwin(Array(x.column(i)), Array(x.column(j))))
                #expect(ofRows[j, i] == ofRows[i, j])
            }
        }
    }

    /// Sixteen binary32 sums side by side over panels of 256 elements, each panel's total in binary64.
    private func floatTwin(_ a: [Float], _ b: [Float]) -> Double {
        stride(from: 0, to: a.count, by: 256).reduce(0) { sum, start in
            let panel = start..<min(start + 256, a.count)
            let whole = panel.lowerBound..<panel.upperBound - panel.count % 16
            var lanes = [Float](repeating: 0, count: 16)
            for index in whole { lanes[(index - start) % 16].addProduct(a[index], b[index]) }
            let halves = (0..<8).map { Double(lanes[$0]) + Double(lanes[$0 + 8]) }
            var total =
                (halves[0] + halves[4]) + (halves[2] + halves[6])
                + ((halves[1] + halves[5]) + (halves[3] + halves[7]))
            for index in whole.upperBound..<panel.upperBound { total.addProduct(Double(a[index]), Double(b[index])) }
            return sum + total
        }
    }

    /// One binary32 sum after the other over 64 elements, each sum added in binary64.
    private func floatRowTwin(_ a: [Float], _ b: [Float]) -> Double {
        stride(from: 0, to: a.count, by: 64).reduce(0) { sum, start in
            sum + Double((start..<min(start + 64, a.count)).reduce(Float(0)) { $0.addingProduct(a[$1], b[$1]) })
        }
    }

    @Test(arguments: [0, 1, 15, 16, 63, 64, 65, 256, 257, 530], [1, 2, 3, 4, 5, 8, 15, 16, 17, 33, 48])
    func `both binary32 kernels give their twins' bits`(length: Int, count: Int) throws {
        let x = try matrix(length, count, seed: UInt64(length * 100 + count))
        let columns = (0..<count).map { x.column($0).map { Float($0) } }
        let rows = (0..<length).flatMap { row in columns.map { $0[row] } }
        var (ofColumns, ofRows) = (try GramSum(count: count), try GramSum(count: count))
        if length > 0 {
            unsafe columns.flatMap(\.self).withUnsafeBufferPointer { unsafe ofColumns.add(columns: $0, length: length) }
            unsafe rows.withUnsafeBufferPointer { unsafe ofRows.add(rows: $0) }
        }
        for i in 0..<count {
            for j in i..<count {
                #expect(ofColumns.matrix[i, j] == floatTwin(columns[i], columns[j]))
                #expect(ofRows.matrix[i, j] == floatRowTwin(columns[i], columns[j]))
                #expect(ofRows.matrix[j, i] == ofRows.matrix[i, j])
            }
        }
    }

    @Test func `binary32 sums are as precise as is said`() throws {
        let (length, count) = (4096, 16)
        let x = try matrix(length, count, seed: 17)
        let floats = x.elements.map { Float($0) }
        let exact = try Matrix(rows: length, columns: count, columnMajor: floats.map { Double($0) })
        let rows = exact.rowMajor.map { Float($0) }
        var (ofColumns, ofRows) = (try GramSum(count: count), try GramSum(count: count))
        unsafe floats.withUnsafeBufferPointer { unsafe ofColumns.add(columns: $0, length: length) }
        unsafe rows.withUnsafeBufferPointer { unsafe ofRows.add(rows: $0) }
        let gram = try exact.gram()
        for i in 0..<count {
            for j in 0..<count {
                let scale = (gram[i, i] * gram[j, j]).squareRoot()
                #expect((ofColumns.matrix[i, j] - gram[i, j]).magnitude < GramSum.floatPrecision * scale)
                #expect((ofRows.matrix[i, j] - gram[i, j]).magnitude < GramSum.floatPrecision * scale)
            }
        }
    }

    @Test func `parts add up to the bits of the whole`() throws {
        let (length, count) = (700, 21)
        let x = try matrix(length, count, seed: 3)
        let rows = x.rowMajor
        var (ofColumns, ofRows) = (try GramSum(count: count), try GramSum(count: count))
        for start in stride(from: 0, to: length, by: GramSum.length) {
            let end = min(start + GramSum.length, length)
            // As wide as the largest part, with something behind the last part's columns.
            var part = [Double](repeating: .nan, count: GramSum.length * count)
            for column in 0..<count {
                for row in start..<end { part[column * GramSum.length + row - start] = x[row, column] }
            }
            unsafe part.withUnsafeBufferPointer { unsafe ofColumns.add(columns: $0, length: end - start) }
            unsafe rows[start * count..<end * count].withUnsafeBufferPointer { unsafe ofRows.add(rows: $0) }
        }
        #expect(try ofColumns.matrix == x.gram())
        #expect(try ofRows.matrix == x.transposed().gramOfRows())
    }

    @Test(arguments: [(40, 1), (300, 24), (2000, 48)])
    func `the triangle factorises the matrix with orthonormal columns`(rows: Int, columns: Int) throws {
        var x = try matrix(rows, columns, seed: 5)
        // Lengths that differ do not matter.
        x = try x.scalingColumns(by: (0..<columns).map { $0.isMultiple(of: 2) ? 0x1p40 : 0x1p-60 })
        let triangle = try #require(try GramTriangle(gram: x.gram()))
        for column in 0..<columns {
            for row in column + 1..<max(columns, column + 1) { #expect(triangle.r[row, column] == 0) }
        }
        var identity = try Matrix(zeros: columns, columns)
        for index in 0..<columns { identity[index, index] = 1 }
        let q = try x.product(triangle.solved(identity))
        #expect(try q.gram().subtracting(identity).frobeniusNorm < 1e-12)
        let back = try q.product(triangle.r)
        for column in 0..<columns {
            let error = zip(back.column(column), x.column(column)).map { $0 - $1 }
            #expect(Matrix.norm(error[...]) < 1e-13 * Matrix.norm(x.column(column)))
        }
    }

    @Test func `columns that nearly depend on each other are left to other methods`() throws {
        let x = try matrix(500, 6, seed: 9)
        for gap in [0, 1e-14, 1e-9, 1e-5, 1e-4] {
            let nearly = try Matrix(
                rows: 500, columns: 1, columnMajor: zip(x.column(2), x.column(4)).map { $0 + gap * $1 })
            #expect(try GramTriangle(gram: Matrix.horizontally([x, nearly]).gram()) == nil)
        }
        #expect(try GramTriangle(gram: Matrix(zeros: 5, 3).gram()) == nil)
        #expect(try GramTriangle(gram: Matrix(zeros: 0, 0)) == nil)
        #expect(try GramTriangle(gram: Matrix(rows: 1, columns: 2, columnMajor: [1, .infinity]).gram()) == nil)
    }

    @Test func `a triangle is solved only for matrices that fit`() throws {
        let triangle = try #require(try GramTriangle(gram: matrix(50, 3, seed: 1).gram()))
        #expect(throws: LinearAlgebraError.self) { try triangle.solved(Matrix(zeros: 4, 1)) }
        #expect(try triangle.solved(Matrix(zeros: 3, 0)).columns == 0)
    }
}
