extension SpecFile {
    /// The file's bytes: laid out, then sealed from the inside out.
    func sealed() -> [UInt8] {
        let alignment = max(1, Int(clamping: fixed.alignment))
        var data: [UInt8] = []
        var chunkTable: [UInt8] = []
        for chunk in chunks {
            let extent = chunk.encoded + chunk.padding
            chunkTable += Self.bytes(chunk.offset ?? UInt64(data.count))
            chunkTable += Self.bytes(chunk.encodedByteCount ?? UInt32(chunk.encoded.count))
            chunkTable += [chunk.codec] + chunk.reserved
            chunkTable += chunk.digest ?? Self.hash([0], extent)
            data += extent
        }
        data += surplusData

        var sections = [
            Section(tag: "META", flags: 1, bytes: metadata), Section(tag: "NAME", flags: 1, bytes: nameTable),
            Section(tag: "MODL", flags: 1, bytes: modules.flatMap(Self.record) + surplusModules),
            Section(tag: "TENS", flags: 1, bytes: tensors.flatMap(Self.record) + surplusTensors),
            Section(tag: "CHNK", flags: 1, bytes: chunkTable + surplusChunks),
        ]
        if let notes { sections.append(Section(tag: "NOTE", bytes: notes)) }
        sections += otherSections.filter { !$0.isTrailing }
        if let provenance { sections.append(Section(tag: "PROV", bytes: provenance, isTrailing: true)) }
        sections += otherSections.filter(\.isTrailing)
        editSections(&sections)

        var body = [UInt8](repeating: 0, count: 128 + 64 * sections.count)
        for index in sections.indices where !sections[index].isTrailing {
            body += Self.zeros(body.count, 8)
            sections[index].offset = UInt64(body.count)
            sections[index].byteCount = UInt64(sections[index].bytes.count)
            body += sections[index].bytes
        }
        body += Self.zeros(body.count, max(8, alignment))
        var file = body + data
        for index in sections.indices where sections[index].isTrailing {
            sections[index].offset = UInt64(file.count)
            sections[index].byteCount = UInt64(sections[index].bytes.count)
            file += sections[index].bytes
        }
        file += surplusTrailing
        let entryCount = sections.count
        editTable(&sections)
        var table: [UInt8] = []
        for section in sections { table += Self.entry(section, in: file) }
        file.replaceSubrange(128..<128 + min(table.count, 64 * entryCount), with: table.prefix(64 * entryCount))

        var fixed = fixed
        fixed.sectionCount = UInt32(sections.count)
        fixed.fileByteCount = UInt64(file.count)
        fixed.headerByteCount = UInt64(body.count)
        fixed.dataByteCount = UInt64(data.count)
        fixed.contentRoot = contentRoot
        editFixed(&fixed)
        file.replaceSubrange(0..<128, with: Self.bytes(fixed))

        var header = Array(file[..<body.count])
        editHeader(&header)
        file.replaceSubrange(0..<body.count, with: header)
        let headerByteCount = Int(min(fixed.headerByteCount, UInt64(file.count)))
        file.replaceSubrange(96..<128, with: Self.hash(Array(file[..<max(128, headerByteCount)])))
        editFile(&file)
        return file
    }

    /// Clause 9.6, as far as the tables make sense.
    var contentRoot: [UInt8] {
        let digests = modules.map { module in
            let first = min(Int(module.firstTensor), tensors.count)
            let last = min(first + Int(module.tensorCount), tensors.count)
            return Self.moduleDigest(module, name: text(module.name), tensors: tensors[first..<last].map(\.digest))
        }
        return Self.contentRoot(metadata: metadata, modules: digests)
    }

    /// The bytes of a name, empty when there is none.
    func text(_ index: UInt32) -> [UInt8] { index < names.texts.count ? names.texts[Int(index)] : [] }

    /// Computes the tensor digests from given values, for files that must be right after an edit.
    mutating func sealTensor(_ index: Int, decodedChunks: [[UInt8]]) {
        tensors[index].digest = Self.tensorDigest(
            tensors[index], module: text(modules[Int(tensors[index].module)].name), name: text(tensors[index].name),
            decodedChunks: decodedChunks)
    }

    /// Pads every extent to the alignment.
    mutating func padChunks() {
        for index in chunks.indices {
            chunks[index].padding = Self.zeros(chunks[index].encoded.count, Int(fixed.alignment))
        }
    }

    static func zeros(_ position: Int, _ alignment: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: (alignment - position % alignment) % alignment)
    }

    // MARK: Records

    private var nameTable: [UInt8] {
        var ends: [UInt32] = []
        for text in names.texts { ends.append((ends.last ?? 0) + UInt32(text.count)) }
        return Self.bytes(names.count ?? UInt32(names.texts.count)) + Self.bytes(names.reserved)
            + (names.ends ?? ends).flatMap { Self.bytes($0) } + names.texts.flatMap(\.self) + names.surplus
    }

    private static func record(_ module: Module) -> [UInt8] {
        bytes(module.name) + [module.kind, module.rule] + bytes(module.reserved) + bytes(module.rank)
            + bytes(module.firstTensor) + bytes(module.tensorCount) + bytes(module.surplus) + bytes(module.alpha)
    }

    private static func record(_ tensor: Tensor) -> [UInt8] {
        var record = bytes(tensor.module) + [tensor.role, tensor.dtype, tensor.dimensionCount, tensor.reserved]
        record += bytes(tensor.name) + bytes(tensor.firstChunk)
        record += tensor.extents.flatMap { bytes($0) } + tensor.digest
        return record
    }

    private static func entry(_ section: Section, in file: [UInt8]) -> [UInt8] {
        let (end, overflow) = section.offset.addingReportingOverflow(section.byteCount)
        let content =
            overflow || end > file.count ? [] : Array(file[Int(section.offset)..<Int(end)])
        var entry = (section.tagBytes ?? Array(section.tag.utf8)) + bytes(section.flags) + bytes(section.offset)
        entry += bytes(section.byteCount) + bytes(section.reserved) + (section.digest ?? hash(content))
        return entry
    }

    private static func bytes(_ fixed: Fixed) -> [UInt8] {
        var run = fixed.magic + [fixed.readVersion, fixed.writeVersion] + bytes(fixed.flags)
        run += bytes(fixed.sectionCount) + bytes(fixed.fileByteCount) + bytes(fixed.headerByteCount)
        run += bytes(fixed.dataByteCount) + bytes(fixed.alignment) + fixed.reserved + fixed.contentRoot
        return run + [UInt8](repeating: 0, count: 32)
    }
}
