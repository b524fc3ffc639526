import AdapterFormat
import Testing

/// Names, modules, tensors and chunks that contradict each other (spec sections 6 to 8), sealed so that only the
/// contradiction can give them away. See `TestAdapters.small` for the indices.
@Suite struct HostileTableTests {
    @Test(arguments: names) func `Names that break a rule`(_ hostile: HostileCase) throws { try hostile.check() }
    @Test(arguments: modules) func `Modules that break a rule`(_ hostile: HostileCase) throws { try hostile.check() }
    @Test(arguments: tensors) func `Tensors that break a rule`(_ hostile: HostileCase) throws { try hostile.check() }
    @Test(arguments: chunks) func `Chunks that break a rule`(_ hostile: HostileCase) throws { try hostile.check() }

    static let names: [HostileCase] = [
        table("names descending") { $0.names.texts.swapAt(1, 2) },
        table("a name twice") { $0.names.texts[2] = $0.names.texts[1] },
        table("a name that nobody uses") { $0.names.texts.append(Array("zzz".utf8)) },
        table("invalid UTF-8") { $0.names.texts[6] = [0x77, 0xFF] },
        table("UTF-8 longer than needed") { $0.names.texts[6] = [0xC1, 0xB7] },
        table("a surrogate in UTF-8") { $0.names.texts[6] = [0xED, 0xA0, 0x80] },
        table("UTF-8 beyond Unicode") { $0.names.texts[6] = [0xF4, 0x90, 0x80, 0x80] },
        table("a character split between two names") {
            ($0.names.texts[5], $0.names.texts[6]) = (Array("ones".utf8) + [0xC3], [0xA9])
        },
        table("a line end in a name") { $0.names.texts[1] = Array("a\nb".utf8) },
        table("a zero byte in a name") { $0.names.texts[1] = Array("a\0b".utf8) },
        table("the byte 1F in a name") { $0.names.texts[6] = [0x77, 0x1F] },
        table("the byte 7F in a name") { $0.names.texts[6] = [0x77, 0x7F] },
        table("a name of 1,025 bytes") { $0.names.texts[6] = [UInt8](repeating: 0x77, count: 1025) },
        table("ends that decrease") { $0.names.ends = [0, 8, 7, 23, 44, 48, 54] },
        table("an end beyond the section") { $0.names.ends = [0, 8, 14, 23, 44, 48, 55] },
        table("an end of 2³² − 1") { $0.names.ends = [0, 8, 14, 23, 44, 48, .max] },
        table("canonically equivalent names of parameters") {
            $0.names.texts[5] = Array("e\u{301}".utf8)
            $0.names.texts[6] = Array("\u{E9}".utf8)
            $0.names.texts[4] = Array("d".utf8)  // keeps the order
        },
        table("canonically equivalent names of modules") {
            $0.names.texts = ["", "A\u{30A}", "a", "b", "c", "d", "\u{C5}"].map { Array($0.utf8) }
            $0.modules[2].name = 6
            for index in 2...4 { $0.tensors[index].name -= 1 }
        },
        table("a count beyond the section") { $0.names.count = 8 },
        table("a count of 2³² − 1") { $0.names.count = .max },
        table("a count of 0 before names") { $0.names.count = 0 },
        table("bytes after the last name") { $0.names.surplus = [0x61] },
        HostileCase("reserved bytes", .malformedHeader) { $0.names.reserved = 1 },
        HostileCase("a table of 4 bytes", .malformedTable) { file in file.editSections = { $0[1].bytes = [0, 0, 0, 0] }
        },
        HostileCase("an empty table", .malformedTable) { file in file.editSections = { $0[1].bytes = [] } },
    ]

