import ByteCoding
import FileSystem

/// Writes a zip archive of stored members; the same members give the same bytes.
struct ZipWriter {
    private struct Entry {
        let name: String
        let offset: Int
        let byteCount: Int
        let checksum: UInt32
    }

    private let file: OutputFile
    private var entries: [Entry] = []
    /// 1 January 1980, the earliest date there is.
    private static let date: UInt32 = 0x0021_0000

    init(to file: OutputFile) {
        self.file = file
    }

    /// Adds a member, whose bytes `body` hands over in order.
    ///
    /// - Throws: ``InterchangeError`` with code `notExpressible` when the archive would reach 4 GiB; what `body` throws.
    mutating func add(_ name: String, _ body: (_ write: ([UInt8]) throws -> Void) throws -> Void) throws {
        let offset = file.offset
        let headerByteCount = 30 + name.utf8.count
        file.seek(to: offset + headerByteCount)
        var checksum: UInt32 = 0
        var byteCount = 0
        try body { piece in
            checksum = Checksum.crc32(piece, continuing: checksum)
            byteCount += piece.count
            try file.write(piece)
        }
        guard file.offset < Int(UInt32.max), entries.count < 65_534, name.utf8.count < 65_536 else {
            throw InterchangeError(
                .notExpressible, "an archive of 4 GiB or more is not written",
                remedy: "Use plain safetensors, which has no such limit.")
        }
        let entry = Entry(name: name, offset: offset, byteCount: byteCount, checksum: checksum)
        var header = ByteWriter()
        header.write(ZipArchive.localMagic)
        ZipWriter.describe(entry, in: &header)
        header.write(UInt16(0))
        header.write(name.utf8)
        try file.write(header.bytes, at: offset)
        entries.append(entry)
    }

    /// Writes the directory.
    func finish() throws {
        var writer = ByteWriter()
        for entry in entries {
            writer.write([0x50, 0x4B, 1, 2])
            writer.write(UInt16(20))
            ZipWriter.describe(entry, in: &writer)
            writer.write([UInt8](repeating: 0, count: 12))
            writer.write(UInt32(entry.offset))
            writer.write(entry.name.utf8)
        }
        let byteCount = writer.bytes.count
        writer.write(ZipArchive.endMagic)
        writer.write(UInt32(0))
        writer.write(UInt16(entries.count))
        writer.write(UInt16(entries.count))
        writer.write(UInt32(byteCount))
        writer.write(UInt32(file.offset))
        writer.write(UInt16(0))
        try file.write(writer.bytes)
    }

    /// What both headers of a member have in common, from the version up to the length of its name.
    private static func describe(_ entry: Entry, in writer: inout ByteWriter) {
        writer.write(UInt16(20))
        // Bit 11: the name is UTF-8.
        writer.write(UInt16(1 << 11))
        writer.write(UInt16(0))
        writer.write(date)
        writer.write(entry.checksum)
        writer.write(UInt32(entry.byteCount))
        writer.write(UInt32(entry.byteCount))
        writer.write(UInt16(entry.name.utf8.count))
    }
}
