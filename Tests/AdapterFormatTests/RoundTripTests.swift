import AdapterFormat
import AdapterTesting
import Adapters
import FileSystem
import Integrity
import Tensors
import Testing

@Suite struct RoundTripTests {
    @Test(arguments: WritingCodec.allCases, [UInt64(1), 2, 3])
    func `Everything comes back bit for bit`(codec: WritingCodec, seed: UInt64) throws {
        try expectRoundTrip(SampleAdapters.everything(seed: seed), codec)
    }

    @Test(arguments: WritingCodec.allCases, DType.allCases)
    func `A plain adapter of every type comes back bit for bit`(codec: WritingCodec, dtype: DType) throws {
        try expectRoundTrip(SampleAdapters.plain(seed: 7, moduleCount: 3, size: 33, rank: 5, dtype: dtype), codec)
    }

    @Test(arguments: WritingCodec.allCases)
    func `Signed zeros, infinities and payloads of NaN are kept`(codec: WritingCodec) throws {
        let words: [UInt32] = [0x8000_0000, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0001, 0x7F80_0001, 0xFFFF_FFFF, 1, 0]
        let tensor = try Tensor(
            dtype: .f32, shape: #require(Shape([8])), bytes: words.flatMap { SpecFile.bytes($0) })
        try expectRoundTrip(TestAdapters.holding([ModuleParameter(role: .full, name: "w", tensor: tensor)]), codec)
    }

    @Test(arguments: WritingCodec.allCases)
    func `An adapter without modules is a file`(codec: WritingCodec) throws {
        try expectRoundTrip(Adapter(base: BaseModel(), modules: []), codec)
        try expectRoundTrip(
            Adapter(base: BaseModel(name: "b"), modules: [], notes: AdapterNotes(license: "MIT")), codec)
    }

    @Test(arguments: WritingCodec.allCases)
    func `An adapter of empty tensors alone is a file`(codec: WritingCodec) throws {
        let parameters = try ["a", "b", "c"].map { name in
            ModuleParameter(role: .full, name: name, tensor: try TestAdapters.tensor([0, 3], []))
        }
        for count in 1...3 { try expectRoundTrip(TestAdapters.holding(Array(parameters.prefix(count))), codec) }
    }

    @Test(arguments: WritingCodec.allCases)
    func `Names keep their bytes`(codec: WritingCodec) throws {
        // One é is a character, the other a letter and an accent: equal for Swift's ==, not for the format.
        let tensor = try TestAdapters.tensor([1], [1])
        try expectRoundTrip(
            TestAdapters.holding([
                ModuleParameter(role: .full, name: "\u{E9}", tensor: tensor),
                ModuleParameter(role: .opaque, name: "e\u{301}", tensor: tensor),
            ]), codec)
    }

    @Test(arguments: WritingCodec.allCases)
    func `Names of the longest length and every legal byte come back`(codec: WritingCodec) throws {
        let tensor = try TestAdapters.tensor([1], [1])
        let names = [String(repeating: "x", count: 1024), " ", "~", "\u{80}", "\u{10FFFF}", "."]
        try expectRoundTrip(
            TestAdapters.holding(names.map { ModuleParameter(role: .opaque, name: $0, tensor: tensor) }), codec)
    }

    @Test func `Provenance comes back, and its absence too`() throws {
        let adapter = try TestAdapters.small()
        try withFile(fileBytes(adapter, .zstd, provenance: TestAdapters.provenance)) { path in
            let found = try AdapterFile(opening: path).provenance()
            #expect(found == TestAdapters.provenance)
        }
        try withFile(fileBytes(adapter, .zstd)) { path in
            let found = try AdapterFile(opening: path).provenance()
            #expect(found == nil)
        }
    }

    @Test func `What the writer reports is what the file has`() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/a.adpt"
            let written = try AdapterFileWriter.write(SampleAdapters.everything(seed: 4), toPath: path)
            let bytes = try contents(path)
            let file = try AdapterFile(opening: path)
            #expect(written.byteCount == bytes.count)
            #expect(written.contentRoot == file.contentRoot)
            #expect(file.byteCount == bytes.count)
            #expect(file.path == path)
            var examined = 0
            #expect(try file.verify { examined += $0 } == SHA256.hash(bytes))
            #expect(examined == bytes.count)
        }
    }

    /// Writes twice, reads back, writes what was read.
    private func expectRoundTrip(_ adapter: Adapter, _ codec: WritingCodec) throws {
        let bytes = try fileBytes(adapter, codec)
        #expect(try fileBytes(adapter, codec) == bytes)
        try withFile(bytes) { path in
            let file = try AdapterFile(opening: path)
            try expectSame(file.adapter, adapter)
            #expect(try file.verify() == SHA256.hash(bytes))
            #expect(try fileBytes(file.adapter, codec) == bytes)
        }
    }
}
