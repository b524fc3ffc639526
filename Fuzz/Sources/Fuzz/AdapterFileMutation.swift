import AdapterFormat

/// Changes adapter files: one part, one record or the order of things; then everything else follows.
enum AdapterFileMutation {
    static func mutate(
        _ input: [UInt8], maximumByteCount: Int, sealsTensors: Bool, using generator: inout SeededGenerator
    ) -> [UInt8]? {
        let choice = generator.next() % 16
        // The digests themselves, and whatever stands before them.
        if choice == 0 { return nil }
        guard choice >= 3, var parts = AdapterFileParts(input) else {
            var bytes = mutated(input, maximumByteCount: maximumByteCount)
            AdapterFileSeal.seal(&bytes, tensors: sealsTensors)
            return bytes
        }
        var followsChunks = generator.next() % 8 != 0
        let room = max(16, maximumByteCount - input.count)
        switch choice {
        case 3..<8: changeRecord(&parts, using: &generator)
        case 8..<12: changeSection(&parts, room: room, &followsChunks, using: &generator)
        case 12..<14: changeChunk(&parts, room: room, using: &generator)
        default: changeStructure(&parts, using: &generator)
        }
        if generator.next() % 4 != 0 { parts.renumber() }
        var bytes = parts.assembled(followsChunks: followsChunks)
        guard bytes.count <= maximumByteCount else { return nil }
        AdapterFileSeal.seal(&bytes, tensors: sealsTensors)
        return bytes
    }

    private static let recordByteCounts = ["MODL": 32, "TENS": 72, "CHNK": 48]
    private static let interesting: [UInt64] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 255, 256, 1023, 1024, 1025, 4096, 65_535, 65_536, 65_537, 1 << 20, 1 << 31,
        0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 32, 1 << 48, .max, 1 << 63, 0x3FF0_0000_0000_0000, 0x7FF0_0000_0000_0000,
    ]

    /// A few fields of one table get other values.
    private static func changeRecord(_ parts: inout AdapterFileParts, using generator: inout SeededGenerator) {
        let candidates = parts.headerSections.indices.filter { index in
            recordByteCounts[String(decoding: parts.headerSections[index].tag, as: UTF8.self)] != nil
                && !parts.headerSections[index].content.isEmpty
        }
        guard let section = candidates.randomElement(using: &generator) else { return }
        let tag = String(decoding: parts.headerSections[section].tag, as: UTF8.self)
        var content = parts.headerSections[section].content
        for _ in 0...generator.next() % 3 {
            let offset = Int(generator.next() % UInt64(content.count))
            let value = interesting.randomElement(using: &generator) ?? 0
            switch generator.next() % 6 {
            case 0: content[offset] = UInt8(truncatingIfNeeded: value)
            case 1: content[offset] &+= 1
            case 2: content[offset] &-= 1
            case 3: content.overwrite(at: offset & ~3, with: UInt32(truncatingIfNeeded: value))
            case 4: content.overwrite(at: offset & ~7, with: value)
            default:
                // The same field of another record.
                let size = recordByteCounts[tag] ?? 1
                let other = Int(generator.next() % UInt64(content.count / size + 1)) * size + offset % size & ~3
                content.overwrite(at: offset & ~3, with: content.integer(UInt32.self, at: other))
            }
        }
        parts.headerSections[section].content = content
    }

    private static func changeSection(
        _ parts: inout AdapterFileParts, room: Int, _ followsChunks: inout Bool, using generator: inout SeededGenerator
    ) {
        let count = parts.headerSections.count + parts.trailingSections.count
        guard count > 0 else { return }
        let index = Int(generator.next() % UInt64(count))
        if index < parts.headerSections.count {
            let content = parts.headerSections[index].content
            parts.headerSections[index].content = mutated(content, maximumByteCount: content.count + room)
            if parts.headerSections[index].tag == Array("CHNK".utf8) { followsChunks = false }
        } else {
            let trailing = index - parts.headerSections.count
            let content = parts.trailingSections[trailing].content
            parts.trailingSections[trailing].content = mutated(content, maximumByteCount: content.count + room)
        }
    }

    private static func changeChunk(
        _ parts: inout AdapterFileParts, room: Int, using generator: inout SeededGenerator
    ) {
        guard let index = parts.chunks.indices.randomElement(using: &generator) else { return }
        switch generator.next() % 8 {
        case 0: parts.chunks[index].codec = UInt8(generator.next() % 6)
        case 1: parts.chunks.remove(at: index)
        case 2: parts.chunks.insert(parts.chunks[index], at: index)
        default:
            let encoded = parts.chunks[index].encoded
            parts.chunks[index].encoded = mutated(encoded, maximumByteCount: encoded.count + room)
        }
    }

    private static let tags = ["META", "NAME", "MODL", "TENS", "CHNK", "NOTE", "PROV", "SIGN", "AAAA", "zzzz", "Q8__"]

    private static func changeStructure(_ parts: inout AdapterFileParts, using generator: inout SeededGenerator) {
        let tag = Array((tags.randomElement(using: &generator) ?? "NOTE").utf8)
        let section = AdapterFileParts.Section(
            tag: tag, flags: UInt32(generator.next() % 8 == 0 ? generator.next() % 4 : 0),
            content: generator.next() % 2 == 0 ? [0xA0] : generator.bytes(Int(generator.next() % 16)))
        switch generator.next() % 10 {
        case 0: parts.alignment = 1 << UInt32(generator.next() % 14)
        case 1: parts.alignment = UInt32(truncatingIfNeeded: generator.next() % 5000)
        case 2: parts.versions = [UInt8(generator.next() % 3), UInt8(generator.next() % 3), 0, 0]
        case 3: parts.headerSections.append(section)
        case 4: parts.trailingSections.append(section)
        case 5:
            if let index = parts.headerSections.indices.randomElement(using: &generator) {
                parts.headerSections.remove(at: index)
            }
        case 6:
            if let index = parts.headerSections.indices.randomElement(using: &generator) {
                parts.headerSections[index].tag = tag
            }
        case 7:
            if let index = parts.headerSections.indices.randomElement(using: &generator) {
                parts.headerSections[index].flags = UInt32(generator.next() % 4)
            }
        case 8:
            if let last = parts.headerSections.popLast() { parts.trailingSections.insert(last, at: 0) }
        default: parts.trailingSections = Array(parts.trailingSections.dropLast())
        }
    }
}
