import AdapterFormat
import AdapterTesting
import Adapters
import Tensors
import Testing

/// Chunks stored as byte planes (spec clause 8.8), made by hand from the specification and sealed.
@Suite struct PlanesTests {
    @Test(arguments: refused) func `Planes that break a rule`(_ hostile: HostileCase) throws { try hostile.check() }
    @Test(arguments: accepted) func `Unusual planes that are right`(_ unusual: HostileCase) throws {
        try unusual.check()
    }

    @Test func `Four numbers by hand`() throws {
        // 1 is 3F800000, −1 BF800000, 0.5 3F000000, −2 C0000000; their upper halves rotated: 7F00, 7F01, 7E00, 8001.
        let values: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0x80, 0xBF, 0, 0, 0, 0x3F, 0, 0, 0, 0xC0]
        #expect(
            SpecFile.planes(values, dtype: 1) == [
                [0x7F, 0x7F, 0x7E, 0x80], [0, 1, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0],
            ])
        #expect(SpecFile.chunk(SpecFile.planes(values, dtype: 1), dtype: 1) == values)
        // Modes raw, raw, constant, constant; then the planes.
        try expectDecoding([0b0000_0101, 0x7F, 0x7F, 0x7E, 0x80, 0, 1, 0, 1, 0, 0], .f32, values)
        // bf16 are the same upper halves; f16 rotate as well; integers do not.
        try expectDecoding([0b0100, 0x7F, 1, 0], .bf16, [0x80, 0xBF, 0x80, 0x3F])
        try expectDecoding([0b0100, 0x78, 1, 0], .f16, [0, 0xBC, 0, 0x3C])
        try expectDecoding(
            [0b0000_0001, 0x12, 0x13, 0x34, 0x56, 0x78], .i32, [0x78, 0x56, 0x34, 0x12, 0x78, 0x56, 0x34, 0x13])
        try expectDecoding([0b00, 9], .u8, [9, 9])
        try expectDecoding([0b00, 7], .f8e4m3, [7, 7, 7])
    }

    @Test(arguments: DType.allCases)
    func `What the writer stores as planes is what the specification says`(dtype: DType) throws {
        var generator = SeededGenerator(seed: 21)
        for count in [600, 1 << 17, (1 << 20) / dtype.byteCount + 77] {
            // Few values in the upper byte, noise below: what planes are for.
            let bytes = (0..<count * dtype.byteCount).map { position in
                position % dtype.byteCount == dtype.byteCount - 1
                    ? UInt8.random(in: 0..<4, using: &generator) : UInt8.random(in: 0...255, using: &generator)
            }
            // As many whole blocks as there are bytes for.
            let shape = try #require(Shape([dtype == .q8 ? count / 34 * 32 : count]))
            let tensor = try Tensor(
                dtype: dtype, shape: shape, bytes: Array(bytes.prefix(dtype.byteCount(ofElements: shape.elementCount))))
            let adapter = try TestAdapters.holding([ModuleParameter(role: .full, name: "w", tensor: tensor)])
            let file = try fileBytes(adapter, .planes)
            let spec = try SpecFile(parsing: file)
            #expect(spec.chunks[0].codec == 2)
            #expect(spec.chunks[0].encoded[0] & 3 == 2)
            #expect(spec.chunks.reduce(0) { $0 + $1.encoded.count } < bytes.count)
            try spec.checkTensorDigests { _, range in Array(bytes[range]) }
            try withFile(file) { path in
                let opened = try AdapterFile(opening: path)
                _ = try opened.verify()
                try expectSame(opened.adapter, adapter)
            }
        }
    }

    @Test(arguments: [DType.f32, .f16, .bf16, .i32, .i8])
    func `Every bit of an element survives`(dtype: DType) throws {
        // Each single bit and each complement of one, beside enough zeros that the chunk is stored as planes.
        var bytes = [UInt8](repeating: 0, count: 4096 * dtype.byteCount)
        for bit in 0..<8 * dtype.byteCount {
            bytes[bit * dtype.byteCount + bit / 8] = 1 << UInt8(bit % 8)
            for byte in 0..<dtype.byteCount {
                bytes[(100 + bit) * dtype.byteCount + byte] = byte == bit / 8 ? ~(1 << UInt8(bit % 8)) : 0xFF
            }
        }
        let tensor = try Tensor(dtype: dtype, shape: #require(Shape([4096])), bytes: bytes)
        let adapter = try TestAdapters.holding([ModuleParameter(role: .full, name: "w", tensor: tensor)])
        let file = try fileBytes(adapter, .planes)
        #expect(try SpecFile(parsing: file).chunks[0].codec == 2)
        try withFile(file) { path in try expectSame(AdapterFile(opening: path).adapter, adapter) }
    }

    // MARK: Sealed files

    /// The chunk of 128 numbers of four bytes that the planes stand for.
    private static let chunk = 5
    private static let count = 128
    private static let raw = [UInt8](0..<128)
    private static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]

    /// A frame of one repeated byte that states another content size when it is asked to.
    private static func frame(_ byte: UInt8, _ size: UInt32 = 128, stated: UInt8 = 128) -> [UInt8] {
        magic + [0x20, stated] + SpecFile.bytes(size << 3 | 0b011).prefix(3) + [byte]
    }

    private static func length(_ frame: [UInt8]) -> [UInt8] { Array(SpecFile.bytes(UInt32(frame.count)).prefix(3)) }

    /// Planes 0 to 2 constant, plane 3 a frame.
    private static func lastPlane(_ frame: [UInt8]) -> [UInt8] { [0b1000_0000] + length(frame) + [1, 2, 3] + frame }

    static let refused: [HostileCase] = [
        chunk("modes alone", [0]), chunk("three of four planes", [0, 1, 2, 3]),
        chunk("a plane too many", [0, 1, 2, 3, 4, 5]),
        chunk("mode 3 in plane 0", [0b0000_0011, 1, 2, 3, 4]), chunk("mode 3 in plane 3", [0b1100_0000, 1, 2, 3, 4]),
        chunk("a raw plane cut short", [0b0100_0000, 1, 2, 3] + raw.dropLast()),
        chunk("a byte after a raw plane", [0b0100_0000, 1, 2, 3] + raw + [0]),
        chunk("no lengths", [0b1010_1010]), chunk("lengths cut short", [0b1000_0000, 11, 0]),
        chunk("a length of 0", [0b1000_0000, 0, 0, 0, 1, 2, 3]),
        chunk("a length of 0 before a frame", [0b1000_0000, 0, 0, 0, 1, 2, 3] + frame(7)),
        chunk("a length of n", [0b1000_0000, 128, 0, 0, 1, 2, 3] + .init(repeating: 0, count: 128)),
        chunk("a length of 2²⁴ − 1", [0b1000_0000, 255, 255, 255, 1, 2, 3] + frame(7)),
        chunk("a length that cuts the frame", [0b1000_0000, 9, 0, 0, 1, 2, 3] + frame(7)),
        chunk("a length beyond the frame", [0b1000_0000, 11, 0, 0, 1, 2, 3] + frame(7)),
        chunk("a frame of less content", lastPlane(frame(7, 127))),
        chunk("a frame of more content", lastPlane(frame(7, 129))),
        chunk("a frame that states less", lastPlane(frame(7, 127, stated: 127))),
        chunk("a frame that states more", lastPlane(frame(7, 129, stated: 129))),
        chunk("a frame that states no size", lastPlane(magic + [0x00, 0x58, 0x03, 0x04, 0x00, 7])),
        chunk("a frame of zstd 0.7", lastPlane([0x27] + frame(7).dropFirst())),
        chunk("a frame with a dictionary", lastPlane(magic + [0x21, 0x07] + frame(7).dropFirst(5))),
        chunk("a skippable frame", lastPlane([0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 1, 2])),
        chunk("two frames", lastPlane(frame(7) + frame(7))),
        chunk("garbage for a frame", lastPlane(.init(repeating: 0xAA, count: 20))),
        chunk(
            "frames in another order than their lengths", [0b1010_0000, 12, 0, 0, 10, 0, 0, 1, 2] + frame(7) + frame(8)),
        HostileCase("modes of planes that do not exist in f16", .malformedChunk, whenOpened: false) {
            $0.chunks[6] = SpecFile.Chunk(codec: 2, encoded: [0b0001_0000, 1, 2])
        },
        HostileCase("modes of planes that do not exist in i8", .malformedChunk, whenOpened: false) {
            $0.chunks[4] = SpecFile.Chunk(codec: 2, encoded: [0b0000_0100, 1])
        },
        HostileCase("values of other planes", .digestMismatch, whenOpened: false) {
            $0.chunks[chunk] = SpecFile.Chunk(codec: 2, encoded: [0, 1, 2, 3, 4])
        },
    ]

    static let accepted: [HostileCase] = [
        right("constant planes", [0, 1, 2, 3, 4], [[1], [2], [3], [4]].map { .init(repeating: $0[0], count: count) }),
        right(
            "a frame of one repeated byte", lastPlane(frame(7)),
            [1, 2, 3, 7].map { .init(repeating: $0, count: count) }),
        right(
            "a raw plane between constant ones", [0b0000_0100, 1] + raw + [3, 4],
            [
                .init(repeating: 1, count: count), raw, .init(repeating: 3, count: count),
                .init(repeating: 4, count: count),
            ]),
        right(
            "four frames", [0b1010_1010] + (0..<4).flatMap { _ in length(frame(0)) } + (5..<9).flatMap { frame($0) },
            (5..<9).map { .init(repeating: $0, count: count) }),
    ]

    private static func chunk(_ name: String, _ encoded: [UInt8]) -> HostileCase {
        HostileCase(name, .malformedChunk, whenOpened: false) { file in
            file.chunks[chunk] = SpecFile.Chunk(codec: 2, encoded: encoded)
        }
    }

    private static func right(_ name: String, _ encoded: [UInt8], _ planes: [[UInt8]]) -> HostileCase {
        HostileCase(name, nil, whenOpened: false) { file in
            file.chunks[chunk] = SpecFile.Chunk(codec: 2, encoded: encoded)
            file.sealTensor(5, decodedChunks: [SpecFile.chunk(planes, dtype: 1)])
        }
    }

    /// Puts encoded bytes into a file and reads them back.
    private func expectDecoding(
        _ encoded: [UInt8], _ dtype: DType, _ values: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var file = SpecFile()
        file.metadata = [0xA0]
        file.names.texts = [[0x6D], [0x77]]
        file.modules = [
            SpecFile.Module(name: 0, kind: 0, rule: 0, rank: 0, firstTensor: 0, tensorCount: 1, alpha: 0)
        ]
        let count = UInt32(values.count / dtype.byteCount)
        file.tensors = [
            SpecFile.Tensor(
                module: 0, role: 6, dtype: dtype.rawValue, dimensionCount: 1, name: 1, firstChunk: 0,
                extents: [count, 0, 0, 0, 0, 0], digest: [])
        ]
        file.sealTensor(0, decodedChunks: [values])
        file.chunks = [SpecFile.Chunk(codec: 2, encoded: encoded)]
        try withFile(file.sealed()) { path in
            let opened = try AdapterFile(opening: path)
            let found = try opened.adapter.modules[0].tensors[0].tensor.bytes()
            #expect(found == values, sourceLocation: sourceLocation)
            _ = try opened.verify()
        }
    }
}