    static let modules: [HostileCase] = [
        table("modules descending") { ($0.modules[0].name, $0.modules[1].name) = (2, 1) },
        table("a module name twice") { $0.modules[1].name = 1 },
        table("a name index beyond the table") { $0.modules[2].name = 7 },
        table("a name index of 2³² − 1") { $0.modules[2].name = .max },
        table("kind 6") { $0.modules[0].kind = 6 },
        table("kind 255") { $0.modules[0].kind = 255 },
        table("scaling rule 2") { $0.modules[0].rule = 2 },
        table("scaling rule 255") { $0.modules[0].rule = 255 },
        HostileCase("reserved bytes at 6", .malformedHeader) { $0.modules[0].reserved = 1 },
        HostileCase("reserved bytes at 20", .malformedHeader) { $0.modules[0].surplus = 1 << 31 },
        table("rank 0") { $0.modules[0].rank = 0 },
        table("rank 1 of factors of rank 2") { $0.modules[0].rank = 1 },
        table("rank 65,537") { $0.modules[0].rank = 65_537 },
        table("rank 65,537 of factors of that rank") {
            $0.modules[0].rank = 65_537
            $0.tensors[0].extents[0] = 65_537
            $0.tensors[1].extents[1] = 65_537
            ($0.tensors[0].dtype, $0.tensors[1].dtype) = (7, 7)
            $0.tensors[0].extents[1] = 1
            $0.tensors[1].extents[0] = 1
            for index in 0...1 {
                $0.chunks[index] = SpecFile.Chunk(codec: 1, encoded: [0])
            }
        },
        table("rank 2³² − 1") { $0.modules[0].rank = .max },
        table("alpha NaN") { $0.modules[0].alpha = Double.nan.bitPattern },
        table("alpha ∞") { $0.modules[0].alpha = Double.infinity.bitPattern },
        table("alpha −∞") { $0.modules[0].alpha = (-Double.infinity).bitPattern },
        table("a rank without update") { $0.modules[1].rank = 1 },
        table("an alpha without update") { $0.modules[1].alpha = 1.0.bitPattern },
        table("an alpha of −0 without update") { $0.modules[1].alpha = 1 << 63 },
        table("a scaling rule without update") { $0.modules[1].rule = 1 },
        table("an update whose kind is 0") {
            ($0.modules[0].kind, $0.modules[0].rank, $0.modules[0].alpha) = (0, 0, 0)
        },
        table("a kind without A and B") { ($0.modules[1].kind, $0.modules[1].rank) = (1, 1) },
        table("a first tensor that is not 0") { $0.modules[0].firstTensor = 1 },
        table("tensors that overlap") { $0.modules[1].firstTensor = 2 },
        table("tensors with a gap") { $0.modules[1].firstTensor = 4 },
        table("a first tensor of 2³² − 1") { $0.modules[2].firstTensor = .max },
        table("no tensor") { $0.modules[1].tensorCount = 0 },
        table("a tensor too many") { $0.modules[2].tensorCount = 3 },
        table("a tensor too few") { $0.modules[2].tensorCount = 1 },
        table("2³² − 1 tensors") { $0.modules[0].tensorCount = .max },
        table("tensors without a module") { $0.modules.removeLast() },
        table("half a record") { $0.surplusModules = [UInt8](repeating: 0, count: 16) },
        table("no modules") { $0.modules = [] },
        HostileCase("65,537 modules", .limitExceeded) { file in
            file.modules = (0...65_536).map {
                SpecFile.Module(
                    name: $0, kind: 0, rule: 0, rank: 0, firstTensor: $0, tensorCount: 1, alpha: 0)
            }
        },
    ]

