import AdapterFormat
import AdapterTesting
import Adapters
import FileSystem
import Tensors
import Testing

/// What is read when, and what is checked before it is used (spec clauses 8.5 and 9.9).
@Suite struct LocalityTests {
    @Test(arguments: WritingCodec.allCases)
    func `Opening reads the header alone`(codec: WritingCodec) throws {
        var bytes = try fileBytes(TestAdapters.small(), codec, provenance: TestAdapters.provenance)
        let headerByteCount = try headerByteCount(bytes)
        for offset in headerByteCount..<bytes.count { bytes[offset] = ~bytes[offset] }
        try withFile(bytes) { path in
            let file = try AdapterFile(opening: path)
            #expect(file.adapter.modules.count == 3)
            for tensor in file.adapter.modules.flatMap(\.tensors) {
                #expect(failure { _ = try tensor.tensor.bytes() } == "digestMismatch")
            }
            #expect(failure { _ = try file.provenance() } == "digestMismatch")
        }
    }

    @Test(arguments: WritingCodec.allCases)
    func `A damaged chunk spoils its tensor and no other`(codec: WritingCodec) throws {
        let adapter = try TestAdapters.small()
        let bytes = try fileBytes(adapter, codec)
        let spec = try SpecFile(parsing: bytes)
        let originals = adapter.modules.flatMap(\.tensors)
        var position = try headerByteCount(bytes)
        for (index, chunk) in spec.chunks.enumerated() {
            for place in Set([0, chunk.encoded.count - 1, chunk.encoded.count + chunk.padding.count - 1]) {
                var damaged = bytes
                damaged[position + place] ^= 0x10
                try withFile(damaged) { path in
                    let file = try AdapterFile(opening: path)
                    for (other, tensor) in file.adapter.modules.flatMap(\.tensors).enumerated() {
                        if other == index {
                            let error = #expect(throws: FormatError.self) { try tensor.tensor.bytes() }
                            #expect(error?.code == .digestMismatch)
                            #expect(error?.byteOffset == position)
                            #expect(error?.tensor?.hasSuffix(tensor.name) == true)
                        } else {
                            let found = try tensor.tensor.bytes()
                            #expect(try found == originals[other].tensor.bytes())
                        }
                    }
                    #expect(failure { _ = try file.verify() } == "digestMismatch")
                }
            }
            position += chunk.encoded.count + chunk.padding.count
        }
    }

    @Test func `A chunk's digest is checked before the chunk is decoded`() throws {
        var file = try specFile(.zstd)
        file.chunks[5].digest = SpecFile.hash([0], file.chunks[5].encoded)
        // Not even a frame: a decoder would say malformedChunk.
        file.chunks[5].encoded = .init(repeating: 0xFF, count: file.chunks[5].encoded.count)
        try withFile(file.sealed()) { path in
            let opened = try AdapterFile(opening: path)
            #expect(failure { _ = try opened.adapter.modules[2].tensors[0].tensor.bytes() } == "digestMismatch")
            #expect(failure { _ = try opened.verify() } == "digestMismatch")
        }
    }

    @Test func `Messages name the tensor, the file's fault and the place`() throws {
        var file = try specFile(.zstd)
        file.chunks[2].digest = SpecFile.hash([])
        let bytes = file.sealed()
        try withFile(bytes) { path in
            let error = #expect(throws: FormatError.self) { try AdapterFile(opening: path).verify() }
            #expect(error?.tensor == "a.linear.lora_magnitude_vector")
            let message = error?.description ?? ""
            #expect(message.contains("Chunk 0 of 'a.linear.lora_magnitude_vector'"))
            #expect(message.contains("fetch it again"))
        }
    }

    @Test func `A file cut short after it was opened ends in an error`() throws {
        let bytes = try fileBytes(TestAdapters.small(), .raw, provenance: TestAdapters.provenance)
        try withFile(bytes) { path in
            let file = try AdapterFile(opening: path)
            try store(Array(bytes.prefix(try headerByteCount(bytes) + 100)), path)
            let tensors = file.adapter.modules.flatMap(\.tensors).map(\.tensor)
            #expect(failure { _ = try tensors[0].bytes() } == "file: truncated")
            #expect(failure { _ = try tensors[6].bytes() } == "file: truncated")
            #expect(failure { _ = try file.provenance() } == "file: truncated")
            #expect(failure { _ = try file.verify() } == "file: truncated")
            try store([], path)
            #expect(failure { _ = try tensors[0].bytes() } == "file: truncated")
            #expect(failure { _ = try file.verify() } == "file: truncated")
        }
    }

    @Test func `A file overwritten after it was opened ends in an error`() throws {
        let bytes = try fileBytes(TestAdapters.small(), .zstd, provenance: TestAdapters.provenance)
        let other = try fileBytes(SampleAdapters.plain(seed: 99), .zstd)
        try withFile(bytes) { path in
            let file = try AdapterFile(opening: path)
            let first = try file.adapter.modules[0].tensors[0].tensor.bytes()
            try store(.init(repeating: 0xAB, count: bytes.count), path)
            #expect(failure { _ = try file.adapter.modules[0].tensors[0].tensor.bytes() } == "digestMismatch")
            #expect(failure { _ = try file.provenance() } == "digestMismatch")
            #expect(failure { _ = try file.verify() } == "digestMismatch")
            try store(other + .init(repeating: 0, count: max(0, bytes.count - other.count)), path)
            #expect(failure { _ = try file.verify() } != nil)
            try store(bytes, path)
            let again = try file.adapter.modules[0].tensors[0].tensor.bytes()
            #expect(again == first)
        }
    }

    @Test func `A file removed or replaced after it was opened stays readable`() throws {
        let adapter = try TestAdapters.small()
        try withTemporaryDirectory { directory in
            let path = directory + "/a.adpt"
            _ = try AdapterFileWriter.write(adapter, toPath: path)
            let file = try AdapterFile(opening: path)
            _ = try AdapterFileWriter.write(SampleAdapters.plain(seed: 1), toPath: path)
            _ = try file.verify()
            try Directory.remove(path)
            try expectSame(file.adapter, adapter)
        }
    }

    /// Where the data starts (table 4.1).
    private func headerByteCount(_ bytes: [UInt8]) throws -> Int {
        (0..<8).reduce(0) { $0 | Int(bytes[24 + $1]) << (8 * $1) }
    }
}
