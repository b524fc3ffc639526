internal import ByteCoding
public import FileSystem
public import Integrity

extension AdapterFileWriter {
    /// Copies an adapter file with other signatures than it has; data and all other sections stay byte for byte.
    ///
    /// The content root stays, the digest of the file changes. The copy is verified from its first to its last byte, so
    /// nothing damaged is passed on as signed.
    ///
    /// - Parameters:
    ///   - file: the file to copy.
    ///   - signatures: all that the copy shall have, ascending by key id; none leaves the section out.
    ///   - output: an empty output file, which the caller commits.
    ///   - limits: how much the file may ask for.
    ///   - progress: called with the number of bytes examined since the last call; their sum is twice the copy's
    ///     length.
    /// - Returns: SHA-256 of the copy, its name in a store.
    /// - Throws: ``FormatError`` with code `newerVersion` for a file that only a newer program may change,
    ///   `notRepresentable` when there is no room for one more section, and those of a damaged file; `SignatureError`
    ///   with code `malformedSignature`; `FileSystemError`.
    /// - Complexity: reads the file once and its copy twice; the header and one chunk in memory.
    @discardableResult
    public static func copy(
        _ file: AdapterFile, signatures: [Signature], to output: OutputFile, limits: ReadLimits = ReadLimits(),
        progress: ((Int) -> Void)? = nil
    ) throws -> Digest {
        var content: [UInt8]?
        if !signatures.isEmpty {
            try SignatureDocument.check(signatures)
            content = try MetadataDocument.encode(
                SignatureDocument.metadata(signatures), named: "signatures",
                limit: SignatureDocument.maximumByteCount)
        }
        let resealed = try ResealedHeader(file, signatures: content)
        let data = file.header.fixed.headerByteCount..<file.header.fixed.dataEnd
        var hasher = SHA256()
        for part in [.new(resealed.bytes), .copied(data)] + resealed.trailing {
            switch part {
            case .new(let bytes):
                try output.write(bytes)
                hasher.update(bytes)
                progress?(bytes.count)
            case .copied(let range):
                try file.file.forEachPiece(in: range) { piece in
                    try output.write(piece)
                    hasher.update(piece)
                    progress?(piece.count)
                }
            }
        }
        let digest = hasher.finalize()
        let copy = try AdapterFile(opening: output.temporaryPath, limits: limits)
        guard try copy.verify(progress: progress) == digest, copy.contentRoot == file.contentRoot else {
            throw FormatError(.digestMismatch, "The copy reads back with another digest. Check the disk.")
        }
        return digest
    }
}

/// A piece of the copy.
private enum Part {
    case copied(Range<Int>)
    case new([UInt8])
}

/// The header of a file with its signatures replaced, and what follows the data.
private struct ResealedHeader {
    private(set) var bytes: [UInt8] = []
    private(set) var trailing: [Part] = []
    private(set) var fileByteCount = 0

    init(_ file: AdapterFile, signatures: [UInt8]?) throws {
        let fixed = file.header.fixed
        let old = try file.file.read(at: 0, count: fixed.headerByteCount)
        guard FixedHeader.digest(ofHeader: old) == fixed.headerDigest else {
            throw FormatError(.digestMismatch, "The file was changed while it was read.", byteOffset: 0)
        }
        let writeVersion = old[FormatConstants.writeVersionOffset]
        guard writeVersion <= FormatConstants.writeVersion else {
            throw FormatError(
                .newerVersion,
                "Only a program of version \(writeVersion) may change the file, this one is of version "
                    + "\(FormatConstants.writeVersion). Update adapterctl, or write the signature to a file of its own.",
                byteOffset: FormatConstants.writeVersionOffset)
        }
        let required = SectionTag.critical.count
        let ancillary = file.header.sections.dropFirst(required).filter { $0.tag != .signatures }
        var headerSections =
            file.header.sections.prefix(required)
            + ancillary.filter { $0.offset < fixed.headerByteCount }
        let sectionCount = required + ancillary.count + (signatures == nil ? 0 : 1)
        let bodyOffset = FormatConstants.fixedHeaderByteCount + sectionCount * FormatConstants.sectionEntryByteCount
        // The table's entries are as long as eight words, so padding within the body aligns within the file too.
        let end = headerSections.reduce(bodyOffset) { $0 + $0.padding(to: 8) + $1.byteCount }
        let headerByteCount = end + end.padding(to: max(8, fixed.alignment))
        // An empty section at the very end would start where the header ends, and so count as one behind the data
        // (spec clause 4.4): there it is put.
        if end == headerByteCount {
            while headerSections.count > required, headerSections.last?.byteCount == 0 { headerSections.removeLast() }
        }
        let stayed = Set(headerSections.map(\.tag))
        var trailingSections = ancillary.filter { !stayed.contains($0.tag) }.sorted { $0.tag < $1.tag }
            .map { (entry: $0, part: Part.copied($0.offset..<$0.end)) }
        if let signatures {
            let entry = SectionEntry(
                tag: .signatures, isCritical: false, offset: 0, byteCount: signatures.count,
                digest: SHA256.hash(signatures))
            let index = trailingSections.firstIndex { $0.entry.tag > .signatures } ?? trailingSections.endIndex
            trailingSections.insert((entry, .new(signatures)), at: index)
        }

        var body = ByteWriter(capacity: old.count)
        var entries = ByteWriter()
        for var entry in headerSections {
            body.pad(to: 8)
            let content = old[entry.offset..<entry.end]
            entry.offset = bodyOffset + body.bytes.count
            entry.write(to: &entries)
            body.write(content)
        }
        guard sectionCount <= FormatConstants.maximumSectionCount,
            headerByteCount <= FormatConstants.maximumHeaderByteCount
        else {
            throw FormatError(
                .notRepresentable,
                "The file has no room for one more section. Write the signature to a file of its own.")
        }
        body.write([UInt8](repeating: 0, count: headerByteCount - bodyOffset - body.bytes.count))
        var position = headerByteCount + fixed.dataByteCount
        for (var entry, part) in trailingSections {
            entry.offset = position
            entry.write(to: &entries)
            position = entry.end
            trailing.append(part)
        }
        fileByteCount = position
        var resealed = fixed
        resealed.sectionCount = sectionCount
        resealed.fileByteCount = position
        resealed.headerByteCount = headerByteCount
        var header = ByteWriter(capacity: headerByteCount)
        header.write(resealed.bytes)
        header.write(entries.bytes)
        header.write(body.bytes)
        header.replace(
            at: FormatConstants.headerDigestOffset, with: FixedHeader.digest(ofHeader: header.bytes).bytes)
        bytes = header.bytes
    }
}