    static let tensors: [HostileCase] = [
        table("the index of another module") { $0.tensors[0].module = 1 },
        table("a module index of 2³² − 1") { $0.tensors[0].module = .max },
        table("role 0") { $0.tensors[2].role = 0 },
        table("role 9") { $0.tensors[2].role = 9 },
        table("dtype 0") { $0.tensors[0].dtype = 0 },
        table("dtype 10") { $0.tensors[0].dtype = 10 },
        HostileCase("the reserved byte", .malformedHeader) { $0.tensors[0].reserved = 1 },
        table("7 dimensions") { $0.tensors[0].dimensionCount = 7 },
        table("255 dimensions") { $0.tensors[0].dimensionCount = 255 },
        table("an extent of 2³¹ + 1") { $0.tensors[0].extents = [2, 1 << 31 + 1, 0, 0, 0, 0] },
        table("2⁴⁸ elements") {
            ($0.tensors[0].dimensionCount, $0.tensors[0].extents) = (2, [1 << 24, 1 << 24, 0, 0, 0, 0])
        },
        table("2⁶⁴ elements") {
            ($0.tensors[4].dimensionCount, $0.tensors[4].extents) = (3, [1 << 31, 1 << 31, 4, 0, 0, 0])
        },
        table("2¹⁸⁶ elements") {
            ($0.tensors[4].dimensionCount, $0.tensors[4].extents) = (6, .init(repeating: 1 << 31, count: 6))
        },
        table("2⁶² elements and none") {
            ($0.tensors[4].dimensionCount, $0.tensors[4].extents) = (3, [1 << 31, 1 << 31, 0, 0, 0, 0])
        },
        table("none and 2⁶² elements") {
            ($0.tensors[4].dimensionCount, $0.tensors[4].extents) = (3, [0, 1 << 31, 1 << 31, 0, 0, 0])
        },
        table("an extent behind the last dimension") { $0.tensors[0].extents[5] = 1 },
        table("no A") { ($0.tensors[0].role, $0.tensors[1].role) = (2, 4) },
        table("no B") { $0.tensors[1].role = 3 },
        table("two A") { $0.tensors[1].role = 1 },
        table("two A of different names") { ($0.tensors[1].role, $0.tensors[1].name) = (1, 4) },
        table("B twice") { ($0.tensors[2].role, $0.tensors[2].name) = (2, 4) },
        table("B before A") { ($0.tensors[0].role, $0.tensors[1].role) = (2, 1) },
        table("an A with a name") { $0.tensors[0].name = 4 },
        table("a B with a name") { $0.tensors[1].name = 4 },
        table("A in a module without update") { $0.tensors[3].role = 1 },
        table("names descending") { ($0.tensors[3].name, $0.tensors[4].name) = (6, 5) },
        table("the same role and name") { $0.tensors[4].name = 5 },
        table("roles descending") { $0.tensors[3].role = 8 },
        table("a name index beyond the table") { $0.tensors[4].name = 7 },
        table("a name index of 2³² − 1") { $0.tensors[4].name = .max },
        table("half a record") { $0.surplusTensors = [UInt8](repeating: 0, count: 36) },
        table("A and B that do not fit") { $0.tensors[1].extents = [2, 3, 0, 0, 0, 0] },
        table("A of one dimension") {
            ($0.tensors[0].dimensionCount, $0.tensors[0].extents) = (1, [8, 0, 0, 0, 0, 0])
        },
        table("a convolution of two dimensions") { $0.modules[0].kind = 3 },
        table("a convolution of B's second extent 0") { convolution(&$0, [2, 2, 2], [3, 0, 2]) },
        table("a convolution whose groups do not divide the rank") { convolution(&$0, [2, 4, 1], [2, 3, 1]) },
        table("a convolution whose B has a kernel") { convolution(&$0, [2, 4, 1], [1, 2, 3]) },
        table("a convolution of different dimensions") { convolution(&$0, [2, 4, 1], [3, 2, 1, 1]) },
        table("a stack of different heights") {
            $0.modules[0].kind = 5
            ($0.tensors[0].dimensionCount, $0.tensors[0].extents) = (3, [2, 2, 2, 0, 0, 0])
            ($0.tensors[1].dimensionCount, $0.tensors[1].extents) = (3, [1, 3, 2, 0, 0, 0])
        },
        table("a stack of two dimensions") { $0.modules[0].kind = 5 },
        HostileCase("content root over other tensor digests", .digestMismatch) { file in
            let root = file.contentRoot
            file.tensors[0].digest[0] ^= 1
            file.editFixed = { $0.contentRoot = root }
        },
        HostileCase("a tensor digest", .digestMismatch, whenOpened: false) { $0.tensors[0].digest[0] ^= 1 },
        HostileCase("the digests of two tensors exchanged", .digestMismatch, whenOpened: false) {
            ($0.tensors[0].digest, $0.tensors[1].digest) = ($0.tensors[1].digest, $0.tensors[0].digest)
        },
        HostileCase("another dtype of the same size", .digestMismatch, whenOpened: false) { $0.tensors[2].dtype = 8 },
        HostileCase("another shape of the same size", .digestMismatch, whenOpened: false) {
            ($0.tensors[2].dimensionCount, $0.tensors[2].extents) = (2, [3, 1, 0, 0, 0, 0])
        },
        HostileCase("another role", .digestMismatch, whenOpened: false) { $0.tensors[2].role = 6 },
        HostileCase("another module name", .digestMismatch, whenOpened: false) {
            $0.names.texts[1] = Array("a.lineal".utf8)
        },
        HostileCase("values of another tensor", .digestMismatch, whenOpened: false) {
            $0.chunks[2].encoded = Array($0.chunks[0].encoded.prefix(12))
        },
        HostileCase("262,145 tensors", .limitExceeded) { file in
            file.tensors = .init(repeating: file.tensors[0], count: 262_145)
        },
    ]

