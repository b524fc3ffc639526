import AdapterTesting
import Foundation
import Integrity
import Testing

struct DigestTests {
    private static let text = "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210"

    @Test func `each spelling is read again`() throws {
        let digest = try #require(Digest(hexadecimal: Self.text))
        #expect(digest.hexadecimal == Self.text)
        #expect("\(digest)" == "sha256:" + Self.text)
        #expect(digest.abbreviated == "001122334455")
        #expect(digest.bytes == (try Hexadecimal.bytes(Self.text)))
        #expect(Digest(bytes: digest.bytes) == digest)
        #expect(Digest(parsing: "\(digest)") == digest)
        #expect(Digest(hexadecimal: Self.text[...]) == digest)
    }

    /// Here `62` stands for the first 62 digits of a digest, and so on; the lengths come out as 64 where they can.
    @Test(arguments: [
        "", "sha256", "sha256:", "64", "sha256:63", "sha256:640", "SHA256:64", "sha512:64", "sha256-64", " sha256:64",
        "sha256:64 ", "sha256:64\n", "sha256: 63", "sha256:0x62", "sha256:63g", "sha256:63A", "sha256:63\0",
        "sha256:63:",
        "sha256:sha256:57", "sha256:../../../../etc/passwd", "sha256:../61", "sha256:61/..", "sha256:62é",
        "sha256:61\u{FF10}",
        "sha256:62\u{660}", "sha256:\u{301}62", "sha256\u{301}:64", "sha256:-63", "sha256:+63",
    ])
    func `other texts are no digests`(template: String) {
        var text = template
        for count in [57, 61, 62, 63, 64] {
            if let range = text.range(of: "\(count)") {
                text.replaceSubrange(range, with: Self.text.prefix(count))
                break
            }
        }
        #expect(Digest(parsing: text) == nil, "\(text)")
        #expect(Digest(hexadecimal: text) == nil || template == "64", "\(text)")
        #expect(Digest(parsing: "sha256:" + text) == nil || template == "64", "\(text)")
    }

    @Test func `uppercase digits are no digests`() {
        #expect(Digest(parsing: "sha256:" + Self.text) != nil)
        #expect(Digest(parsing: "sha256:" + Self.text.uppercased()) == nil)
        #expect(Digest(hexadecimal: Self.text.uppercased()) == nil)
    }

    @Test(arguments: [0, 1, 31, 33, 64]) func `other lengths are no digests`(count: Int) {
        #expect(Digest(bytes: [UInt8](repeating: 0, count: count)) == nil)
        #expect(Digest(hexadecimal: String(repeating: "0", count: 2 * count)) == nil)
    }

    @Test func `digests are equal, ordered and hashed by all their bytes`() throws {
        let zero = try #require(Digest(bytes: [UInt8](repeating: 0, count: 32)))
        var all: [Digest] = [zero]
        // One bit in each byte: later bytes weigh less.
        for index in (0..<32).reversed() {
            var bytes = [UInt8](repeating: 0, count: 32)
            bytes[index] = 0x80
            all.append(try #require(Digest(bytes: bytes)))
        }
        #expect(Set(all).count == 33)
        #expect(all.shuffled().sorted() == all)
        for (first, second) in zip(all, all.dropFirst()) {
            #expect(first < second && !(second < first) && first != second)
        }
    }

    @Test func `random digests are ordered as their texts are`() throws {
        var generator = SeededGenerator(seed: 11)
        let digests = try (0..<500).map { _ in try #require(Digest(bytes: generator.bytes(32))) }
        #expect(digests.sorted().map(\.hexadecimal) == digests.map(\.hexadecimal).sorted())
    }
}
