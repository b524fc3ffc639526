internal import ByteCoding
internal import Integrity

/// The first 128 bytes of a file (spec clause 4.1).
struct FixedHeader {
    var sectionCount: Int
    var fileByteCount: Int
    var headerByteCount: Int
    var dataByteCount: Int
    var alignment: Int
    var contentRoot: Digest
    var headerDigest: Digest

    /// Where the data ends and the trailing sections begin.
    var dataEnd: Int { headerByteCount + dataByteCount }

    init(
        sectionCount: Int, fileByteCount: Int, headerByteCount: Int, dataByteCount: Int, alignment: Int,
        contentRoot: Digest, headerDigest: Digest
    ) {
        self.sectionCount = sectionCount
        self.fileByteCount = fileByteCount
        self.headerByteCount = headerByteCount
        self.dataByteCount = dataByteCount
        self.alignment = alignment
        self.contentRoot = contentRoot
        self.headerDigest = headerDigest
    }

    /// Reads and checks the fixed header against the length of the file that it heads.
    init(from bytes: [UInt8], fileByteCount actual: Int) throws {
        var reader = ByteReader(bytes.span)
        let magic = try reader.read(count: 8)
        guard magic == FormatConstants.magic else {
            throw FormatError(
                .wrongMagic, "The file is not an adapter file: it starts with other bytes. Was it changed in transfer?",
                byteOffset: 0)
        }
        let readVersion = try reader.read(UInt8.self)
        let writeVersion = try reader.read(UInt8.self)
        guard readVersion <= FormatConstants.readVersion else {
            throw FormatError(
                .newerVersion,
                "The file needs a reader of version \(readVersion), this one is of version "
                    + "\(FormatConstants.readVersion). Update adapterctl.", byteOffset: 8)
        }
        guard readVersion >= 1, writeVersion >= readVersion else {
            throw FormatError(
                .malformedHeader,
                "The header states the versions \(readVersion) for reading and \(writeVersion) for "
                    + "writing; the first is at least 1, the second at least the first.", byteOffset: 8)
        }
        try reader.expectZeros(2)
        sectionCount = try reader.readCount(UInt32.self)
        fileByteCount = try reader.readCount(UInt64.self)
        headerByteCount = try reader.readCount(UInt64.self)
        dataByteCount = try reader.readCount(UInt64.self)
        alignment = try reader.readCount(UInt32.self)
        try reader.expectZeros(20)
        contentRoot = try reader.readDigest()
        headerDigest = try reader.readDigest()
        try check(actual: actual)
    }

    private func check(actual: Int) throws {
        guard fileByteCount <= actual else {
            throw FormatError(
                .truncated, "The file has \(actual) bytes, its header states \(fileByteCount). Fetch it again.",
                byteOffset: actual)
        }
        guard fileByteCount == actual else {
            throw FormatError(
                .trailingBytes, "The file has \(actual) bytes, its header states \(fileByteCount).",
                byteOffset: fileByteCount)
        }
        guard (SectionTag.critical.count...FormatConstants.maximumSectionCount).contains(sectionCount) else {
            throw FormatError(
                .malformedHeader,
                "The header states \(sectionCount) sections, \(SectionTag.critical.count) to "
                    + "\(FormatConstants.maximumSectionCount) are possible.", byteOffset: 12)
        }
        guard alignment >= 1, alignment <= FormatConstants.maximumAlignment, alignment & (alignment - 1) == 0 else {
            throw FormatError(
                .malformedHeader,
                "The alignment is \(alignment), a power of two up to "
                    + "\(FormatConstants.maximumAlignment) is possible.", byteOffset: 40)
        }
        let least = FormatConstants.fixedHeaderByteCount + sectionCount * FormatConstants.sectionEntryByteCount
        guard headerByteCount >= least, headerByteCount <= FormatConstants.maximumHeaderByteCount else {
            throw FormatError(
                headerByteCount < least ? .malformedHeader : .limitExceeded,
                "The header states a length of \(headerByteCount) bytes, \(least) to "
                    + "\(FormatConstants.maximumHeaderByteCount) are possible.", byteOffset: 24)
        }
        guard headerByteCount % max(8, alignment) == 0 else {
            throw FormatError(.malformedHeader, "The data does not start at an aligned offset.", byteOffset: 24)
        }
        guard let dataEnd = headerByteCount.checkedAdd(dataByteCount), dataEnd <= actual else {
            throw FormatError(.malformedHeader, "The data ends beyond the file.", byteOffset: 32)
        }
    }

    /// The 128 bytes.
    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: FormatConstants.fixedHeaderByteCount)
        writer.write(FormatConstants.magic)
        writer.write(FormatConstants.readVersion)
        writer.write(FormatConstants.writeVersion)
        writer.write(UInt16(0))
        writer.write(UInt32(sectionCount))
        writer.write(UInt64(fileByteCount))
        writer.write(UInt64(headerByteCount))
        writer.write(UInt64(dataByteCount))
        writer.write(UInt32(alignment))
        writer.write([UInt8](repeating: 0, count: 20))
        writer.write(contentRoot.bytes)
        writer.write(headerDigest.bytes)
        return writer.bytes
    }

    /// The digest of a header (spec clause 9.1).
    static func digest(ofHeader bytes: [UInt8]) -> Digest { SHA256.hash(digestInput(ofHeader: bytes)) }

    /// What a header's digest is of: the header with the digest's field taken as zero.
    static func digestInput(ofHeader bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let field = FormatConstants.headerDigestOffset
        bytes.replaceSubrange(field..<field + Digest.byteCount, with: repeatElement(0, count: Digest.byteCount))
        return bytes
    }
}
