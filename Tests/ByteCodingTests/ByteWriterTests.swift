import ByteCoding
import Testing

struct ByteWriterTests {
    @Test func `integers are little-endian`() {
        var writer = ByteWriter(capacity: 3)
        writer.write(UInt8(0xAB))
        writer.write(UInt16(0x0102))
        writer.write(Int32(-2))
        writer.write(UInt64(0x0102_0304_0506_0708))
        writer.write([9, 8] as [UInt8])
        #expect(writer.bytes == [0xAB, 2, 1, 0xFE, 0xFF, 0xFF, 0xFF, 8, 7, 6, 5, 4, 3, 2, 1, 9, 8])
    }

    @Test func `padding fills with zeros up to the alignment and no further`() {
        for count in 0...16 {
            var writer = ByteWriter()
            writer.write([UInt8](repeating: 1, count: count))
            writer.pad(to: 8)
            #expect(writer.bytes.count == (count + 7) / 8 * 8)
            #expect(writer.bytes[count...].allSatisfy { $0 == 0 })
            let padded = writer.bytes
            writer.pad(to: 8)
            #expect(writer.bytes == padded)
        }
    }

    @Test func `fields known last are overwritten in place`() {
        var writer = ByteWriter()
        writer.write([0, 1, 2, 3, 4] as [UInt8])
        writer.replace(at: 1, with: [7, 8])
        #expect(writer.bytes == [0, 7, 8, 3, 4])
        writer.replace(at: 5, with: [])
        #expect(writer.bytes == [0, 7, 8, 3, 4])
    }

    @Test func `what is written is read again`() throws {
        var writer = ByteWriter()
        writer.write(Int8.min)
        writer.write(Int16.min)
        writer.write(UInt32.max)
        writer.write(Int64.min)
        let bytes = writer.bytes
        var reader = ByteReader(bytes.span)
        #expect(try reader.read(Int8.self) == .min)
        #expect(try reader.read(Int16.self) == .min)
        #expect(try reader.read(UInt32.self) == .max)
        #expect(try reader.read(Int64.self) == .min)
        #expect(reader.remaining == 0)
    }
}
