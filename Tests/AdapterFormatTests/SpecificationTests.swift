import AdapterFormat
import AdapterTesting
import Adapters
import Tensors
import Testing

/// The writer's files against a reader made of the specification's text (``SpecFile``).
@Suite struct SpecificationTests {
    @Test(arguments: WritingCodec.allCases)
    func `A written file keeps every rule`(codec: WritingCodec) throws {
        for (adapter, provenance) in try samples() {
            let bytes = try fileBytes(adapter, codec, provenance: provenance)
            let file = try SpecFile(parsing: bytes)
            try file.checkTensorDigests { index, range in
                try adapter.modules.flatMap(\.tensors)[index].tensor.bytes(in: range)
            }
            // Taking the file apart and putting it together again pins every byte that is not a value or a document.
            #expect(file.sealed() == bytes)
        }
    }

    @Test(arguments: WritingCodec.allCases)
    func `Tables hold the adapter's numbers`(codec: WritingCodec) throws {
        let adapter = try SampleAdapters.everything(seed: 9)
        let file = try SpecFile(parsing: fileBytes(adapter, codec))
        #expect(file.modules.map { file.text($0.name) } == adapter.modules.map { Array($0.name.utf8) })
        #expect(file.modules.map(\.kind) == [0, 1, 2, 3, 4, 5, 0])
        #expect(file.modules.map(\.rank) == [0, 3, 2, 2, 2, 2, 0])
        #expect(file.modules.map(\.rule) == [0, 1, 1, 1, 1, 1, 0])
        #expect(file.modules.map(\.alpha) == [0, 1.5, 1.5, 1.5, 1.5, 1.5, 0].map { $0.bitPattern as UInt64 })
        let tensors = adapter.modules.flatMap(\.tensors)
        #expect(file.tensors.map(\.role) == [8, 1, 2, 3, 4, 5, 1, 2, 1, 2, 1, 2, 7, 1, 2, 6, 6, 6, 6])
        #expect(file.tensors.map(\.dtype) == [1, 1, 1, 1, 3, 2, 2, 2, 3, 3, 4, 4, 1, 5, 5, 7, 8, 8, 6])
        #expect(file.tensors.map { file.text($0.name) } == tensors.map { Array($0.name.utf8) })
        #expect(
            file.tensors.map { $0.extents.prefix(Int($0.dimensionCount)).map(Int.init) }
                == tensors.map(\.tensor.shape.extents))
    }

    @Test func `META, NOTE and PROV are the documents of section 5`() throws {
        let file = try specFile(.zstd)
        func text(_ text: String) -> [UInt8] { [0x60 + UInt8(text.utf8.count)] + Array(text.utf8) }
        #expect(
            file.metadata
                == [0xA2] + text("base") + [0xA1] + text("name") + text("test/base") + text("behaviour") + [0xA1]
                + text("x") + [0xF5])
        #expect(file.notes == [0xA1] + text("message") + text("m"))
        let provenance = try #require(file.provenance)
        #expect(provenance.starts(with: [0xA5] + text("options") + [0xA1] + text("rank") + [0x04] + text("parents")))
        let bare = try SpecFile(parsing: fileBytes(Adapter(base: BaseModel(), modules: []), .zstd))
        #expect(bare.metadata == [0xA0])
        #expect(bare.notes == nil)
        #expect(bare.provenance == nil)
    }

    @Test func `The codec and the alignment are those of clauses 10 2 and 10 3`() throws {
        let raw = try specFile(.raw)
        #expect(raw.fixed.alignment == 256)
        #expect(raw.chunks.map(\.codec) == [0, 0, 0, 1, 0, 0, 0])
        let zstd = try specFile(.zstd)
        #expect(zstd.fixed.alignment == 1)
        #expect(zstd.chunks.map(\.codec) == [0, 0, 0, 1, 0, 3, 0])
        #expect(zstd.chunks[3].encoded == [0, 0, 0x80, 0x3F])
        let planes = try specFile(.planes)
        #expect(planes.fixed.alignment == 1)
        #expect(planes.chunks.map(\.codec) == [0, 0, 0, 1, 0, 2, 0])
        // RFC 8878: magic, then a frame header that states a size and no dictionary.
        let frame = zstd.chunks[5].encoded
        #expect(frame.starts(with: [0x28, 0xB5, 0x2F, 0xFD]))
        #expect(frame[4] & 0x03 == 0)
        #expect(frame[4] & 0xE0 != 0)
    }

    @Test func `The oracle itself refuses a changed byte`() throws {
        let bytes = try specFile(.raw).sealed()
        for offset in stride(from: 0, to: bytes.count, by: 7) {
            var changed = bytes
            changed[offset] ^= 0x20
            #expect(throws: SpecViolation.self) {
                let file = try SpecFile(parsing: changed)
                try file.checkTensorDigests { _, _ in [] }
            }
        }
    }

    private func samples() throws -> [(Adapter, Provenance?)] {
        let long = try Tensor(
            dtype: .f16, shape: #require(Shape([3, 500_001])),
            bytes: (0..<6 * 500_001).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) })
        return [
            (try SampleAdapters.everything(seed: 1), nil), (try TestAdapters.small(), TestAdapters.provenance),
            (try SampleAdapters.plain(seed: 2, moduleCount: 9, size: 40, rank: 8), TestAdapters.provenance),
            (try Adapter(base: BaseModel(), modules: []), nil),
            (try TestAdapters.holding([ModuleParameter(role: .full, name: "", tensor: long)]), nil),
            (
                try TestAdapters.holding([
                    ModuleParameter(role: .full, name: "e", tensor: try TestAdapters.tensor([0], []))
                ]), TestAdapters.provenance
            ),
        ]
    }
}
