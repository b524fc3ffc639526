import ByteCoding
import Testing

struct ByteReaderTests {
    /// The error of reading `bytes`, nil when `body` succeeds.
    private func fault(
        in bytes: [UInt8], baseOffset: Int = 0, _ body: (inout ByteReader) throws -> Void
    ) -> ByteCodingError? {
        var reader = ByteReader(bytes.span, baseOffset: baseOffset)
        do {
            try body(&reader)
            return nil
        } catch {
            return error as? ByteCodingError
        }
    }

    @Test func `integers are little-endian`() throws {
        let bytes: [UInt8] = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88, 0xFE, 0xFF, 0x80]
        var reader = ByteReader(bytes.span)
        #expect(try reader.read(UInt64.self) == 0x8807_0605_0403_0201)
        #expect(try reader.read(Int16.self) == -2)
        #expect(try reader.read(Int8.self) == -128)
        #expect(reader.remaining == 0)

        var signed = ByteReader(bytes.span)
        #expect(try signed.read(Int64.self) == Int64(bitPattern: 0x8807_0605_0403_0201))
        #expect(signed.offset == 8)
    }

    @Test func `runs, texts and skips advance by their length`() throws {
        let bytes = Array("abcdéf".utf8)
        var reader = ByteReader(bytes.span, baseOffset: 1000)
        #expect(try reader.read(count: 2) == [0x61, 0x62])
        #expect(reader.position == 1002)
        try reader.skip(1)
        #expect(reader.peek() == 0x64)
        #expect(try reader.readUTF8(count: 3) == "dé")
        #expect(reader.offset == 6)
        #expect(try reader.read(count: 0) == [])
        #expect(try reader.readUTF8(count: 0) == "")
        #expect(try reader.read(UInt8.self) == 0x66)
        #expect(reader.peek() == nil)
        #expect(reader.position == 1007)
    }

    @Test(arguments: 0..<8) func `an integer past the end throws and names where`(available: Int) {
        let bytes = [UInt8](repeating: 7, count: 3 + available)
        let error = fault(in: bytes, baseOffset: 50) { reader in
            try reader.skip(3)
            _ = try reader.read(UInt64.self)
        }
        #expect(error?.code == .endOfInput)
        #expect(error?.byteOffset == 53)
        #expect(error?.message == "8 bytes expected, \(available) left")
    }

    @Test(arguments: [5, 6, 1 << 40, Int.max, -1, Int.min])
    func `a count beyond the rest throws before anything is allocated`(count: Int) {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7]
        for read in [
            { (reader: inout ByteReader) in _ = try reader.read(count: count) },
            { (reader: inout ByteReader) in _ = try reader.readUTF8(count: count) },
            { (reader: inout ByteReader) in try reader.skip(count) },
        ] {
            let error = fault(in: bytes, baseOffset: 10) { reader in
                try reader.skip(3)
                try read(&reader)
            }
            #expect(error?.code == .endOfInput)
            #expect(error?.byteOffset == 13)
        }
    }

    @Test func `a failed read consumes nothing`() {
        let bytes: [UInt8] = [1, 2, 3]
        var reader = ByteReader(bytes.span)
        #expect((try? reader.read(UInt32.self)) == nil)
        #expect((try? reader.read(count: 4)) == nil)
        #expect((try? reader.skip(4)) == nil)
        #expect(reader.offset == 0)
        #expect(reader.remaining == 3)
    }

    @Test(
        arguments: [
            [0xFF], [0xC3], [0xC0, 0x80], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0x61, 0x80],
        ] as [[UInt8]])
    func `bytes that are not UTF-8 are refused`(bytes: [UInt8]) {
        let error = fault(in: [0x20] + bytes, baseOffset: 4) { reader in
            try reader.skip(1)
            _ = try reader.readUTF8(count: bytes.count)
        }
        #expect(error?.code == .invalidUTF8)
        #expect(error?.byteOffset == 5)
    }

    @Test func `an error says where it happened`() {
        let error = ByteCodingError(.overflow, "too much", byteOffset: 12)
        #expect("\(error)" == "too much (at byte 12)")
        #expect("\(error.code)" == "overflow")
    }
}
