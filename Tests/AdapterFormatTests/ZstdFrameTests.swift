import AdapterFormat
import Testing

/// zstd chunks made by hand from RFC 8878 (spec clauses 8.4 and 8.5), sealed.
@Suite struct ZstdFrameTests {
    @Test(arguments: refused) func `A frame that breaks a rule`(_ hostile: HostileCase) throws { try hostile.check() }
    @Test(arguments: accepted) func `An unusual frame that is right`(_ unusual: HostileCase) throws {
        try unusual.check()
    }

    /// The chunk of 512 bytes that the frames stand for.
    private static let chunk = 5
    private static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
    /// Single segment, content size in two bytes (the value less 256).
    private static let header: [UInt8] = [0x60] + SpecFile.bytes(UInt16(512 - 256))

    /// RFC 8878, section 3.1.1.2: a block header of last flag, type and size.
    private static func block(_ type: UInt32, size: UInt32, last: Bool, _ content: [UInt8]) -> [UInt8] {
        SpecFile.bytes(size << 3 | type << 1 | (last ? 1 : 0)).prefix(3) + content
    }

    private static func repeating(_ byte: UInt8, _ count: UInt32, last: Bool = true) -> [UInt8] {
        block(1, size: count, last: last, [byte])
    }

    private static let frame = magic + header + repeating(7, 512)

    static let refused: [HostileCase] = [
        chunk("no frame at all", [0]), chunk("a magic alone", magic), chunk("garbage", Array("garbage!".utf8)),
        chunk("a frame cut in its header", Array(frame.prefix(6))),
        chunk("a frame cut in a block header", Array(frame.prefix(9))),
        chunk("a frame cut before its last byte", Array(frame.dropLast())),
        chunk("a byte after the frame", frame + [0]),
        chunk("two frames", frame + frame), chunk("two frames that make the length together", half + half),
        chunk("a skippable frame", skippable), chunk("a skippable frame before the frame", skippable + frame),
        chunk("a skippable frame behind the frame", frame + skippable),
        chunk("no content size", magic + [0x00, 0x58] + repeating(7, 512)),
        chunk("a content size too small", magic + [0x60, 0xFF, 0x00] + repeating(7, 511)),
        chunk("a content size too large", magic + [0x60, 0x01, 0x01] + repeating(7, 513)),
        chunk("a content size of 2⁶⁴ − 1", magic + [0xE0] + [UInt8](repeating: 0xFF, count: 8) + repeating(7, 512)),
        chunk(
            "a content size of 2⁶⁴ − 2", magic + [0xE0, 0xFE] + [UInt8](repeating: 0xFF, count: 7) + repeating(7, 512)),
        chunk("a content size of 1 TiB", magic + [0xE0, 0, 0, 0, 0, 0, 1, 0, 0] + repeating(7, 512)),
        chunk("less content than stated", magic + header + repeating(7, 511)),
        chunk("more content than stated", magic + header + repeating(7, 513)),
        chunk("much more content than stated", magic + header + repeating(7, 131_072)),
        chunk("no last block", magic + header + repeating(7, 512, last: false)),
        chunk("a reserved block type", magic + header + block(3, size: 1, last: true, [7])),
        chunk("a reserved bit of the frame header", magic + [0x68] + header.dropFirst() + repeating(7, 512)),
        chunk("a block larger than its maximum", magic + header + repeating(7, 1 << 21 - 1)),
        chunk("a raw block cut short", magic + header + block(0, size: 512, last: true, [1, 2, 3])),
        chunk("a compressed block of garbage", magic + header + block(2, size: 8, last: true, Array("garbage!".utf8))),
        chunk("a dictionary", magic + [0x61, 0x07] + header.dropFirst() + repeating(7, 512)),
        chunk("a dictionary of four bytes", magic + [0x63, 1, 0, 0, 0] + header.dropFirst() + repeating(7, 512)),
        chunk("a wrong checksum", magic + [0x64] + header.dropFirst() + repeating(7, 512) + [1, 2, 3, 4]),
        chunk("a window of 2⁴¹ bytes", magic + [0x40, 0xF8] + header.dropFirst() + repeating(7, 512)),
        chunk("the magic of zstd 0.7", [0x27] + frame.dropFirst()),
        chunk("the magic of zstd 0.6", [0x26] + frame.dropFirst()),
        chunk("the magic of zstd 0.5", [0x25] + frame.dropFirst()),
        chunk("the magic of zstd 0.1", [0xFD, 0x2F, 0xB5, 0x1E] + frame.dropFirst(4)),
        chunk("a whole frame of zstd 0.7", legacy),
    ]

    static let accepted: [HostileCase] = [
        right("one repeated byte", frame, .init(repeating: 7, count: 512)),
        right(
            "two blocks", magic + header + repeating(1, 500, last: false) + repeating(2, 12),
            .init(repeating: 1, count: 500) + .init(repeating: 2, count: 12)),
        right(
            "a raw block and an empty one",
            magic + header + repeating(9, 510, last: false) + block(0, size: 2, last: false, [3, 4])
                + block(0, size: 0, last: true, []), .init(repeating: 9, count: 510) + [3, 4]),
        right(
            "a content size in eight bytes", magic + [0xE0] + SpecFile.bytes(UInt64(512)) + repeating(7, 512),
            .init(repeating: 7, count: 512)),
        right(
            "a window and a content size", magic + [0x40, 0x00] + header.dropFirst() + repeating(7, 512),
            .init(repeating: 7, count: 512)),
    ]

    private static let half = magic + [0x20, 0xFF] + repeating(7, 255)
    private static let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 1, 2]

    /// A frame of zstd 0.7: magic, descriptor with a content size of two bytes, a repeated byte, an end block.
    private static let legacy: [UInt8] = [0x27, 0xB5, 0x2F, 0xFD] + header + [0x80, 0x02, 0x00, 7] + [0xC0, 0, 0]

    private static func chunk(_ name: String, _ encoded: [UInt8]) -> HostileCase {
        HostileCase(name, .malformedChunk, whenOpened: false) { file in
            file.chunks[chunk] = SpecFile.Chunk(codec: 3, encoded: encoded)
        }
    }

    private static func right(_ name: String, _ encoded: [UInt8], _ decoded: [UInt8]) -> HostileCase {
        HostileCase(name, nil, whenOpened: false) { file in
            file.chunks[chunk] = SpecFile.Chunk(codec: 3, encoded: encoded)
            file.sealTensor(5, decodedChunks: [decoded])
        }
    }
}
