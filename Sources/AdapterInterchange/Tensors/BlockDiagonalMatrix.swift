import Tensors

/// Matrices whose row blocks are zero outside a column block of their own, and their narrow form without the zeros.
///
/// BD-LoRA stores the narrow form [rows, columns / blocks]: row block i holds the values of column block i.
enum BlockDiagonalMatrix {
    /// The most blocks that are accepted. Blocks stand for the devices of a tensor-parallel group, and their number is
    /// the factor by which a small file grows.
    static let maximumBlockCount = 64
    /// How many bytes of a wide matrix are held at a time.
    fileprivate static let pieceByteCount = 1 << 20

    /// The full matrix of a narrow one; nil when the shape does not divide into blocks.
    static func widening(_ narrow: Tensor, blockCount: Int) -> Tensor? {
        guard narrow.shape.rank == 2, (1...maximumBlockCount).contains(blockCount),
            narrow.shape[0] % blockCount == 0, narrow.shape[0] > 0, narrow.shape[1] > 0,
            let shape = Shape([narrow.shape[0], narrow.shape[1] * blockCount])
        else { return nil }
        return Tensor(dtype: narrow.dtype, shape: shape, source: WideSource(narrow: narrow, blockCount: blockCount))
    }

    /// The narrow form of a full matrix; nil when the shape does not divide into blocks.
    static func narrowing(_ wide: Tensor, blockCount: Int) -> Tensor? {
        guard wide.shape.rank == 2, (1...maximumBlockCount).contains(blockCount),
            wide.shape[0] % blockCount == 0, wide.shape[1] % blockCount == 0, wide.shape.elementCount > 0,
            let shape = Shape([wide.shape[0], wide.shape[1] / blockCount])
        else { return nil }
        return Tensor(dtype: wide.dtype, shape: shape, source: NarrowSource(wide: wide, blockCount: blockCount))
    }

    /// Whether every byte outside the blocks is zero, so that narrowing loses nothing.
    static func isBlockDiagonal(_ wide: Tensor, blockCount: Int) throws -> Bool {
        guard let narrow = narrowing(wide, blockCount: blockCount),
            let rewidened = widening(narrow, blockCount: blockCount)
        else { return false }
        for start in stride(from: 0, to: wide.byteCount, by: pieceByteCount) {
            let range = start..<min(start + pieceByteCount, wide.byteCount)
            guard try wide.bytes(in: range) == rewidened.bytes(in: range) else { return false }
        }
        return true
    }
}

/// Inserts the zeros.
private struct WideSource: TensorSource {
    let narrow: Tensor
    let blockCount: Int

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let narrowRow = narrow.shape[1] * narrow.dtype.byteCount
        let wideRow = narrowRow * blockCount
        let rowsPerBlock = narrow.shape[0] / blockCount
        let rows = range.lowerBound / wideRow...(range.upperBound - 1) / wideRow
        let values = try narrow.bytes(in: rows.lowerBound * narrowRow..<(rows.upperBound + 1) * narrowRow)
        var output = [UInt8](repeating: 0, count: range.count)
        for row in rows {
            let start = row * wideRow + row / rowsPerBlock * narrowRow
            let visible = (start..<start + narrowRow).clamped(to: range)
            let skipped = (row - rows.lowerBound) * narrowRow - start
            for position in visible { output[position - range.lowerBound] = values[position + skipped] }
        }
        return output
    }
}

/// Leaves the zeros out.
private struct NarrowSource: TensorSource {
    let wide: Tensor
    let blockCount: Int

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let wideRow = wide.shape[1] * wide.dtype.byteCount
        let narrowRow = wideRow / blockCount
        let rowsPerBlock = wide.shape[0] / blockCount
        let rowsPerPiece = max(1, BlockDiagonalMatrix.pieceByteCount / wideRow)
        let rows = range.lowerBound / narrowRow..<(range.upperBound - 1) / narrowRow + 1
        var output: [UInt8] = []
        output.reserveCapacity(rows.count * narrowRow)
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: rowsPerPiece) {
            let piece = first..<min(first + rowsPerPiece, rows.upperBound)
            let values = try wide.bytes(in: piece.lowerBound * wideRow..<piece.upperBound * wideRow)
            for row in piece {
                let start = (row - first) * wideRow + row / rowsPerBlock * narrowRow
                output.append(contentsOf: values[start..<start + narrowRow])
            }
        }
        let skipped = range.lowerBound - rows.lowerBound * narrowRow
        return skipped == 0 && output.count == range.count ? output : Array(output[skipped..<skipped + range.count])
    }
}
