/// Section 9 of the specification.
extension SpecFile {
    /// Clause 9.4.
    static func tensorDigest(_ tensor: Tensor, module: [UInt8], name: [UInt8], decodedChunks: [[UInt8]]) -> [UInt8] {
        var message: [UInt8] = [0x02] + text(module) + text(name) + [tensor.role, tensor.dtype, tensor.dimensionCount]
        for extent in tensor.extents.prefix(Int(tensor.dimensionCount)) { message += bytes(UInt64(extent)) }
        return hash(message, merkleRoot(decodedChunks.map { hash([0x00], $0) }))
    }

    /// Clause 9.5.
    static func moduleDigest(_ module: Module, name: [UInt8], tensors: [[UInt8]]) -> [UInt8] {
        var message: [UInt8] = [0x03] + text(name) + [module.kind, module.rule] + bytes(module.rank)
        message += bytes(module.alpha) + bytes(UInt32(tensors.count))
        return hash(message + tensors.flatMap(\.self))
    }

    /// Clause 9.6.
    static func contentRoot(metadata: [UInt8], modules: [[UInt8]]) -> [UInt8] {
        hash([0x04], hash(metadata), merkleRoot(modules))
    }

    /// RFC 6962, section 2.1, word by word: k is the largest power of two smaller than n.
    static func merkleRoot(_ leaves: [[UInt8]]) -> [UInt8] {
        guard leaves.count > 1 else { return leaves.first ?? hash([]) }
        var split = 1
        while split * 2 < leaves.count { split *= 2 }
        return hash([0x01], merkleRoot(Array(leaves[..<split])), merkleRoot(Array(leaves[split...])))
    }

    private static func text(_ text: [UInt8]) -> [UInt8] { bytes(UInt32(text.count)) + text }
}
