internal import Adapters
internal import ByteCoding
internal import Integrity
internal import Tensors

/// A file's whole header, read and checked: after this, every offset, count and shape in it can be relied on.
///
/// A class, because every tensor of the file keeps it to find its chunks.
final class AdapterHeader: Sendable {
    let fixed: FixedHeader
    let sections: [SectionEntry]
    let metadata: IdentityMetadata
    let notes: AdapterNotes
    let names: NameTable
    let modules: [ModuleRecord]
    let tensors: [TensorRecord]
    let chunks: [ChunkRecord]

    /// Parses the first `headerByteCount` bytes of a file.
    ///
    /// - Parameters:
    ///   - fixed: the fixed header, checked against the file's length.
    ///   - bytes: the header, the fixed part included.
    init(_ fixed: FixedHeader, bytes: [UInt8], limits: ReadLimits) throws {
        self.fixed = fixed
        let sections = try AdapterHeader.readSections(fixed, bytes)
        self.sections = sections.map(\.entry)
        func content(_ tag: SectionTag) -> (bytes: [UInt8], offset: Int) {
            sections.first { $0.entry.tag == tag }.map { ($0.bytes, $0.entry.offset) } ?? ([], 0)
        }
        let metadataBytes = content(.metadata)
        metadata = try IdentityMetadata(from: metadataBytes.bytes, baseOffset: metadataBytes.offset)
        notes =
            sections.contains { $0.entry.tag == .notes } ? try AdapterHeader.readNotes(content(.notes)) : AdapterNotes()
        let nameBytes = content(.names)
        names = try NameTable(from: nameBytes.bytes, baseOffset: nameBytes.offset)
        modules = try AdapterHeader.readRecords(
            content(.modules), FormatConstants.moduleRecordByteCount, FormatConstants.maximumModuleCount
        ) { reader throws in try ModuleRecord(from: &reader) }
        tensors = try AdapterHeader.readRecords(
            content(.tensors), FormatConstants.tensorRecordByteCount, FormatConstants.maximumTensorCount
        ) { reader throws in try TensorRecord(from: &reader) }
        chunks = try AdapterHeader.readRecords(
            content(.chunks), FormatConstants.chunkRecordByteCount, .max
        ) { reader throws in try ChunkRecord(from: &reader) }
        try checkModules()
        try checkTensors(limits)
        try checkChunks()
        try checkContentRoot(metadata: metadataBytes.bytes)
    }

    /// The full name of a tensor for messages; made on demand, as a hostile file has many tensors with long names.
    func displayName(ofTensor index: Int) -> String {
        let tensor = tensors[index]
        let (module, name) = (names.names[Int(modules[tensor.module].name)], names.names[Int(tensor.name)])
        return module + (name.isEmpty ? ".\(tensor.role)" : ".\(name)")
    }

    // MARK: Reading

    /// The sections with the bytes of those in the header, which have the digests that the table states.
    private static func readSections(_ fixed: FixedHeader, _ bytes: [UInt8]) throws
        -> [(entry: SectionEntry, bytes: [UInt8])]
    {
        // Read before the header's digest is known to be right, so that all is hashed together: a fault that is found
        // here counts only if it is.
        let table = Result { try readSectionTable(fixed, bytes) }
        let contents = ((try? table.get()) ?? []).map {
            $0.isInHeader ? Array(bytes[$0.entry.offset..<$0.entry.end]) : []
        }
        let digests = SHA256.hashes(of: [FixedHeader.digestInput(ofHeader: bytes)] + contents)
        guard digests[0] == fixed.headerDigest else {
            throw FormatError(
                .digestMismatch, "The header does not have the digest that it states. The file is damaged.",
                byteOffset: 0)
        }
        let sections = try table.get()
        for (section, digest) in zip(sections, digests.dropFirst())
        where section.isInHeader && section.entry.digest != digest {
            throw FormatError(
                .digestMismatch,
                "The section '\(section.entry.tag)' does not have the digest that the table states.",
                byteOffset: section.entry.offset)
        }
        return zip(sections, contents).map { ($0.entry, $1) }
    }

