import AdapterFormat
import AdapterTesting
import Adapters
import Tensors
import Testing

/// Tensors of several chunks, of none, and of one repeated element (spec sections 8.1 to 8.7).
@Suite struct ChunkTests {
    /// Extents and types around the chunk's size of 1,048,576 bytes.
    static let sizes: [(extents: [Int], dtype: DType)] = [
        ([2_621_440 + 3], .u8), ([655_361, 1], .f32), ([1 << 20], .i8), ([(1 << 20) - 1], .u8), ([(1 << 20) + 1], .u8),
        ([1 << 18], .f32), ([(1 << 18) + 1], .f32), ([3, 1 << 19], .bf16), ([1 << 21], .f8e5m2), ([1, 1], .f16),
    ]

    @Test(arguments: WritingCodec.allCases, 0..<sizes.count)
    func `Ranges across chunk boundaries are exact`(codec: WritingCodec, index: Int) throws {
        let (extents, dtype) = ChunkTests.sizes[index]
        var generator = SeededGenerator(seed: UInt64(index))
        let shape = try #require(Shape(extents))
        let count = shape.elementCount * dtype.byteCount
        // Noise, then one repeated byte, so both kinds of chunks occur under each codec.
        let bytes = (0..<count).map { position in
            position < 3 << 19 ? UInt8(truncatingIfNeeded: position &* position >> 5 ^ position >> 11) : 0x11
        }
        let adapter = try TestAdapters.holding([
            ModuleParameter(role: .full, name: "w", tensor: try Tensor(dtype: dtype, shape: shape, bytes: bytes))
        ])
        let file = try fileBytes(adapter, codec)
        #expect(try SpecFile(parsing: file).chunks.count == (count + (1 << 20) - 1) >> 20)
        try withFile(file) { path in
            let opened = try AdapterFile(opening: path)
            _ = try opened.verify()
            let tensor = opened.adapter.modules[0].tensors[0].tensor
            #expect(try tensor.bytes() == bytes)
            var edges = [0, 1, count - 1, count, count / 2]
            for boundary in stride(from: 0, through: count, by: 1 << 20) {
                edges += (-2...2).map { boundary + $0 }
            }
            edges = Set(edges).filter { (0...count).contains($0) }.sorted()
            for _ in 0..<60 {
                let bounds = [edges, edges].compactMap { $0.randomElement(using: &generator) }.sorted()
                let found = try tensor.bytes(in: bounds[0]..<bounds[1])
                #expect(found == Array(bytes[bounds[0]..<bounds[1]]), "\(bounds)")
            }
            for range in [0..<count + 1, count..<count + 1] {
                #expect(throws: TensorError.self) { try tensor.bytes(in: range) }
            }
        }
    }

