import Synchronization
import Tensors

/// The transpose of a row-major matrix, made when it is read.
///
/// One output row takes a value from every row of the input, so reading the output in pieces would read the whole
/// input once a piece. The last transpose is therefore kept, one for all tensors that share a ``Slot``; matrices
/// larger than ``Slot/maximumByteCount`` are read anew each time.
struct TransposedSource: TensorSource {
    /// Holds the bytes of the transpose that was read last.
    final class Slot: Sendable {
        /// The largest matrix that is kept, in bytes.
        let maximumByteCount: Int

        private let content = Mutex<(key: Int, bytes: [UInt8])?>(nil)
        private let keyCount = Mutex(0)

        /// An empty slot.
        init(maximumByteCount: Int = 64 << 20) {
            self.maximumByteCount = maximumByteCount
        }

        /// A key that no other tensor of this slot has.
        func makeKey() -> Int {
            keyCount.withLock { count in
                count += 1
                return count
            }
        }

        /// The bytes for a key: those kept, or those that `make` computes, which are kept then.
        func bytes(for key: Int, make: () throws -> [UInt8]) throws -> [UInt8] {
            if let kept = content.withLock({ $0?.key == key ? $0?.bytes : nil }) { return kept }
            let bytes = try make()
            content.withLock { $0 = (key, bytes) }
            return bytes
        }
    }

    /// How many bytes of the input are held at a time.
    private static let pieceByteCount = 1 << 20

    private let input: Tensor
    private let rows: Int
    private let columns: Int
    private let slot: Slot
    private let key: Int

    /// The transpose of `input` read as `rows` × `columns`, whose product is the input's element count.
    init(_ input: Tensor, rows: Int, columns: Int, slot: Slot) {
        self.input = input
        self.rows = rows
        self.columns = columns
        self.slot = slot
        key = slot.makeKey()
    }

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        guard input.byteCount <= slot.maximumByteCount else { return try transpose(range) }
        let all = try slot.bytes(for: key) { try transpose(0..<input.byteCount) }
        return range == 0..<all.count ? all : Array(all[range])
    }

    /// The bytes of a range of the output; reads the input once, in pieces of whole rows.
    private func transpose(_ range: Range<Int>) throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let size = input.dtype.byteCount
        // Whole elements of the output that touch the range.
        let elements = range.lowerBound / size..<(range.upperBound + size - 1) / size
        var output = [UInt8](repeating: 0, count: elements.count * size)
        let firstColumn = elements.lowerBound / rows
        let lastColumn = (elements.upperBound - 1) / rows
        let rowByteCount = columns * size
        let rowsPerPiece = max(1, TransposedSource.pieceByteCount / rowByteCount)
        for firstRow in stride(from: 0, to: rows, by: rowsPerPiece) {
            let pieceRows = firstRow..<min(firstRow + rowsPerPiece, rows)
            let piece = try input.bytes(
                in: pieceRows.lowerBound * rowByteCount..<pieceRows.upperBound * rowByteCount)
            for column in firstColumn...lastColumn {
                for row in pieceRows {
                    let target = column * rows + row
                    guard elements.contains(target) else { continue }
                    let from = (row - firstRow) * rowByteCount + column * size
                    let to = (target - elements.lowerBound) * size
                    for byte in 0..<size { output[to + byte] = piece[from + byte] }
                }
            }
        }
        let skipped = range.lowerBound - elements.lowerBound * size
        return skipped == 0 && output.count == range.count ? output : Array(output[skipped..<skipped + range.count])
    }
}