    private static func readSectionTable(_ fixed: FixedHeader, _ bytes: [UInt8]) throws
        -> [(entry: SectionEntry, isInHeader: Bool)]
    {
        let tableEnd =
            FormatConstants.fixedHeaderByteCount + fixed.sectionCount * FormatConstants.sectionEntryByteCount
        let table = Array(bytes[FormatConstants.fixedHeaderByteCount..<tableEnd])
        var reader = ByteReader(table.span, baseOffset: FormatConstants.fixedHeaderByteCount)
        var sections: [SectionEntry] = []
        for _ in 0..<fixed.sectionCount { sections.append(try SectionEntry(from: &reader)) }
        func invalid(_ reason: String) -> FormatError {
            FormatError(
                .malformedHeader, "The section table is invalid: \(reason).",
                byteOffset: FormatConstants.fixedHeaderByteCount)
        }
        guard sections.prefix(SectionTag.critical.count).map(\.tag) == SectionTag.critical else {
            throw invalid("it does not start with META, NAME, MODL, TENS and CHNK")
        }
        for (index, section) in sections.enumerated() {
            let isKnown = index < SectionTag.critical.count
            guard isKnown || !section.isCritical else {
                throw FormatError(
                    .unknownSection,
                    "The section '\(section.tag)' must be understood and is not known. "
                        + "Update adapterctl.", byteOffset: section.offset)
            }
            guard !isKnown || section.isCritical else { throw invalid("'\(section.tag)' is not marked critical") }
        }
        let ancillary = sections.dropFirst(SectionTag.critical.count)
        guard Set(ancillary.map(\.tag)).count == ancillary.count,
            !ancillary.contains(where: { SectionTag.critical.contains($0.tag) })
        else { throw invalid("a tag occurs twice") }
        // The required sections are header sections wherever they start: empty ones may start at the header's end.
        let trailingStart = ancillary.firstIndex { $0.offset >= fixed.headerByteCount } ?? sections.endIndex
        let header = Array(sections[..<trailingStart])
        let trailing = Array(sections[trailingStart...])
        guard trailing.allSatisfy({ $0.offset >= fixed.headerByteCount }) else {
            throw invalid("a trailing section stands before a header section")
        }
        guard !trailing.contains(where: { $0.tag == .notes }),
            !header.contains(where: { [.provenance, .signatures].contains($0.tag) })
        else { throw invalid("NOTE belongs into the header, PROV and SIGN behind the data") }
        guard trailing.allSatisfy({ $0.tag != .provenance || $0.byteCount <= FormatConstants.maximumDocumentByteCount })
        else { throw FormatError(.limitExceeded, "The provenance record is too long.", byteOffset: fixed.dataEnd) }
        guard trailing.allSatisfy({ $0.tag != .signatures || $0.byteCount <= SignatureDocument.maximumByteCount })
        else { throw FormatError(.limitExceeded, "The signatures are too long.", byteOffset: fixed.dataEnd) }
        for group in [Array(header.dropFirst(SectionTag.critical.count)), trailing] {
            guard zip(group, group.dropFirst()).allSatisfy({ $0.tag < $1.tag }) else {
                throw invalid("ancillary sections are not in ascending order")
            }
        }
        try checkPlaces(fixed, header: header, trailing: trailing, bytes: bytes, tableEnd: tableEnd)
        return header.map { ($0, true) } + trailing.map { ($0, false) }
    }

    /// Sections follow each other without gaps other than zero padding (spec clauses 3.3, 3.4, 4.8).
    private static func checkPlaces(
        _ fixed: FixedHeader, header: [SectionEntry], trailing: [SectionEntry], bytes: [UInt8], tableEnd: Int
    ) throws {
        func misplaced(_ section: SectionEntry) -> FormatError {
            FormatError(
                .malformedHeader,
                "The section '\(section.tag)' leaves a gap, overlaps or ends outside its part of "
                    + "the file.", byteOffset: section.offset)
        }
        var position = tableEnd
        for section in header {
            let start = position + position.padding(to: 8)
            guard section.offset == start, section.end <= fixed.headerByteCount else { throw misplaced(section) }
            try checkPadding(bytes, position..<start)
            position = section.end
        }
        guard fixed.headerByteCount - position < max(8, fixed.alignment) else {
            throw FormatError(.malformedHeader, "The header is followed by a gap.", byteOffset: position)
        }
        try checkPadding(bytes, position..<fixed.headerByteCount)
        position = fixed.dataEnd
        for section in trailing {
            guard section.offset == position, section.end <= fixed.fileByteCount else { throw misplaced(section) }
            position = section.end
        }
        guard position == fixed.fileByteCount else {
            throw FormatError(.malformedHeader, "The sections do not fill the file.", byteOffset: position)
        }
    }

    private static func checkPadding(_ bytes: [UInt8], _ range: Range<Int>) throws {
        guard bytes[range].allSatisfy({ $0 == 0 }) else {
            throw FormatError(
                .malformedHeader, "Padding in the header is not zero.", byteOffset: range.lowerBound)
        }
    }

    private static func readNotes(_ content: (bytes: [UInt8], offset: Int)) throws -> AdapterNotes {
        let document = try MetadataDocument.decode(
            content.bytes, named: "notes", limit: FormatConstants.maximumDocumentByteCount, baseOffset: content.offset)
        guard document.map?.isEmpty == false else {
            throw FormatError(
                .malformedMetadata, "The notes are not a map with entries.", byteOffset: content.offset)
        }
        do {
            return try AdapterNotes(metadata: document)
        } catch let error as AdapterError {
            throw FormatError(.malformedMetadata, error.message, byteOffset: content.offset)
        }
    }

    private static func readRecords<Record>(
        _ content: (bytes: [UInt8], offset: Int), _ recordByteCount: Int, _ maximum: Int,
        _ read: (inout ByteReader) throws -> Record
    ) throws -> [Record] {
        let (count, rest) = content.bytes.count.quotientAndRemainder(dividingBy: recordByteCount)
        guard rest == 0 else {
            throw FormatError(
                .malformedTable,
                "A table of \(content.bytes.count) bytes does not hold whole records of "
                    + "\(recordByteCount).", byteOffset: content.offset)
        }
        guard count <= maximum else {
            throw FormatError(
                .limitExceeded, "A table has \(count) records, \(maximum) are possible.", byteOffset: content.offset)
        }
        var reader = ByteReader(content.bytes.span, baseOffset: content.offset)
        var records: [Record] = []
        records.reserveCapacity(count)
        for _ in 0..<count { records.append(try read(&reader)) }
        return records
    }
}
