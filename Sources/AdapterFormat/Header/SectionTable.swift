internal import ByteCoding
internal import Integrity

/// The name of a section: four ASCII letters or digits.
struct SectionTag: Hashable, Comparable, CustomStringConvertible {
    let bytes: [UInt8]

    init(_ text: StaticString) { bytes = Array(text.description.utf8) }

    init?(bytes: [UInt8]) {
        let isAllowed = bytes.allSatisfy { byte in
            let character = Character(Unicode.Scalar(byte))
            return byte < 0x80 && (character.isLetter || character.isNumber)
        }
        guard bytes.count == 4, isAllowed else { return nil }
        self.bytes = bytes
    }

    var description: String { String(decoding: bytes, as: UTF8.self) }
    static func < (left: SectionTag, right: SectionTag) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }

    static let metadata = SectionTag("META")
    static let names = SectionTag("NAME")
    static let modules = SectionTag("MODL")
    static let tensors = SectionTag("TENS")
    static let chunks = SectionTag("CHNK")
    static let notes = SectionTag("NOTE")
    static let provenance = SectionTag("PROV")
    static let signatures = SectionTag("SIGN")

    /// The critical header sections in their order (spec clause 4.4).
    static let critical: [SectionTag] = [.metadata, .names, .modules, .tensors, .chunks]
}

/// One entry of the section table (spec clause 4.3).
struct SectionEntry {
    var tag: SectionTag
    var isCritical: Bool
    var offset: Int
    var byteCount: Int
    var digest: Digest

    var end: Int { offset + byteCount }

    init(tag: SectionTag, isCritical: Bool, offset: Int, byteCount: Int, digest: Digest) {
        self.tag = tag
        self.isCritical = isCritical
        self.offset = offset
        self.byteCount = byteCount
        self.digest = digest
    }

    init(from reader: inout ByteReader) throws {
        let start = reader.position
        guard let tag = SectionTag(bytes: try reader.read(count: 4)) else {
            throw FormatError(.malformedHeader, "A section's tag is not four letters or digits.", byteOffset: start)
        }
        let flags = UInt32(try reader.readWord(byteCount: 4))
        let offset = try reader.readCount(UInt64.self)
        let byteCount = try reader.readCount(UInt64.self)
        try reader.expectZeros(8)
        let digest = try reader.readDigest()
        guard flags <= 1 else {
            throw FormatError(
                .malformedHeader, "The section '\(tag)' has flags that version 1 does not define.", byteOffset: start)
        }
        guard offset.checkedAdd(byteCount) != nil else {
            throw FormatError(
                .malformedHeader, "The section '\(tag)' ends beyond what a file can hold.", byteOffset: start)
        }
        self.init(tag: tag, isCritical: flags == 1, offset: offset, byteCount: byteCount, digest: digest)
    }

    func write(to writer: inout ByteWriter) {
        writer.write(tag.bytes)
        writer.write(UInt32(isCritical ? 1 : 0))
        writer.write(UInt64(offset))
        writer.write(UInt64(byteCount))
        writer.write(UInt64(0))
        writer.write(digest.bytes)
    }
}

extension ByteReader {
    /// Reads an unsigned integer that must fit `Int`.
    mutating func readCount<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type) throws -> Int {
        let start = position
        guard let value = Int(exactly: try readWord(byteCount: MemoryLayout<T>.size)) else {
            throw FormatError(.malformedHeader, "A number is larger than any file.", byteOffset: start)
        }
        return value
    }

    /// Reads the 32 bytes of a digest.
    mutating func readDigest() throws -> Digest {
        let words = (
            try readWord(byteCount: 8), try readWord(byteCount: 8), try readWord(byteCount: 8),
            try readWord(byteCount: 8)
        )
        return Digest(
            bigEndianWords: (
                words.0.littleEndian, words.1.littleEndian, words.2.littleEndian, words.3.littleEndian
            ))
    }

    /// Skips reserved bytes, which must be zero (spec clause 1.3).
    mutating func expectZeros(_ count: Int) throws {
        let start = position
        var left = count
        while left > 0 {
            let byteCount = min(left, 8)
            guard try readWord(byteCount: byteCount) == 0 else {
                throw FormatError(
                    .malformedHeader, "Bytes that are reserved or padding are not zero.", byteOffset: start)
            }
            left -= byteCount
        }
    }
}
