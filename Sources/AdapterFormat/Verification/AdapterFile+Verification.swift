internal import Adapters
internal import FileSystem
public import Integrity
internal import Tensors

extension AdapterFile {
    /// Recomputes every hash of the file: sections, chunks, tensors (the content root was recomputed when the file
    /// was opened), and finally the digest of the whole file.
    ///
    /// - Parameter progress: called with the number of bytes of the file examined since the last call; their sum is
    ///   the file's length.
    /// - Returns: SHA-256 of the file, its name in a store.
    /// - Throws: ``FormatError`` naming the first fault.
    /// - Complexity: reads the file twice and decodes every chunk once; some chunks a processor in memory.
    public func verify(progress: ((Int) -> Void)? = nil) throws -> Digest {
        let (_, digest) = try Concurrent.both {
            try verifyContent(progress)
        } _: {
            try self.digest()
        }
        return digest
    }

    /// SHA-256 of the whole file, its name in a store.
    public func digest() throws -> Digest {
        var hasher = SHA256()
        try file.forEachPiece(in: 0..<file.byteCount) { hasher.update($0) }
        return hasher.finalize()
    }

    /// As ``verify(progress:)``, without the digest of the whole file, for a caller who knows it.
    package func verifyContent(_ progress: ((Int) -> Void)? = nil) throws {
        try verifyTensors(progress)
        progress?(header.fixed.headerByteCount)
        for section in header.sections where section.offset >= header.fixed.headerByteCount {
            var hasher = SHA256()
            try file.forEachPiece(in: section.offset..<section.end) { hasher.update($0) }
            guard hasher.finalize() == section.digest else {
                throw FormatError(
                    .digestMismatch, "The section '\(section.tag)' does not have the digest that the table states.",
                    byteOffset: section.offset)
            }
            progress?(section.byteCount)
        }
        _ = try provenance()
        _ = try signatures()
    }

    /// Checks each chunk's digest, decodes it, and compares the tensors' digests with those that the table states.
    private func verifyTensors(_ progress: ((Int) -> Void)?) throws {
        var sources = header.tensors.indices[...]
        while !sources.isEmpty {
            // As many tensors as keep all processors busy, or one that is longer.
            var batch: [ChunkedTensorSource] = []
            var chunks: [DataChunk] = []
            while chunks.count < 64 * Concurrent.workerCount, let index = sources.popFirst() {
                let source = ChunkedTensorSource(index, in: header, file: file)
                chunks += (0..<source.record.chunkCount).map { DataChunk(source: source, index: $0) }
                batch.append(source)
            }
            let groups = stride(from: 0, to: chunks.count, by: DataChunk.countAtOnce).map { [chunks] start in
                Array(chunks[start..<min(start + DataChunk.countAtOnce, chunks.count)])
            }
            let leaves = try Concurrent.map(groups) { try MerkleTree.leaves(DataChunk.decoded($0)) }
            var rest = leaves.flatMap(\.self)[...]
            for source in batch {
                try check(source, leaves: Array(rest.prefix(source.chunks.count)))
                rest = rest.dropFirst(source.chunks.count)
                progress?(
                    source.chunks.reduce(0) { $0 + $1.extentByteCount(alignment: source.alignment) })
            }
        }
    }

    private func check(_ source: ChunkedTensorSource, leaves: [Digest]) throws {
        let digest = Identity.tensorDigest(
            module: source.moduleName, name: source.name, role: source.record.role, dtype: source.record.dtype,
            shape: source.record.shape, leaves: leaves)
        guard digest == source.record.digest else {
            throw FormatError(
                .digestMismatch, "The values of '\(source.displayName)' do not have the digest that the file states.",
                tensor: source.displayName)
        }
    }
}
