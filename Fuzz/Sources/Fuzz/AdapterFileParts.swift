import Adapters
import ByteCoding
import Integrity
import Tensors

@testable import AdapterFormat
@testable import ByteCoding

/// An adapter file taken apart without trust, so that parts can be changed and put together again.
///
/// Random changes end at the first digest. A file put together here has the offsets, lengths and digests that its parts
/// ask for, so changes get as far as the check that they really break.
struct AdapterFileParts {
    struct Section {
        var tag: [UInt8]
        var flags: UInt32
        var content: [UInt8]
    }

    /// One record of `CHNK` with the encoded bytes it stands for.
    struct Chunk {
        var codec: UInt8
        var encoded: [UInt8]
    }

    var versions: [UInt8]
    var alignment: UInt32
    var headerSections: [Section] = []
    var chunks: [Chunk] = []
    var trailingSections: [Section] = []

    /// Takes apart what can be found in the bytes; nil when there is no section table.
    init?(_ bytes: [UInt8]) {
        let tableOffset = FormatConstants.fixedHeaderByteCount
        guard bytes.count >= tableOffset else { return nil }
        versions = bytes.clamped(8..<12)
        alignment = bytes.integer(UInt32.self, at: 40)
        let dataOffset = Int(clamping: bytes.integer(UInt64.self, at: 24))
        let sectionCount = min(Int(clamping: bytes.integer(UInt32.self, at: 12)), 64)
        for index in 0..<sectionCount {
            let entry = tableOffset + index * FormatConstants.sectionEntryByteCount
            guard entry + FormatConstants.sectionEntryByteCount <= bytes.count else { break }
            let start = min(Int(clamping: bytes.integer(UInt64.self, at: entry + 8)), bytes.count)
            let length = min(Int(clamping: bytes.integer(UInt64.self, at: entry + 16)), bytes.count - start)
            let section = Section(
                tag: bytes.clamped(entry..<entry + 4), flags: bytes.integer(UInt32.self, at: entry + 4),
                content: bytes.clamped(start..<start + length))
            if start < dataOffset { headerSections.append(section) } else { trailingSections.append(section) }
        }
        guard let table = section(.chunks)?.content else { return }
        for record in stride(from: 0, to: table.count - FormatConstants.chunkRecordByteCount + 1, by: 48) {
            let start = min(Int(clamping: table.integer(UInt64.self, at: record)), bytes.count)
            let length = min(Int(clamping: table.integer(UInt32.self, at: record + 8)), bytes.count)
            let position = min(dataOffset, bytes.count) + start
            chunks.append(
                Chunk(codec: table[record + 12], encoded: bytes.clamped(position..<position + length)))
        }
    }

    /// The header section with that tag.
    func section(_ tag: SectionTag) -> Section? { headerSections.first { $0.tag == tag.bytes } }

    /// Puts the file together.
    ///
    /// - Parameter followsChunks: whether `CHNK` is made anew from the chunks; otherwise its records keep what they say.
    func assembled(followsChunks: Bool) -> [UInt8] {
        let alignment = alignment.nonzeroBitCount == 1 && alignment <= 4096 ? Int(alignment) : 1
        var data: [UInt8] = []
        var table = ByteWriter()
        for chunk in chunks {
            table.write(UInt64(data.count))
            table.write(UInt32(chunk.encoded.count))
            table.write([chunk.codec, 0, 0, 0])
            table.write([UInt8](repeating: 0, count: Digest.byteCount))
            data += chunk.encoded
            data += [UInt8](repeating: 0, count: data.count.padding(to: alignment))
        }
        var header = ByteWriter()
        header.write([UInt8](repeating: 0, count: FormatConstants.fixedHeaderByteCount))
        let count = headerSections.count + trailingSections.count
        header.write([UInt8](repeating: 0, count: count * FormatConstants.sectionEntryByteCount))
        var places: [(offset: Int, section: Section)] = []
        for var section in headerSections {
            if followsChunks, section.tag == SectionTag.chunks.bytes { section.content = table.bytes }
            header.pad(to: 8)
            places.append((header.bytes.count, section))
            header.write(section.content)
        }
        header.pad(to: max(8, alignment))
        var bytes = header.bytes
        let headerByteCount = bytes.count
        bytes += data
        for section in trailingSections {
            places.append((bytes.count, section))
            bytes += section.content
        }
        bytes.overwrite(at: 0, with: FormatConstants.magic + versions)
        bytes.overwrite(at: 12, with: UInt32(count))
        bytes.overwrite(at: 16, with: UInt64(bytes.count))
        bytes.overwrite(at: 24, with: UInt64(headerByteCount))
        bytes.overwrite(at: 32, with: UInt64(data.count))
        bytes.overwrite(at: 40, with: self.alignment)
        for (index, place) in places.enumerated() {
            let entry = FormatConstants.fixedHeaderByteCount + index * FormatConstants.sectionEntryByteCount
            bytes.overwrite(at: entry, with: place.section.tag)
            bytes.overwrite(at: entry + 4, with: place.section.flags)
            bytes.overwrite(at: entry + 8, with: UInt64(place.offset))
            bytes.overwrite(at: entry + 16, with: UInt64(place.section.content.count))
        }
        return bytes
    }

    /// Lets each module's tensors and each tensor's chunks follow their predecessors'.
    mutating func renumber() {
        var firstTensor: UInt32 = 0
        change(.modules, recordByteCount: FormatConstants.moduleRecordByteCount) { table, record in
            table.overwrite(at: record + 12, with: firstTensor)
            firstTensor &+= table.integer(UInt32.self, at: record + 16)
        }
        var firstChunk: UInt32 = 0
        change(.tensors, recordByteCount: FormatConstants.tensorRecordByteCount) { table, record in
            table.overwrite(at: record + 12, with: firstChunk)
            let extents = (0..<Int(table[record + 6])).map { Int(table.integer(UInt32.self, at: record + 16 + 4 * $0)) }
            guard let shape = Shape(extents), let dtype = DType(rawValue: table[record + 5]) else { return }
            let count = TensorRecord.chunkCount(ofBytes: dtype.byteCount(ofElements: shape.elementCount))
            firstChunk &+= UInt32(clamping: count)
        }
    }

    private mutating func change(
        _ tag: SectionTag, recordByteCount: Int, _ body: (inout [UInt8], Int) -> Void
    ) {
        guard let index = headerSections.firstIndex(where: { $0.tag == tag.bytes }) else { return }
        let last = headerSections[index].content.count - recordByteCount
        for record in stride(from: 0, through: last, by: recordByteCount) {
            body(&headerSections[index].content, record)
        }
    }
}
