import AdapterFormat
import Testing

/// Fixed headers and section tables that lie (spec sections 3 and 4), sealed so that only the lie can give them away.
@Suite struct HostileHeaderTests {
    @Test(arguments: fixedHeader) func `A fixed header that lies`(_ hostile: HostileCase) throws { try hostile.check() }
    @Test(arguments: sections) func `A section table that lies`(_ hostile: HostileCase) throws { try hostile.check() }
    @Test(arguments: accepted) func `An unusual header that is right`(_ unusual: HostileCase) throws {
        try unusual.check()
    }

    static let fixedHeader: [HostileCase] = [
        fixed("magic", .wrongMagic) { $0.magic[7] = 0x0A },
        fixed("magic with the eighth bit stripped", .wrongMagic) { $0.magic[0] = 0x09 },
        fixed("readVersion 0", .malformedHeader) { $0.readVersion = 0 },
        fixed("readVersion 2", .newerVersion) { ($0.readVersion, $0.writeVersion) = (2, 2) },
        fixed("readVersion 255 and nonsense", .newerVersion) { ($0.readVersion, $0.fileByteCount) = (255, 3) },
        fixed("writeVersion below readVersion", .malformedHeader) { $0.writeVersion = 0 },
        fixed("flags", .malformedHeader) { $0.flags = 0x8000 },
        fixed("first reserved byte", .malformedHeader) { $0.reserved[0] = 1 },
        fixed("last reserved byte", .malformedHeader) { $0.reserved[19] = 0x80 },
        fixed("no sections", .malformedHeader) { $0.sectionCount = 0 },
        fixed("4 sections", .malformedHeader) { $0.sectionCount = 4 },
        fixed("65 sections", .malformedHeader) { $0.sectionCount = 65 },
        fixed("2³² − 1 sections", .malformedHeader) { $0.sectionCount = .max },
        fixed("one section too few", .malformedHeader) { $0.sectionCount -= 1 },
        fixed("one section too many", .malformedHeader) { $0.sectionCount += 1 },
        fixed("a longer file", .truncated) { $0.fileByteCount += 1 },
        fixed("a shorter file", .trailingBytes) { $0.fileByteCount -= 1 },
        fixed("a file of 2⁶³ − 1 bytes", .truncated) { $0.fileByteCount = 1 << 63 - 1 },
        fixed("a file of 2⁶³ bytes", .malformedHeader) { $0.fileByteCount = 1 << 63 },
        fixed("a file of 2⁶⁴ − 1 bytes", .malformedHeader) { $0.fileByteCount = .max },
        fixed("header of no bytes", .malformedHeader) { $0.headerByteCount = 0 },
        fixed("header of 128 bytes", .malformedHeader) { $0.headerByteCount = 128 },
        fixed("header that is not a multiple of 8", .malformedHeader) { $0.headerByteCount -= 4 },
        fixed("header too short by 8", .malformedHeader) {
            ($0.headerByteCount, $0.dataByteCount) = ($0.headerByteCount - 8, $0.dataByteCount + 8)
        },
        fixed("header too long by 8", .malformedHeader) {
            ($0.headerByteCount, $0.dataByteCount) = ($0.headerByteCount + 8, $0.dataByteCount - 8)
        },
        fixed("header beyond the file", .malformedHeader) { $0.headerByteCount += 1 << 20 },
        fixed("header beyond the limit", .limitExceeded) { $0.headerByteCount = 64 << 20 + 8 },
        fixed("header of 2⁶³ − 8 bytes", .limitExceeded) { $0.headerByteCount = 1 << 63 - 8 },
        fixed("header of 2⁶⁴ − 8 bytes", .malformedHeader) { $0.headerByteCount = 0 &- 8 },
        fixed("no data", .malformedHeader) { $0.dataByteCount = 0 },
        fixed("a byte less of data", .malformedHeader) { $0.dataByteCount -= 1 },
        fixed("a byte more of data", .malformedHeader) { $0.dataByteCount += 1 },
        fixed("data whose end overflows", .malformedHeader) { $0.dataByteCount = 1 << 63 - 1 },
        fixed("data of 2⁶³ bytes", .malformedHeader) { $0.dataByteCount = 1 << 63 },
        fixed("alignment 0", .malformedHeader) { $0.alignment = 0 },
        fixed("alignment 3", .malformedHeader) { $0.alignment = 3 },
        fixed("alignment 8192", .malformedHeader) { $0.alignment = 8192 },
        fixed("alignment 2³¹", .malformedHeader) { $0.alignment = 1 << 31 },
        fixed("another alignment than the data's", .malformedHeader) { $0.alignment = 4096 },
        fixed("content root", .digestMismatch) { $0.contentRoot[31] ^= 1 },
        HostileCase("header digest", .digestMismatch) { file in file.editFile = { $0[96] ^= 1 } },
        HostileCase("padding before the data", .malformedHeader, codec: .raw) { file in
            file.editHeader = { $0[$0.count - 1] = 1 }
        },
        HostileCase("padding between sections", .malformedHeader) { file in
            file.metadata = [0xA0]
            file.editHeader = { $0[128 + 64 * 7 + 1] = 1 }
        },
        HostileCase("alignment that does not fit the chunks", .malformedTable) { file in
            file.fixed.alignment = 256
        },
    ]

