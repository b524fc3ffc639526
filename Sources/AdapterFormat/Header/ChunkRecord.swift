internal import ByteCoding
internal import Integrity

/// One record of `CHNK` (spec clause 8.2).
struct ChunkRecord {
    /// From the start of the data.
    var offset: Int
    var encodedByteCount: Int
    var codec: Codec
    /// Of the extent, padding included.
    var digest: Digest

    /// The length of the extent: the encoded bytes and their padding (spec clause 8.3).
    func extentByteCount(alignment: Int) -> Int { encodedByteCount + encodedByteCount.padding(to: alignment) }

    init(offset: Int, encodedByteCount: Int, codec: Codec, digest: Digest) {
        self.offset = offset
        self.encodedByteCount = encodedByteCount
        self.codec = codec
        self.digest = digest
    }

    init(from reader: inout ByteReader) throws {
        let start = reader.position
        offset = try reader.readCount(UInt64.self)
        encodedByteCount = try reader.readCount(UInt32.self)
        let codecNumber = UInt8(try reader.readWord(byteCount: 1))
        try reader.expectZeros(3)
        digest = try reader.readDigest()
        guard let codec = Codec(rawValue: codecNumber) else {
            throw FormatError(
                .unknownCodec,
                "A chunk is encoded with codec \(codecNumber), which this reader does not know. "
                    + "Update adapterctl.", byteOffset: start)
        }
        self.codec = codec
    }

    func write(to writer: inout ByteWriter) {
        writer.write(UInt64(offset))
        writer.write(UInt32(encodedByteCount))
        writer.write(codec.rawValue)
        writer.write([0, 0, 0])
        writer.write(digest.bytes)
    }
}