    @Test(arguments: WritingCodec.allCases)
    func `Several reads at once give what each alone gives`(codec: WritingCodec) throws {
        var generator = SeededGenerator(seed: 31)
        let parameters = try [40_000, 0, (1 << 20) + 700, 3, 1 << 20, 2_500_000].enumerated().map { index, count in
            ModuleParameter(
                role: .opaque, name: "\(index)", tensor: try SampleAdapters.tensor([count], .u8, using: &generator))
        }
        var bytes = try fileBytes(TestAdapters.holding(parameters), codec)
        try withFile(bytes) { path in
            let tensors = try AdapterFile(opening: path).adapter.modules[0].tensors.map(\.tensor)
            for _ in 0..<40 {
                let reads = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
                    let tensor = tensors.randomElement(using: &generator) ?? tensors[0]
                    let bounds = [0, 1].map { _ in Int.random(in: 0...tensor.byteCount, using: &generator) }.sorted()
                    let isWhole = Bool.random(using: &generator)
                    return (tensor, isWhole ? 0..<min(tensor.byteCount, 1 << 20) : bounds[0]..<bounds[1])
                }
                #expect(try Tensor.bytes(of: reads) == reads.map { try $0.0.bytes(in: $0.1) })
            }
            // Tensors of different kinds.
            let other = parameters[0].tensor
            let mixed = try Tensor.bytes(of: [(tensors[0], 5..<900), (other, 5..<900), (tensors[0], 0..<1)])
            #expect(mixed == [try other.bytes(in: 5..<900), try other.bytes(in: 5..<900), try other.bytes(in: 0..<1)])
            #expect(throws: TensorError.self) { try Tensor.bytes(of: [(tensors[0], 0..<1), (tensors[3], 0..<4)]) }
        }
        // A damaged chunk is named, whichever is read beside it.
        bytes[bytes.count - 1] ^= 1
        try withFile(bytes) { path in
            let tensors = try AdapterFile(opening: path).adapter.modules[0].tensors.map(\.tensor)
            let error = #expect(throws: FormatError.self) {
                _ = try Tensor.bytes(of: [
                    (tensors[0], 0..<9), (tensors[5], 2_400_000..<2_500_000), (tensors[4], 0..<9),
                ])
            }
            #expect(error?.code == .digestMismatch)
            #expect(error?.path == path)
        }
    }

    @Test(arguments: WritingCodec.allCases, DType.allCases)
    func `Empty and scalar tensors`(codec: WritingCodec, dtype: DType) throws {
        var generator = SeededGenerator(seed: 8)
        let shapes = [[], [0], [0, 5], [5, 0], [1], [1, 1, 1, 1, 1, 1], [0, 1, 2, 3, 4, 5], [1 << 31, 1 << 31, 0]]
        let parameters = try shapes.enumerated().map { index, extents in
            ModuleParameter(
                role: .opaque, name: "\(index)", tensor: try SampleAdapters.tensor(extents, dtype, using: &generator))
        }
        let adapter = try TestAdapters.holding(parameters)
        let bytes = try fileBytes(adapter, codec)
        let chunks = try SpecFile(parsing: bytes).chunks
        #expect(chunks.count == 3)
        // A block is more than its one element.
        #expect(dtype == .q8 || chunks.allSatisfy { $0.codec == 1 })
        try withFile(bytes) { path in
            let file = try AdapterFile(opening: path)
            _ = try file.verify()
            try expectSame(file.adapter, adapter)
        }
    }

    @Test(arguments: DType.allCases.filter { $0 != .q8 })
    func `Chunks of one repeated element are stored as that element`(dtype: DType) throws {
        let element = ([0x80, 0x01, 0x02, 0x03] as [UInt8]).prefix(dtype.byteCount)
        let count = (3 << 20) / dtype.byteCount + 5
        var bytes = (0..<count).flatMap { _ in element }
        // One byte in the second chunk makes that chunk alone different.
        bytes[(1 << 20) + 7] ^= 1
        let tensor = try Tensor(dtype: dtype, shape: #require(Shape([count])), bytes: bytes)
        let file = try fileBytes(TestAdapters.holding([ModuleParameter(role: .full, name: "w", tensor: tensor)]), .raw)
        let spec = try SpecFile(parsing: file)
        #expect(spec.chunks.map(\.codec) == [1, 0, 1, 1])
        #expect(spec.chunks[3].encoded == Array(element))
        try withFile(file) { path in
            let opened = try AdapterFile(opening: path).adapter.modules[0].tensors[0].tensor
            #expect(try opened.bytes() == bytes)
            let range = (1 << 20) - 3..<(1 << 20) + 9
            #expect(try opened.bytes(in: range) == Array(bytes[range]))
        }
    }

    @Test func `Bytes that repeat with another period than the element are not constant`() throws {
        let bytes: [UInt8] = (0..<64).map { $0 % 2 == 0 ? 1 : 2 }
        for (dtype, codec) in [(DType.f16, UInt8(1)), (.f32, 1), (.u8, 0)] {
            let tensor = try Tensor(dtype: dtype, shape: #require(Shape([64 / dtype.byteCount])), bytes: bytes)
            let adapter = try TestAdapters.holding([ModuleParameter(role: .full, name: "w", tensor: tensor)])
            #expect(try SpecFile(parsing: fileBytes(adapter, .raw)).chunks.map(\.codec) == [codec])
        }
    }

    @Test func `Tensors of a raw file can be mapped`() throws {
        var generator = SeededGenerator(seed: 12)
        let parameters = try [3, 1 << 19, (5 << 18) + 1, 64, 255].enumerated().map { index, count in
            let tensor = try Tensor(
                dtype: .u8, shape: #require(Shape([count])), bytes: generator.bytes(count))
            return ModuleParameter(role: .full, name: "\(index)", tensor: tensor)
        }
        let bytes = try fileBytes(TestAdapters.holding(parameters), .raw)
        let spec = try SpecFile(parsing: bytes)
        #expect(spec.chunks.allSatisfy { $0.codec == 0 })
        var position = (0..<8).reduce(0) { $0 | Int(bytes[24 + $1]) << (8 * $1) }
        for parameter in parameters {
            let values = try parameter.tensor.bytes()
            #expect(position % 256 == 0)
            #expect(Array(bytes[position..<position + values.count]) == values)
            position += (values.count + 255) / 256 * 256
        }
        #expect(position == bytes.count)
    }
}
