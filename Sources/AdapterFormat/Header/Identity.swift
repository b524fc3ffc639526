internal import Adapters
internal import ByteCoding
internal import Integrity
internal import Tensors

/// The digests that make an adapter's identity (spec section 9). They depend on values, never on encodings.
enum Identity {
    /// The tensor digest (spec clause 9.4) from the Merkle leaves of the tensor's decoded chunks.
    static func tensorDigest(
        module: String, name: String, role: TensorRole, dtype: DType, shape: Shape, leaves: [Digest]
    ) -> Digest {
        var writer = ByteWriter()
        writer.write(UInt8(0x02))
        writer.writeText(module)
        writer.writeText(name)
        writer.write(role.rawValue)
        writer.write(dtype.rawValue)
        writer.write(UInt8(shape.rank))
        for extent in shape.extents { writer.write(UInt64(extent)) }
        writer.write(MerkleTree.root(leaves).bytes)
        return SHA256.hash(writer.bytes)
    }

    /// The module digest (spec clause 9.5).
    static func moduleDigest(_ record: ModuleRecord, name: String, tensors: some Collection<Digest>) -> Digest {
        var writer = ByteWriter(capacity: 32 + name.utf8.count)
        writer.write(UInt8(0x03))
        writer.writeText(name)
        writer.write(record.kind?.rawValue ?? 0)
        writer.write(record.scalingRule.rawValue)
        writer.write(UInt32(record.rank))
        writer.write(record.alpha.bitPattern)
        writer.write(UInt32(tensors.count))
        var hasher = SHA256()
        hasher.update(writer.bytes)
        for digest in tensors { hasher.update(digest) }
        return hasher.finalize()
    }

    /// The content root (spec clause 9.6).
    static func contentRoot(metadata: [UInt8], modules: [Digest]) -> Digest {
        SHA256.hash([0x04], SHA256.hash(metadata).bytes, MerkleTree.root(modules).bytes)
    }
}

extension ByteWriter {
    /// The `u32` byte count of a text, then its bytes (spec clause 1.2).
    fileprivate mutating func writeText(_ text: String) {
        write(UInt32(text.utf8.count))
        write(text.utf8)
    }
}
