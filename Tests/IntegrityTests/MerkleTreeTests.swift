import AdapterTesting
import Integrity
import Testing

/// RFC 6962, section 2.1.
struct MerkleTreeTests {
    /// The leaves of Certificate Transparency's reference tests.
    private static let inputs = [
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    ]

    @Test(arguments: [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        (6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ])
    func `the reference tree of Certificate Transparency`(count: Int, root: String) throws {
        let leaves = try Self.inputs.prefix(count).map { MerkleTree.leaf(try Hexadecimal.bytes($0)) }
        #expect(MerkleTree.root(leaves).hexadecimal == root)
    }

    /// MTH(D[n]) word by word: split at the largest power of two smaller than n.
    private func definition(_ leaves: ArraySlice<Digest>) -> Digest {
        guard leaves.count > 1 else { return leaves.first ?? SHA256.hash([]) }
        var split = 1
        while split * 2 < leaves.count { split *= 2 }
        let middle = leaves.startIndex + split
        let left = definition(leaves[..<middle])
        return SHA256.hash([0x01] + left.bytes + definition(leaves[middle...]).bytes)
    }

    @Test(arguments: Array(0...64) + [127, 128, 129, 1000, 1023, 1024, 1025])
    func `the root is that of the definition`(count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        let leaves = (0..<count).map { _ in MerkleTree.leaf(generator.bytes(3)) }
        #expect(MerkleTree.root(leaves) == definition(leaves[...]))
    }

    @Test func `a leaf is not a node and no leaf may move`() throws {
        var generator = SeededGenerator(seed: 1)
        let left = MerkleTree.leaf(generator.bytes(32))
        let right = MerkleTree.leaf(generator.bytes(32))
        let root = MerkleTree.root([left, right])
        #expect(MerkleTree.leaf(left.bytes + right.bytes) != root)
        #expect(MerkleTree.root([right, left]) != root)
        #expect(MerkleTree.root([left, right, right]) != root)
        #expect(MerkleTree.root([root]) == root)
        #expect(MerkleTree.leaf([]) == SHA256.hash([0x00]))
        #expect(MerkleTree.leaf([7]) == SHA256.hash([0x00, 7]))
    }

    @Test(arguments: [0, 1, 62, 63, 64, 126, 127, 128, 191, 1000, 70_000])
    func `leaves hashed side by side are those hashed alone`(byteCount: Int) {
        var generator = SeededGenerator(seed: UInt64(byteCount))
        for otherCount in [0, 1, 63, 64, 127, 128, byteCount, byteCount + 1, 2 * byteCount] {
            let data = [byteCount, otherCount, byteCount / 2].map { count in
                (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            }
            for count in 0...3 {
                let leaves = Array(data.prefix(count))
                #expect(MerkleTree.leaves(leaves) == leaves.map { SHA256.hash([0x00] + $0) })
            }
        }
    }
}
