import AdapterFormat
import AdapterTesting
import FileSystem
import Testing

/// Every small damage to a file is detected, and none of it traps.
@Suite struct DamageTests {
    static let files: [(name: String, bytes: [UInt8])] = {
        let small = try? TestAdapters.small()
        return WritingCodec.allCases.compactMap { codec in
            guard let small, let bytes = try? fileBytes(small, codec, provenance: TestAdapters.provenance) else {
                return nil
            }
            return ("small-\(codec)", bytes)
        }
    }()

    @Test func `There are three files to damage`() { #expect(DamageTests.files.count == 3) }

    @Test(arguments: 0..<3)
    func `Every truncation is detected`(index: Int) throws {
        let bytes = DamageTests.files[index].bytes
        try withPath { path in
            for count in bytes.indices.reversed() {
                let expected = count == 0 ? "wrongMagic" : "truncated"
                let found = try openAndVerify(Array(bytes[..<count]), path)
                #expect(found == expected, "\(count) of \(bytes.count) bytes")
            }
        }
    }

    @Test(arguments: 0..<3)
    func `Every flipped bit is detected`(index: Int) throws {
        let bytes = DamageTests.files[index].bytes
        try withPath { path in
            var changed = bytes
            for offset in bytes.indices {
                for mask in (0..<8).map({ UInt8(1) << UInt8($0) }) + [0xFF] {
                    changed[offset] = bytes[offset] ^ mask
                    let found = try openAndVerify(changed, path)
                    #expect(isFormatCode(found), "byte \(offset) ^ \(mask): \(found ?? "accepted")")
                }
                changed[offset] = bytes[offset]
            }
        }
    }

    @Test func `A flipped byte anywhere in a file of everything is detected`() throws {
        let bytes = try fileBytes(SampleAdapters.everything(seed: 1), .raw)
        try withPath { path in
            var changed = bytes
            for offset in bytes.indices {
                changed[offset] = ~bytes[offset]
                let found = try openAndVerify(changed, path)
                #expect(isFormatCode(found), "byte \(offset): \(found ?? "accepted")")
                changed[offset] = bytes[offset]
            }
        }
    }

    @Test(arguments: 0..<3)
    func `Every inserted, removed or appended byte is detected`(index: Int) throws {
        let bytes = DamageTests.files[index].bytes
        try withPath { path in
            for offset in 0...bytes.count {
                for byte in [0x00, 0x41, 0xFF] as [UInt8] {
                    var changed = bytes
                    changed.insert(byte, at: offset)
                    let found = try openAndVerify(changed, path)
                    #expect(isFormatCode(found), "\(byte) at \(offset): \(found ?? "accepted")")
                }
                guard offset < bytes.count else { continue }
                var changed = bytes
                changed.remove(at: offset)
                let found = try openAndVerify(changed, path)
                #expect(isFormatCode(found), "without \(offset): \(found ?? "accepted")")
            }
            let found = try openAndVerify(bytes + [0], path)
            #expect(found == "trailingBytes")
        }
    }

    @Test(arguments: 0..<3)
    func `Zeroed, repeated and swapped blocks are detected`(index: Int) throws {
        let bytes = DamageTests.files[index].bytes
        try withPath { path in
            for length in [2, 8, 64, 256] {
                for start in stride(from: 0, to: bytes.count - 2 * length, by: 13) {
                    var zeroed = bytes
                    zeroed.replaceSubrange(start..<start + length, with: repeatElement(0, count: length))
                    var swapped = bytes
                    swapped.replaceSubrange(start..<start + length, with: bytes[start + length..<start + 2 * length])
                    swapped.replaceSubrange(start + length..<start + 2 * length, with: bytes[start..<start + length])
                    for changed in [zeroed, swapped] where changed != bytes {
                        let found = try openAndVerify(changed, path)
                        #expect(isFormatCode(found), "\(length) bytes at \(start): \(found ?? "accepted")")
                    }
                }
            }
        }
    }

    @Test func `Things that are no adapter files are refused`() throws {
        for bytes in [[], [0x89], Array("hello".utf8), [UInt8](repeating: 0, count: 4096)] as [[UInt8]] {
            let found = try withFile(bytes) { path in failure { _ = try AdapterFile(opening: path) } }
            #expect(found == (bytes == [0x89] ? "truncated" : "wrongMagic"))
        }
        try withTemporaryDirectory { directory in
            #expect(failure { _ = try AdapterFile(opening: directory) } == "file: wrongKind")
            #expect(failure { _ = try AdapterFile(opening: directory + "/none") } == "file: notFound")
            #expect(failure { _ = try AdapterFile(opening: "/dev/zero") } == "file: wrongKind")
        }
    }

    private func openAndVerify(_ bytes: [UInt8], _ path: String) throws -> String? {
        try store(bytes, path)
        return failure { _ = try AdapterFile(opening: path).verify() }
    }

    /// A path for the many variants of one file.
    private func withPath(_ body: (String) throws -> Void) throws {
        try withTemporaryDirectory { try body($0 + "/a.adpt") }
    }

    /// A fault was found, and by this reader's own checks.
    private func isFormatCode(_ code: String?) -> Bool {
        guard let code else { return false }
        return !code.hasPrefix("unexpected") && !code.hasPrefix("file")
    }
}
