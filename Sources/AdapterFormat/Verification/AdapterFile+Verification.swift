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
            try verifyContent(progress: progress)
        } _: {
            try self.digest()
        }
        // It was read twice; what the digest is of must be what was verified.
        try file.checkUnchanged()
        return digest
    }

    /// SHA-256 of the whole file, its name in a store.
    public func digest() throws -> Digest {
        var hasher = SHA256()
        var starts = stride(from: 0, to: file.byteCount, by: AdapterFile.pieceByteCount).makeIterator()
        // One thread reads while the other hashes.
        try Concurrent.flow(workerCount: 2) {
            try starts.next().map { start in
                try file.read(at: start, count: min(AdapterFile.pieceByteCount, file.byteCount - start))
            }
        } transform: {
            $0
        } consume: {
            hasher.update($0)
        }
        return hasher.finalize()
    }

    /// What is read at a time to be hashed.
    private static let pieceByteCount = 1 << 20

    /// As ``verify(progress:)``, without the digest of the whole file: whether the values are those of the content root.
    ///
    /// Chunks whose content was gathered (``gatheringContent()``) are not read again.
    public func verifyContent(progress: ((Int) -> Void)? = nil) throws {
        try verifyContent(arrived: nil, progress)
    }

    /// As ``verifyContent(progress:)``.
    ///
    /// - Parameter arrived: what was verified while the file arrived, and is not read again.
    package func verifyContent(arrived: PartVerification?, _ progress: ((Int) -> Void)? = nil) throws {
        let isSameFile = arrived?.header.fixed.headerDigest == header.fixed.headerDigest
        try verifyTensors(leaves: isSameFile ? arrived?.leaves : gathered?.all, progress)
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
    ///
    /// - Parameter leaves: those of chunks for which that is done.
    private func verifyTensors(leaves known: [Digest?]?, _ progress: ((Int) -> Void)?) throws {
        var leaves = known ?? Array(repeating: nil, count: header.chunks.count)
        var tensors = header.tensors.indices[...]
        while !tensors.isEmpty {
            // As many tensors as keep all processors busy, or one that is longer.
            let start = tensors.startIndex
            var chunks: [DataChunk] = []
            while chunks.count < 64 * Concurrent.workerCount, let tensor = tensors.popFirst() {
                chunks += (0..<header.tensors[tensor].chunkCount)
                    .map { DataChunk(header: header, tensor: tensor, index: $0, path: file.path) }
                    .filter { leaves[$0.place] == nil }
            }
            let groups = stride(from: 0, to: chunks.count, by: DataChunk.countAtOnce).map { [chunks] start in
                Array(chunks[start..<min(start + DataChunk.countAtOnce, chunks.count)])
            }
            let found = try Concurrent.map(groups, workerCount: Concurrent.pieceWorkerCount) { chunks in
                try DataChunk.leaves(
                    chunks, extents: chunks.map { try file.read(at: $0.position, count: $0.extentByteCount) })
            }
            for (chunk, leaf) in zip(chunks, found.joined()) { leaves[chunk.place] = leaf }
            for tensor in start..<tensors.startIndex { try check(tensor, leaves, progress) }
        }
    }

    private func check(_ tensor: Int, _ leaves: [Digest?], _ progress: ((Int) -> Void)?) throws {
        let record = header.tensors[tensor]
        let places = record.firstChunk..<record.firstChunk + record.chunkCount
        let digest = Identity.tensorDigest(
            module: header.names.names[Int(header.modules[record.module].name)],
            name: header.names.names[Int(record.name)], role: record.role, dtype: record.dtype, shape: record.shape,
            leaves: leaves[places].compactMap(\.self))
        guard digest == record.digest else {
            let name = header.displayName(ofTensor: tensor)
            throw FormatError(
                .digestMismatch, "The values of '\(name)' do not have the digest that the file states.", tensor: name)
        }
        progress?(header.chunks[places].reduce(0) { $0 + $1.extentByteCount(alignment: header.fixed.alignment) })
    }
}
