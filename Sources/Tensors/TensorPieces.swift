/// Reads tensors piece by piece, several pieces at a time, and hands them over in order.
package enum TensorPieces {
    /// The length of a piece; whoever decodes in chunks of this length does each once.
    package static let byteCount = 1 << 20

    /// Hands over the bytes of all tensors in order, in pieces of at most ``byteCount``.
    ///
    /// The next pieces are read while `body` works on the last ones. Sources are read from several threads.
    ///
    /// - Complexity: eight pieces a processor in memory.
    package static func forEach(of tensors: [Tensor], _ body: ([UInt8]) throws -> Void) throws {
        var pieces = tensors.lazy.flatMap { tensor in
            stride(from: 0, to: tensor.byteCount, by: byteCount).lazy.map { start in
                (tensor, start..<min(start + byteCount, tensor.byteCount))
            }
        }.makeIterator()
        func nextBatch() -> [(Tensor, Range<Int>)] {
            var batch: [(Tensor, Range<Int>)] = []
            var size = 0
            while size < 4 * Concurrent.workerCount * byteCount, let piece = pieces.next() {
                batch.append(piece)
                size += piece.1.count
            }
            return batch
        }
        var ready: [[UInt8]] = []
        while true {
            let batch = nextBatch()
            guard !batch.isEmpty || !ready.isEmpty else { return }
            let waiting = ready
            (ready, _) = try Concurrent.both {
                try Concurrent.map(batch) { try $0.0.bytes(in: $0.1) }
            } _: {
                for piece in waiting { try body(piece) }
            }
        }
    }
}
