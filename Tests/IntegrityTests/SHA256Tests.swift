import AdapterTesting
import Integrity
import Testing

/// FIPS 180-4; the digests are those of NIST's examples and of the CAVP byte-oriented short messages.
struct SHA256Tests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
    ])
    func `the standard's examples`(message: String, digest: String) {
        #expect(SHA256.hash(Array(message.utf8)).hexadecimal == digest)
    }

    @Test(arguments: [
        ("bd", "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"),
        ("c98c8e55", "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504"),
        ("d3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"),
    ])
    func `short messages`(message: String, digest: String) throws {
        #expect(SHA256.hash(try Hexadecimal.bytes(message)).hexadecimal == digest)
    }

    @Test func `a million letters, whole and in pieces`() {
        let digest = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        #expect(SHA256.hash([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)).hexadecimal == digest)
        var hasher = SHA256()
        for _ in 0..<1000 { hasher.update([UInt8](repeating: UInt8(ascii: "a"), count: 1000)) }
        #expect(hasher.finalize().hexadecimal == digest)
    }

    @Test func `every split of a message gives the digest of the whole`() {
        var generator = SeededGenerator(seed: 5)
        // Three blocks and a bit, so that splits fall before, on and after the edges of blocks.
        let message = generator.bytes(200)
        let whole = SHA256.hash(message)
        for first in 0...message.count {
            var hasher = SHA256()
            hasher.update(Array(message[..<first]))
            hasher.update([])
            hasher.update(Array(message[first...]))
            #expect(hasher.finalize() == whole)
            #expect(SHA256.hash(Array(message[..<first]), [], Array(message[first...])) == whole)
        }
        var hasher = SHA256()
        for byte in message { hasher.update([byte]) }
        #expect(hasher.finalize() == whole)
    }

    @Test(arguments: [nil, 0, 0x7F] as [UInt8?])
    func `messages hashed side by side have the digests of those hashed alone`(prefix: UInt8?) {
        var generator = SeededGenerator(seed: 6)
        let counts = [0, 1, 54, 55, 56, 62, 63, 64, 65, 127, 128, 129, 1000, 70_000]
        let messages = (counts + counts.reversed()).map { generator.bytes($0) }
        for count in [0, 1, 2, 3, messages.count] {
            let some = Array(messages.suffix(count))
            let alone = some.map { SHA256.hash(prefix.map { [$0] } ?? [], $0) }
            #expect(SHA256.hashes(of: some, prefix: prefix) == alone)
        }
    }

    @Test func `threads may hash at once`() async {
        let expected = SHA256.hash([UInt8](repeating: 7, count: 100_000))
        await withTaskGroup { group in
            for _ in 0..<32 { group.addTask { SHA256.hash([UInt8](repeating: 7, count: 100_000)) } }
            for await digest in group { #expect(digest == expected) }
        }
    }
}
