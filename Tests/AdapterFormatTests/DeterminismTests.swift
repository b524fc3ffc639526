import AdapterFormat
import AdapterTesting
import Adapters
import FileSystem
import Integrity
import Tensors
import Testing

/// Clause 10.1: the same adapter gives the same bytes, whatever was written before it and on whichever thread.
@Suite struct DeterminismTests {
    @Test(arguments: WritingCodec.allCases)
    func `the same adapter gives the same file again and again`(codec: WritingCodec) throws {
        // Many small chunks of two types, so that threads take them in another order each time.
        let small = try SampleAdapters.plain(seed: 7, moduleCount: 40, size: 32, rank: 4)
        let other = try SampleAdapters.plain(seed: 8, moduleCount: 24, size: 64, rank: 4, dtype: .bf16)
        try withTemporaryDirectory { folder throws in
            var digests: [Set<Digest>] = [[], []]
            for _ in 0..<40 {
                for (index, adapter) in [small, other].enumerated() {
                    _ = try AdapterFileWriter.write(adapter, toPath: folder + "/x.adpt", codec: codec)
                    digests[index].insert(try AdapterFile(opening: folder + "/x.adpt").digest())
                }
            }
            #expect(digests.map(\.count) == [1, 1])
        }
    }

    @Test(arguments: WritingCodec.allCases)
    func `the number of threads does not show`(codec: WritingCodec) throws {
        // Tensors of several chunks and of less than one.
        let large = try SampleAdapters.plain(seed: 9, moduleCount: 3, size: 9000, rank: 64, dtype: .bf16)
        let small = try SampleAdapters.plain(seed: 10, moduleCount: 30, size: 64, rank: 4)
        try withTemporaryDirectory { folder throws in
            for adapter in [large, small] {
                let digests = try [1, 2, 3, 8].map { workerCount in
                    let output = try OutputFile(in: folder)
                    _ = try AdapterFileWriter.write(
                        adapter, to: output, codec: codec, provenance: nil, workerCount: workerCount, progress: nil)
                    return try AdapterFile(opening: output.temporaryPath).digest()
                }
                #expect(Set(digests).count == 1)
            }
        }
    }
}
