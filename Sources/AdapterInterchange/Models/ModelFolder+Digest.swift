import ByteCoding
public import Integrity
import Tensors

extension ModelFolder {
    /// The digest of the weights, which names the model in `BaseModel`.
    ///
    /// SHA-256 over the line `adapterctl model weights 1` and then, for each tensor ascending by name, a line
    /// `NAME DTYPE [EXTENTS] DIGEST` with the SHA-256 of its bytes. It does not depend on how the tensors are spread
    /// over files, nor on configuration and tokenizer. DTYPE is the name in safetensors; names are written as JSON.
    ///
    /// - Parameter progress: is told of each number of bytes that were hashed, from several threads.
    /// - Throws: `FileSystemError` when a file cannot be read.
    /// - Complexity: reads the whole model once.
    public func weightsDigest(progress: @Sendable (Int) -> Void = { _ in }) throws -> Digest {
        let digests = try Concurrent.map(entries) { entry in
            var hasher = SHA256()
            try shards[entry.shard].file.forEachPiece(of: entry.tensor) { piece in
                hasher.update(piece)
                progress(piece.count)
            }
            return hasher.finalize()
        }
        return ModelFolder.weightsDigest(zip(entries, digests).map { ($0.tensor, $1) })
    }

    /// The digest of a model from those of its tensors, ascending by name.
    static func weightsDigest(_ tensors: [(tensor: SafetensorsFile.Entry, digest: Digest)]) -> Digest {
        var hasher = SHA256()
        hasher.update(Array("adapterctl model weights 1\n".utf8))
        for (tensor, digest) in tensors {
            let extents = tensor.shape.map(String.init).joined(separator: ",")
            let name = JSON.text(.string(tensor.name))
            hasher.update(Array("\(name) \(tensor.dtypeName) [\(extents)] \(digest.hexadecimal)\n".utf8))
        }
        return hasher.finalize()
    }
}