    static let sections: [HostileCase] = [
        HostileCase("CHNK missing", .malformedHeader) { $0.editSections = { $0.removeAll { $0.tag == "CHNK" } } },
        HostileCase("META missing", .malformedHeader) { $0.editSections = { $0.removeFirst() } },
        HostileCase("NAME and MODL swapped", .malformedHeader) { $0.editSections = { $0.swapAt(1, 2) } },
        HostileCase("entries of NAME and MODL swapped", .malformedHeader) { $0.editTable = { $0.swapAt(1, 2) } },
        HostileCase("places of NAME and MODL swapped", .malformedHeader) { file in
            file.editSections = { $0.swapAt(1, 2) }
            file.editTable = { $0.swapAt(1, 2) }
        },
        HostileCase("NOTE before CHNK", .malformedHeader) { $0.editSections = { $0.swapAt(4, 5) } },
        HostileCase("META twice", .malformedHeader) {
            $0.otherSections = [SpecFile.Section(tag: "META", bytes: [0xA0])]
        },
        HostileCase("NOTE twice", .malformedHeader) {
            $0.otherSections = [SpecFile.Section(tag: "NOTE", bytes: [0xA0])]
        },
        HostileCase("PROV twice", .malformedHeader) {
            $0.otherSections = [SpecFile.Section(tag: "PROV", bytes: [0xA0], isTrailing: true)]
        },
        HostileCase("the same unknown section in both parts", .malformedHeader) {
            $0.otherSections = [
                SpecFile.Section(tag: "XTRA", bytes: [1]), SpecFile.Section(tag: "XTRA", bytes: [1], isTrailing: true),
            ]
        },
        HostileCase("unknown critical section", .unknownSection) {
            $0.otherSections = [SpecFile.Section(tag: "XTRA", flags: 1, bytes: [1])]
        },
        HostileCase("unknown critical trailing section", .unknownSection) {
            $0.otherSections = [SpecFile.Section(tag: "XTRA", flags: 1, bytes: [1], isTrailing: true)]
        },
        entry("NOTE critical", .unknownSection, "NOTE") { $0.flags = 1 },
        entry("PROV critical", .unknownSection, "PROV") { $0.flags = 1 },
        entry("META ancillary", .malformedHeader, "META") { $0.flags = 0 },
        entry("CHNK ancillary", .malformedHeader, "CHNK") { $0.flags = 0 },
        entry("flag 1", .malformedHeader, "NOTE") { $0.flags = 2 },
        entry("flag 31", .malformedHeader, "META") { $0.flags = 1 << 31 | 1 },
        entry("reserved bytes", .malformedHeader, "TENS") { $0.reserved = 1 << 56 },
        entry("tag with a space", .malformedHeader, "NOTE") { $0.tag = "NOT " },
        entry("tag with a hyphen", .malformedHeader, "NOTE") { $0.tag = "NO-E" },
        entry("tag of zeros", .malformedHeader, "NOTE") { $0.tagBytes = [0, 0, 0, 0] },
        entry("tag of high bytes", .malformedHeader, "NOTE") { $0.tagBytes = [0xC3, 0x89, 0xFF, 0xB2] },
        HostileCase("header sections descending", .malformedHeader) {
            $0.otherSections = [SpecFile.Section(tag: "AAAA", bytes: [1])]
        },
        HostileCase("trailing sections descending", .malformedHeader) {
            $0.otherSections = [SpecFile.Section(tag: "AAAA", bytes: [1], isTrailing: true)]
        },
        HostileCase("trailing entry before a header entry", .malformedHeader) { $0.editTable = { $0.swapAt(5, 6) } },
        HostileCase("NOTE trailing", .malformedHeader) {
            $0.otherSections = [SpecFile.Section(tag: "NOTE", bytes: $0.notes ?? [], isTrailing: true)]
            ($0.notes, $0.provenance) = (nil, nil)
        },
        HostileCase("PROV in the header", .malformedHeader) {
            $0.otherSections = [SpecFile.Section(tag: "PROV", bytes: $0.provenance ?? [])]
            $0.provenance = nil
        },
        entry("section that overlaps its predecessor", .malformedHeader, "NAME") { $0.offset -= 8 },
        entry("section that leaves a gap", .malformedHeader, "NOTE") { $0.offset += 8 },
        entry("section at no multiple of 8", .malformedHeader, "NOTE") { $0.offset += 1 },
        entry("section in the table", .malformedHeader, "META") { $0.offset = 128 },
        entry("section in the fixed header", .malformedHeader, "META") { $0.offset = 0 },
        entry("critical section beyond the header", .malformedHeader, "CHNK") { $0.offset = 1 << 20 },
        entry("offset 2⁶³", .malformedHeader, "META") { $0.offset = 1 << 63 },
        entry("length 2⁶³", .malformedHeader, "META") { $0.byteCount = 1 << 63 },
        entry("end that overflows", .malformedHeader, "TENS") { $0.byteCount = 1 << 63 - 1 },
        entry("section that ends beyond the header", .malformedHeader, "NOTE") { $0.byteCount += 64 },
        entry("section longer than its content", .malformedTable, "NAME") { $0.byteCount += 1 },
        entry("section shorter than its content", .malformedHeader, "NAME") { $0.byteCount -= 1 },
        entry("table cut by 8 bytes", .malformedHeader, "TENS") { $0.byteCount -= 8 },
        entry("trailing section in the data", .malformedHeader, "PROV") { $0.offset -= 1 },
        entry("trailing section after a gap", .malformedHeader, "PROV") {
            ($0.offset, $0.byteCount) = ($0.offset + 1, $0.byteCount - 1)
        },
        entry("trailing section beyond the file", .malformedHeader, "PROV") { $0.byteCount += 1 },
        entry("trailing section short of the file", .malformedHeader, "PROV") { $0.byteCount -= 1 },
        HostileCase("bytes after the data", .malformedHeader) { file in
            file.provenance = nil
            file.surplusTrailing = [0]
        },
        HostileCase("bytes after the last section", .malformedHeader) { $0.surplusTrailing = [0] },
        entry("digest of META", .digestMismatch, "META") { $0.digest = SpecFile.hash([]) },
        entry("digest of NOTE", .digestMismatch, "NOTE") { $0.digest = SpecFile.hash([]) },
        entry("digest of CHNK", .digestMismatch, "CHNK") { $0.digest = SpecFile.hash([]) },
        entry("digest of PROV", .digestMismatch, "PROV", whenOpened: false) { $0.digest = SpecFile.hash([]) },
        HostileCase("digest of an unknown section", .digestMismatch) {
            $0.otherSections = [SpecFile.Section(tag: "XTRA", digest: SpecFile.hash([]), bytes: [1])]
        },
        HostileCase("digest of an unknown trailing section", .digestMismatch, whenOpened: false) {
            $0.otherSections = [
                SpecFile.Section(tag: "XTRA", digest: SpecFile.hash([]), bytes: [1], isTrailing: true)
            ]
        },
    ]

