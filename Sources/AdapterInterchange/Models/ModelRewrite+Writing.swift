import FileSystem
public import Integrity
import Tensors

extension ModelRewrite {
    /// Writes one file of the result into a folder; it appears complete and durable, or not at all.
    ///
    /// The pieces are computed and written by all processors, while one of them hashes those written before.
    ///
    /// - Parameters:
    ///   - index: which of ``shards``.
    ///   - progress: is told of each number of bytes that were written, from several threads.
    /// - Returns: the digest of the file.
    /// - Throws: `FileSystemError`, and what reading the changed tensors throws.
    public func write(shard index: Int, to folder: String, progress: @Sendable (Int) -> Void = { _ in }) throws
        -> Digest
    {
        let shard = shards[index]
        let file = try OutputFile(in: folder)
        let output = QueuedOutput(file)
        var hasher = SHA256()
        hasher.update(shard.header)
        try file.write(shard.header)
        var pieces = shard.pieces.makeIterator()
        var written: [[UInt8]] = []
        while true {
            let batch = ModelRewrite.nextBatch(&pieces)
            guard !batch.isEmpty || !written.isEmpty else { break }
            let waiting = written
            (_, written) = try Concurrent.both {
                for bytes in waiting { hasher.update(bytes) }
            } _: {
                try Concurrent.map(batch) { piece in
                    let bytes = try shard.bytes(of: piece)
                    try output.write(bytes, at: piece.offset)
                    progress(bytes.count)
                    return bytes
                }
            }
        }
        try file.commit(as: "\(folder)/\(shard.name)")
        return hasher.finalize()
    }

    /// Some pieces for every processor.
    static func nextBatch(_ pieces: inout some IteratorProtocol<Shard.Piece>) -> [Shard.Piece] {
        var batch: [Shard.Piece] = []
        var size = 0
        while size < 4 * Concurrent.workerCount * TensorPieces.byteCount, let piece = pieces.next() {
            batch.append(piece)
            size += piece.range.count
        }
        return batch
    }
}