    static let chunks: [HostileCase] = [
        table("a gap") { $0.chunks[1].offset = 33 },
        table("an overlap") { $0.chunks[1].offset = 31 },
        table("a first chunk that does not start at 0") { $0.chunks[0].offset = 1 },
        table("an offset of 2⁶³ − 1") { $0.chunks[1].offset = 1 << 63 - 1 },
        HostileCase("an offset of 2⁶³", .malformedHeader) { $0.chunks[1].offset = 1 << 63 },
        table("two chunks of the same place") { $0.chunks[1].offset = 0 },
        table("encodedByteCount 0") { $0.chunks[1].encodedByteCount = 0 },
        table("no encoded bytes at all") { $0.chunks[1].encoded = [] },
        table("encodedByteCount beyond the decoded length") { $0.chunks[1].encoded += [0] },
        table("encodedByteCount of 2³² − 1") { $0.chunks[1].encodedByteCount = .max },
        table("a last chunk beyond the data") { $0.chunks[6].encodedByteCount = 9 },
        HostileCase("codec 4", .unknownCodec) { $0.chunks[0].codec = 4 },
        HostileCase("codec 255", .unknownCodec) { $0.chunks[0].codec = 255 },
        HostileCase("reserved bytes", .malformedHeader) { $0.chunks[0].reserved = [0, 0, 1] },
        table("a chunk missing") { _ = $0.chunks.remove(at: 2) },
        table("a chunk too many") { $0.chunks.append(SpecFile.Chunk(codec: 0, encoded: [1])) },
        table("data without a chunk") { $0.surplusData = [0] },
        table("half a record") { $0.surplusChunks = [UInt8](repeating: 0, count: 24) },
        table("no chunks") { $0.chunks = [] },
        table("a first chunk that overlaps") { $0.tensors[1].firstChunk = 0 },
        table("a first chunk that leaves one out") { $0.tensors[1].firstChunk = 2 },
        table("a first chunk of 2³² − 1") { $0.tensors[6].firstChunk = .max },
        table("a shape that needs more chunks") { $0.tensors[4].extents = [1 << 20, 2, 0, 0, 0, 0] },
        table("a shape that needs no chunk") { $0.tensors[4].extents = [0, 2, 0, 0, 0, 0] },
        HostileCase("an extent that is no multiple of the alignment", .malformedTable, codec: .raw) {
            $0.chunks[0].padding = [0]
        },
        HostileCase("an extent padded twice", .malformedTable, codec: .raw) {
            $0.chunks[0].padding += [UInt8](repeating: 0, count: 256)
        },
        data("padding that is not zero", .malformedChunk, codec: .raw) { $0.chunks[0].padding[0] = 1 },
        data("last padding that is not zero", .malformedChunk, codec: .raw) { $0.chunks[6].padding[247] = 0x80 },
        data("a chunk's digest", .digestMismatch) { $0.chunks[0].digest = SpecFile.hash([]) },
        data("a chunk's digest without the leaf prefix", .digestMismatch) {
            $0.chunks[0].digest = SpecFile.hash($0.chunks[0].encoded)
        },
        data("a raw chunk that is too short", .malformedChunk) { $0.chunks[0].encoded.removeLast() },
        data("a constant chunk of two elements", .malformedChunk) { $0.chunks[3].encoded += $0.chunks[3].encoded },
        data("a constant chunk of half an element", .malformedChunk) { $0.chunks[3].encoded.removeLast(2) },
        data("a constant chunk of all elements", .malformedChunk) { $0.chunks[0].codec = 1 },
        data("a constant chunk said to be raw", .malformedChunk) { $0.chunks[3].codec = 0 },
        data("a zstd chunk said to be raw", .malformedChunk) { $0.chunks[5].codec = 0 },
        data("a zstd chunk said to be planes", .malformedChunk) { $0.chunks[5].codec = 2 },
        data("a raw chunk said to be zstd", .malformedChunk) { $0.chunks[0].codec = 3 },
        data("a constant of another value", .digestMismatch) { $0.chunks[3].encoded[3] = 0x40 },
    ]

    private static func table(_ name: String, _ edit: @escaping @Sendable (inout SpecFile) -> Void) -> HostileCase {
        HostileCase(name, .malformedTable, edit)
    }

    private static func data(
        _ name: String, _ code: FormatError.Code, codec: WritingCodec = .zstd,
        _ edit: @escaping @Sendable (inout SpecFile) -> Void
    ) -> HostileCase {
        HostileCase(name, code, codec: codec, whenOpened: false, edit)
    }

    /// Makes the first module a convolution of rank 2 whose chunks fit the shapes.
    private static func convolution(_ file: inout SpecFile, _ a: [UInt32], _ b: [UInt32]) {
        file.modules[0].kind = 3
        for (index, extents) in [a, b].enumerated() {
            file.tensors[index].dimensionCount = UInt8(extents.count)
            file.tensors[index].extents = extents + .init(repeating: 0, count: 6 - extents.count)
            let byteCount = 4 * extents.reduce(1) { $0 * Int($1) }
            file.chunks[index].encoded = [UInt8](repeating: UInt8(index + 1), count: byteCount)
        }
        if file.chunks[1].encoded.isEmpty {
            file.chunks.remove(at: 1)
            for index in 2..<file.tensors.count { file.tensors[index].firstChunk -= 1 }
        }
    }
}
