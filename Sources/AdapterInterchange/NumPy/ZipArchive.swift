import ByteCoding
import FileSystem

/// A zip archive opened for reading: members that are stored or deflated, without encryption and below 4 GiB.
///
/// Layout: PKWARE APPNOTE 6.3. Lengths and checksums are those of the central directory; data descriptors are not
/// needed. A member's stated length is bounded by what deflate can expand to before anything is allocated.
struct ZipArchive: Sendable {
    static let localMagic: [UInt8] = [0x50, 0x4B, 3, 4]
    static let endMagic: [UInt8] = [0x50, 0x4B, 5, 6]
    private static let centralMagic: UInt32 = 0x0201_4B50
    private static let localByteCount = 30
    private static let endByteCount = 22
    private static let maximumMemberCount = 262_144
    private static let maximumDirectoryByteCount = 64 << 20
    /// A deflated byte stands for at most 1032 (zlib's technical notes); a few more for tiny members.
    private static let largestExpansion = 1032

    /// A file in the archive.
    struct Member: Sendable {
        let name: String
        let isDeflated: Bool
        let checksum: UInt32
        /// Where its stored or deflated bytes lie in the archive.
        let range: Range<Int>
        /// Its length when it is inflated.
        let byteCount: Int
    }

    let path: String
    /// The members, in the order of the central directory, names unique.
    let members: [Member]
    private let file: InputFile

    var names: [String] { members.map(\.name) }

    /// Opens an archive and reads its directory.
    ///
    /// - Throws: ``InterchangeError`` with code `invalidHeader`, `truncated` or `limitExceeded`; `FileSystemError`.
    init(opening path: String) throws {
        let file = try InputFile(opening: path)
        self.path = path
        self.file = file
        do {
            let (count, range) = try ZipArchive.directory(of: file)
            let bytes = try file.read(at: range.lowerBound, count: range.count)
            members = try ZipArchive.members(bytes, count: count, file: file)
        } catch let error as ByteCodingError {
            throw InterchangeError(.truncated, "its directory is malformed: \(error)", path: path)
        }
    }

    /// Where the directory lies, from the record at the archive's end.
    private static func directory(of file: InputFile) throws -> (count: Int, range: Range<Int>) {
        let tailCount = min(file.byteCount, endByteCount + 65_535)
        let tail = try file.read(at: file.byteCount - tailCount, count: tailCount)
        let place = stride(from: tailCount - endByteCount, through: 0, by: -1).first { start in
            tail[start..<start + 4].elementsEqual(endMagic)
                && Int(tail[start + 20]) | Int(tail[start + 21]) << 8 == tailCount - start - endByteCount
        }
        guard let place else {
            throw InterchangeError(
                .truncated, "it has no directory at its end", remedy: "Fetch or write the file again.")
        }
        var reader = ByteReader(tail.span)
        try reader.skip(place + 4)
        let disks = try reader.read(UInt32.self)
        let (own, count) = (try reader.read(UInt16.self), try reader.read(UInt16.self))
        let (size, offset) = (try reader.read(UInt32.self), try reader.read(UInt32.self))
        guard disks == 0, own == count, size != .max, offset != .max, count != .max else {
            throw InterchangeError(.limitExceeded, "it has several parts, or more than 4 GiB or 65534 members")
        }
        let end = file.byteCount - tailCount + place
        guard Int(size) <= maximumDirectoryByteCount, Int(offset) <= end, Int(size) <= end - Int(offset) else {
            throw InterchangeError(.invalidHeader, "its directory does not lie in the file")
        }
        return (Int(count), Int(offset)..<Int(offset) + Int(size))
    }

