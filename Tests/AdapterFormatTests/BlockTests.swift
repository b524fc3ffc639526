import AdapterFormat
import AdapterTesting
import Adapters
import FileSystem
import Tensors
import Testing

/// Tensors of blocks in files: chunks are cut through blocks.
@Suite struct BlockTests {
    private func adapter(_ tensor: Tensor) throws -> Adapter {
        try Adapter(
            base: BaseModel(name: "test/base"),
            modules: [
                AdaptedModule(
                    name: "m", update: nil, parameters: [ModuleParameter(role: .full, name: "w", tensor: tensor)])
            ])
    }

    private func roundTrip(_ tensor: Tensor, _ codec: WritingCodec, _ body: (AdapterFile, Tensor) throws -> Void)
        throws
    {
        try withTemporaryDirectory { folder in
            _ = try AdapterFileWriter.write(adapter(tensor), toPath: folder + "/a.adpt", codec: codec)
            let file = try AdapterFile(opening: folder + "/a.adpt")
            try body(file, file.adapter.modules[0].tensors[0].tensor)
        }
    }

    @Test(arguments: WritingCodec.allCases, [[0, 5], [], [1], [31], [32], [33], [7, 11], [3, 1_100_001]])
    func `blocks come back bit for bit`(codec: WritingCodec, extents: [Int]) throws {
        var generator = SeededGenerator(seed: 81)
        let tensor = try SampleAdapters.tensor(extents, .q8, scale: 10, using: &generator)
        let bytes = try tensor.bytes()
        #expect(bytes.count == (tensor.shape.elementCount + 31) / 32 * 34)
        try roundTrip(tensor, codec) { (file, again) throws in
            #expect(again.dtype == .q8 && again.shape == tensor.shape)
            #expect(try again.bytes() == bytes)
            // Elements on both sides of each chunk's end, which 34 does not divide.
            let values = Widening.doubles(bytes, .q8)
            for end in stride(from: 1 << 20, to: bytes.count, by: 1 << 20) {
                let element = end / 34 * 32
                #expect(try again.doubles(in: element - 3..<element + 37) == Array(values[element - 3..<element + 37]))
                #expect(try again.bytes(in: end - 1..<end + 1) == Array(bytes[end - 1..<end + 1]))
            }
        }
    }

    @Test(arguments: WritingCodec.allCases)
    func `codes beyond the last element and odd scales are kept`(codec: WritingCodec) throws {
        let bytes = (0..<68).map { UInt8(255 - $0) }
        let tensor = try Tensor(dtype: .q8, shape: #require(Shape([33])), bytes: bytes)
        try roundTrip(tensor, codec) { (_, again) throws in #expect(try again.bytes() == bytes) }
    }

    @Test(arguments: WritingCodec.allCases) func `zero blocks take a byte a chunk`(codec: WritingCodec) throws {
        let count = 2 << 20
        let tensor = try Tensor(
            dtype: .q8, shape: #require(Shape([count])),
            bytes: [UInt8](repeating: 0, count: DType.q8.byteCount(ofElements: count)))
        try roundTrip(tensor, codec) { (file, again) throws in
            // A byte a chunk, which a raw file pads.
            #expect(file.encodedByteCount == (codec == .raw ? 3 * 256 : 3))
            #expect(try again.doubles(in: 0..<40).allSatisfy { $0 == 0 })
        }
    }

    @Test func `the identity is that of the stored bytes`() throws {
        var generator = SeededGenerator(seed: 82)
        let tensor = try SampleAdapters.tensor([50], .q8, using: &generator)
        var bytes = try tensor.bytes()
        bytes[67] = 1
        let other = try Tensor(dtype: .q8, shape: tensor.shape, bytes: bytes)
        #expect(try tensor.doubles() == other.doubles())
        try roundTrip(tensor, .planes) { (one, _) throws in
            try roundTrip(tensor, .raw) { raw, _ in #expect(one.contentRoot == raw.contentRoot) }
            try roundTrip(other, .planes) { two, _ in #expect(one.contentRoot != two.contentRoot) }
        }
    }
}
