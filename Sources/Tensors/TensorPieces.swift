/// Reads tensors piece by piece, on all processors.
package enum TensorPieces {
    /// The length of a piece; whoever decodes in chunks of this length does each once.
    package static let byteCount = 1 << 20
    /// How many pieces a thread reads together.
    private static let countAtOnce = 2
    /// Among how many pieces those of the same length are looked for.
    private static let windowCount = 32

    private struct Piece: Sendable {
        let tensor: Int
        let range: Range<Int>
        /// Where it begins in the bytes of all tensors.
        let offset: Int
    }

    /// Hands over the bytes of all tensors, one after the other, in pieces of at most ``byteCount``.
    ///
    /// - Parameter body: given a piece and where it begins in the bytes of all tensors; called from several threads, so
    ///   pieces may come in another order.
    /// - Complexity: some pieces a processor in memory.
    package static func forEach(of tensors: [Tensor], _ body: @Sendable (_ offset: Int, [UInt8]) throws -> Void) throws
    {
        var pieces: [Piece] = []
        var offset = 0
        for (index, tensor) in tensors.enumerated() {
            for start in stride(from: 0, to: tensor.byteCount, by: byteCount) {
                let range = start..<min(start + byteCount, tensor.byteCount)
                pieces.append(Piece(tensor: index, range: range, offset: offset + start))
            }
            offset += tensor.byteCount
        }
        // Pieces of about the same length together: where two are hashed side by side, the longer one ends alone.
        let groups = stride(from: 0, to: pieces.count, by: windowCount).flatMap { start in
            let window = pieces[start..<min(start + windowCount, pieces.count)]
                .sorted { ($0.range.count, $0.offset) < ($1.range.count, $1.offset) }
            return stride(from: 0, to: window.count, by: countAtOnce).map { first in
                window[first..<min(first + countAtOnce, window.count)]
            }
        }
        _ = try Concurrent.map(groups, workerCount: Concurrent.pieceWorkerCount) { group in
            let contents = try Tensor.bytes(of: group.map { (tensors[$0.tensor], $0.range) })
            for (piece, content) in zip(group, contents) { try body(piece.offset, content) }
        }
    }
}
