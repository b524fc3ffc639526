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
                    let written = try AdapterFileWriter.write(adapter, toPath: folder + "/x.adpt", codec: codec)
                    digests[index].insert(written.digest)
                }
            }
            #expect(digests.map(\.count) == [1, 1])
        }
    }
}