    private static func members(_ bytes: [UInt8], count: Int, file: InputFile) throws -> [Member] {
        var reader = ByteReader(bytes.span)
        var names: Set<String> = []
        var members: [Member] = []
        for _ in 0..<count {
            guard try reader.read(UInt32.self) == centralMagic else {
                throw InterchangeError(.invalidHeader, "an entry of its directory has the wrong signature")
            }
            try reader.skip(4)
            let (flags, method) = (try reader.read(UInt16.self), try reader.read(UInt16.self))
            try reader.skip(4)
            let checksum = try reader.read(UInt32.self)
            let (packed, whole) = (try reader.read(UInt32.self), try reader.read(UInt32.self))
            let lengths = (
                try reader.read(UInt16.self), try reader.read(UInt16.self), try reader.read(UInt16.self)
            )
            try reader.skip(8)
            let offset = try reader.read(UInt32.self)
            let name = try reader.readUTF8(count: Int(lengths.0))
            try reader.skip(Int(lengths.1) + Int(lengths.2))
            guard names.insert(name).inserted else {
                throw InterchangeError(.invalidHeader, "the member '\(name)' occurs twice", name: name)
            }
            guard flags & 1 == 0, method == 0 || method == 8 else {
                throw InterchangeError(
                    .invalidHeader,
                    "the member '\(name)' is encrypted or packed by method \(method), 0 and 8 are known",
                    name: name)
            }
            guard packed != .max, whole != .max, offset != .max else {
                throw InterchangeError(.limitExceeded, "the member '\(name)' has 4 GiB or more", name: name)
            }
            guard method == 8 || packed == whole, Int(whole) <= Int(packed) * largestExpansion + 64 else {
                throw InterchangeError(
                    .limitExceeded, "the member '\(name)' claims \(whole) bytes in \(packed)", name: name)
            }
            let start = try dataOffset(ofMember: name, at: Int(offset), file: file)
            guard Int(packed) <= file.byteCount - start else {
                throw InterchangeError(.truncated, "the member '\(name)' ends after the file", name: name)
            }
            members.append(
                Member(
                    name: name, isDeflated: method == 8, checksum: checksum, range: start..<start + Int(packed),
                    byteCount: Int(whole)))
        }
        return members
    }

    /// Where a member's bytes begin: behind its own header, whose extra field the directory does not tell.
    private static func dataOffset(ofMember name: String, at offset: Int, file: InputFile) throws -> Int {
        guard offset <= file.byteCount - localByteCount else {
            throw InterchangeError(.truncated, "the member '\(name)' begins after the file", name: name)
        }
        let header = try file.read(at: offset, count: localByteCount)
        guard header.starts(with: localMagic) else {
            throw InterchangeError(.invalidHeader, "the member '\(name)' has no header of its own", name: name)
        }
        let start =
            offset + localByteCount + Int(header[26]) + Int(header[27]) << 8 + Int(header[28]) + Int(header[29]) << 8
        guard start <= file.byteCount else {
            throw InterchangeError(.truncated, "the member '\(name)' begins after the file", name: name)
        }
        return start
    }

    /// The whole of a member, its checksum compared.
    ///
    /// - Throws: ``InterchangeError`` with code `damaged`; `FileSystemError`.
    func bytes(of member: Member) throws -> [UInt8] {
        let packed = try file.read(at: member.range.lowerBound, count: member.range.count)
        let bytes = member.isDeflated ? try Inflation.inflate(packed, byteCount: member.byteCount) : packed
        guard let bytes, Checksum.crc32(bytes) == member.checksum else { throw damaged(member) }
        return bytes
    }

    /// A part of a stored member.
    func bytes(ofStored member: Member, in range: Range<Int>) throws -> [UInt8] {
        try file.read(at: member.range.lowerBound + range.lowerBound, count: range.count)
    }

    /// Compares the checksum of a stored member without holding it.
    func check(stored member: Member) throws {
        var checksum: UInt32 = 0
        try file.forEachPiece(in: member.range) { checksum = Checksum.crc32($0, continuing: checksum) }
        guard checksum == member.checksum else { throw damaged(member) }
    }

    private func damaged(_ member: Member) -> InterchangeError {
        InterchangeError(
            .damaged, "the member '\(member.name)' does not inflate, or lacks its checksum",
            remedy: "Fetch or write the file again.", name: member.name, path: path)
    }
}
