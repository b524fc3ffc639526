import LinearAlgebra
import Tensors

/// A rectangle of one of a tensor's matrices, small enough for the processor's cache.
struct StoredBlock {
    /// The most rows of a block.
    static let maximumRowCount = 64
    /// The most columns of a block.
    static let maximumColumnCount = 512
    /// The distance of two rows in the buffer: no power of two, or all rows would compete for a few lines of the cache.
    static let stride = 528
    /// The elements of a buffer that holds any block.
    static let bufferCount = maximumRowCount * stride

    /// Which of the matrices.
    let slice: Int
    /// Its rows.
    let rows: Range<Int>
    /// Its columns.
    let columns: Range<Int>

    /// The index in the tensor of the first element of a row.
    func element(ofRow row: Int, _ layout: StoredLayout) -> Int {
        (slice * layout.rows + row) * layout.columns + columns.lowerBound
    }

    /// The blocks of a run of elements: the rest of a row, whole rows, the beginning of one.
    static func blocks(of elements: Range<Int>, _ layout: StoredLayout) -> [StoredBlock] {
        guard !elements.isEmpty else { return [] }
        var blocks: [StoredBlock] = []
        func add(_ rows: Range<Int>, _ columns: Range<Int>) {
            // Rows counted over all matrices.
            var row = rows.lowerBound
            while row < rows.upperBound {
                let slice = row / layout.rows
                let end = min(row + maximumRowCount, rows.upperBound, (slice + 1) * layout.rows)
                for start in Swift.stride(from: columns.lowerBound, to: columns.upperBound, by: maximumColumnCount) {
                    blocks.append(
                        StoredBlock(
                            slice: slice, rows: row - slice * layout.rows..<end - slice * layout.rows,
                            columns: start..<min(start + maximumColumnCount, columns.upperBound)))
                }
                row = end
            }
        }
        let (first, firstColumn) = elements.lowerBound.quotientAndRemainder(dividingBy: layout.columns)
        let (last, lastColumn) = elements.upperBound.quotientAndRemainder(dividingBy: layout.columns)
        guard first < last else {
            add(first..<first + 1, firstColumn..<lastColumn)
            return blocks
        }
        if firstColumn > 0 { add(first..<first + 1, firstColumn..<layout.columns) }
        add((firstColumn > 0 ? first + 1 : first)..<last, 0..<layout.columns)
        if lastColumn > 0 { add(last..<last + 1, 0..<lastColumn) }
        return blocks
    }
}

/// A run of a tensor's elements as they are stored, for conversion to floats bit by bit.
struct StoredPiece {
    private let bytes: [UInt8]
    private let dtype: DType
    private let start: Int

    init(_ tensor: Tensor, _ elements: Range<Int>) throws {
        start = elements.lowerBound
        if [.f32, .bf16, .f16].contains(tensor.dtype) {
            dtype = tensor.dtype
            let size = dtype.byteCount
            bytes = try tensor.bytes(in: elements.lowerBound * size..<elements.upperBound * size)
        } else {
            // Types with 8 bits are subsets of binary32.
            dtype = .f32
            bytes = unsafe try tensor.floats(in: elements).withUnsafeBytes { unsafe Array($0) }
        }
    }

    /// Writes elements from the one with that index on.
    func copy(from element: Int, to target: UnsafeMutableBufferPointer<Float>) {
        let offset = (element - start) * dtype.byteCount
        let range = offset..<offset + target.count * dtype.byteCount
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "no such elements")
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe Widening.floats(UnsafeRawBufferPointer(rebasing: buffer[range]), dtype, into: target)
        }
    }
}