    static let accepted: [HostileCase] = [
        HostileCase("nothing changed", nil, whenOpened: false) { _ in },
        HostileCase("nothing changed, raw", nil, codec: .raw, whenOpened: false) { _ in },
        HostileCase("a newer writeVersion", nil, whenOpened: false) { file in
            file.editFixed = { $0.writeVersion = 255 }
        },
        HostileCase("unknown ancillary sections", nil, whenOpened: false) {
            $0.otherSections = [
                SpecFile.Section(tag: "OTHR", bytes: []), SpecFile.Section(tag: "Xtra", bytes: [1, 2, 3]),
                SpecFile.Section(tag: "zzz9", bytes: [4]), SpecFile.Section(tag: "R2D2", bytes: [5], isTrailing: true),
                SpecFile.Section(tag: "tail", bytes: [], isTrailing: true),
            ]
        },
        HostileCase("64 sections", nil, whenOpened: false) { file in
            file.provenance = nil
            file.otherSections = (10..<68).map { SpecFile.Section(tag: "XX\($0)", bytes: [UInt8]($0..<70)) }
        },
        HostileCase("no ancillary sections", nil, whenOpened: false) { ($0.notes, $0.provenance) = (nil, nil) },
        HostileCase("nothing at all", nil, whenOpened: false) { file in
            (file.metadata, file.notes, file.provenance) = ([0xA0], nil, nil)
            (file.names.texts, file.modules, file.tensors, file.chunks) = ([], [], [], [])
        },
        HostileCase("nothing but provenance", nil, whenOpened: false) { file in
            (file.metadata, file.notes) = ([0xA0], nil)
            (file.names.texts, file.modules, file.tensors, file.chunks) = ([], [], [], [])
        },
    ]

    private static func fixed(
        _ name: String, _ code: FormatError.Code, _ edit: @escaping @Sendable (inout SpecFile.Fixed) -> Void
    ) -> HostileCase {
        HostileCase(name, code) { $0.editFixed = edit }
    }

    private static func entry(
        _ name: String, _ code: FormatError.Code, _ tag: String, whenOpened: Bool = true,
        _ edit: @escaping @Sendable (inout SpecFile.Section) -> Void
    ) -> HostileCase {
        HostileCase(name, code, whenOpened: whenOpened) { file in
            file.editTable = { sections in
                for index in sections.indices where sections[index].tag == tag { edit(&sections[index]) }
            }
        }
    }
}
