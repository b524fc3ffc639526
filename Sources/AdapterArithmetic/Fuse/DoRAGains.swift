import LinearAlgebra
import Tensors

/// What DoRA multiplies each output by: m / ‖W + s·B·A‖, the norm taken over the inputs (arXiv 2402.09353, section 4.1).
enum DoRAGains {
    /// How many rows one processor sums up at a time; fixed, so that the result does not depend on their number.
    private static let rowCount = 256

    /// The factors of one matrix's outputs.
    ///
    /// - Complexity: reads the weight once.
    static func gains(
        _ term: WeightChange.Term, _ magnitude: Tensor, part: FusedFactors.Part, slice: Int, of change: WeightChange
    ) throws -> [Double] {
        let layout = change.layout
        let starts = Array(stride(from: 0, to: layout.rows, by: rowCount))
        let partial = try Concurrent.map(starts) { start in
            try DoRAGains.squares(
                ofRows: start..<min(start + rowCount, layout.rows), slice: slice, part: part, source: change.source,
                layout)
        }
        var squares: [Double]
        if layout.isTransposed {
            squares = [Double](repeating: 0, count: layout.columns)
            for sums in partial { for (index, sum) in sums.enumerated() { squares[index] += sum } }
        } else {
            squares = partial.flatMap { $0 }
        }
        let first = (term.target.slice ?? slice) * layout.outputs + (term.target.outputs?.lowerBound ?? 0)
        let magnitudes = try magnitude.doubles(in: first..<first + layout.outputs)
        try ArithmeticError.requireFinite(
            magnitudes, verb: "fuse", label: term.label, module: term.module, tensor: "DoRA's magnitude")
        return try zip(magnitudes, squares).enumerated().map { index, pair in
            let norm = pair.1.squareRoot()
            guard norm > 0, norm.isFinite else {
                throw ArithmeticError(
                    .nonFinite,
                    "Unable to fuse '\(term.label)': output \(index) of the module '\(term.module)' has a weight of norm "
                        + "\(norm), which DoRA cannot scale. Check the base model.", module: term.module)
            }
            return pair.0 / norm
        }
    }

    /// The sums of squares of W + ΔW over some stored rows: one for each row, or for each column where these are outputs.
    private static func squares(
        ofRows rows: Range<Int>, slice: Int, part: FusedFactors.Part, source: Tensor, _ layout: StoredLayout
    ) throws -> [Double] {
        let first = (slice * layout.rows + rows.lowerBound) * layout.columns
        let elements = first..<first + rows.count * layout.columns
        let stored = try StoredPiece(source, elements)
        var sums = [Double](repeating: 0, count: layout.isTransposed ? layout.columns : rows.count)
        var buffer = [Float](repeating: 0, count: StoredBlock.bufferCount)
        unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            for block in StoredBlock.blocks(of: elements, layout) {
                let floats = unsafe FloatBlock(
                    buffer, rows: block.rows.count, columns: block.columns.count, stride: StoredBlock.stride)
                for row in block.rows {
                    unsafe stored.copy(
                        from: block.element(ofRow: row, layout), to: floats.row(row - block.rows.lowerBound))
                }
                floats.addProduct(
                    part.left[...], firstRow: block.rows.lowerBound, part.right[...], aColumns: layout.columns,
                    firstColumn: block.columns.lowerBound, inner: part.inner)
                for row in block.rows {
                    let values = unsafe floats.row(row - block.rows.lowerBound)
                    if layout.isTransposed {
                        for column in values.indices {
                            let value = unsafe Double(values[column])
                            sums[block.columns.lowerBound + column] += value * value
                        }
                    } else {
                        sums[row - rows.lowerBound] += unsafe sumOfSquares(values)
                    }
                }
            }
        }
        return sums
    }

    /// Four sums side by side: one alone would wait for each addition.
    private static func sumOfSquares(_ values: UnsafeMutableBufferPointer<Float>) -> Double {
        var sums = (0.0, 0.0, 0.0, 0.0)
        func square(_ index: Int) -> Double {
            let value = unsafe Double(values[index])
            return value * value
        }
        var index = 0
        while index + 4 <= values.count {
            sums.0 += square(index)
            sums.1 += square(index + 1)
            sums.2 += square(index + 2)
            sums.3 += square(index + 3)
            index += 4
        }
        while index < values.count {
            sums.0 += square(index)
            index += 1
        }
        return (sums.0 + sums.1) + (sums.2 + sums.3)
    }
}
