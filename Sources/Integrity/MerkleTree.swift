/// The Merkle tree hash of RFC 6962, section 2.1: domain-separated leaves and nodes, split at the largest power of two.
public enum MerkleTree {
    /// The hash of one leaf, `SHA-256(0x00 ‖ data)`.
    public static func leaf(_ data: [UInt8]) -> Digest {
        var hasher = SHA256()
        hasher.update(0x00)
        hasher.update(data)
        return hasher.finalize()
    }

    /// The hashes of several leaves; two take little longer than one.
    public static func leaves(_ data: [[UInt8]]) -> [Digest] { SHA256.hashes(of: data, prefix: 0x00) }

    /// The root over leaf hashes in order; the root of no leaves is the hash of no bytes.
    ///
    /// - Complexity: O(n) hashes, O(log n) memory beyond the input.
    public static func root(_ leaves: some Collection<Digest>) -> Digest {
        // Complete subtrees wait on a stack with their heights; equal heights join, which is RFC 6962's split.
        var pending: [(height: Int, digest: Digest)] = []
        for leaf in leaves {
            var subtree = (height: 0, digest: leaf)
            while let last = pending.last, last.height == subtree.height {
                pending.removeLast()
                subtree = (last.height + 1, node(last.digest, subtree.digest))
            }
            pending.append(subtree)
        }
        guard var root = pending.popLast()?.digest else { return SHA256.hash([]) }
        while let left = pending.popLast()?.digest { root = node(left, root) }
        return root
    }

    private static func node(_ left: Digest, _ right: Digest) -> Digest {
        var hasher = SHA256()
        hasher.update(0x01)
        hasher.update(left)
        hasher.update(right)
        return hasher.finalize()
    }
}
