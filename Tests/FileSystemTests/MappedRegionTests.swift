import AdapterTesting
import FileSystem
import Testing

@Suite struct MappedRegionTests {
    /// A file of 10 000 bytes, more than two pages.
    private func withFile(_ body: (InputFile, [UInt8]) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
            let file = try OutputFile(in: folder)
            try file.write(bytes)
            try file.commit(as: "\(folder)/file")
            try body(try InputFile(opening: "\(folder)/file"), bytes)
        }
    }

    @Test(arguments: [0..<10_000, 0..<1, 4095..<4097, 4096..<8192, 8191..<10_000, 9_999..<10_000, 5_000..<5_000])
    func `a range at any place`(range: Range<Int>) throws {
        try withFile { file, bytes in
            let region = try file.map(range)
            #expect(region.byteCount == range.count)
            #expect(region.withUnsafeBytes { Array($0) } == Array(bytes[range]))
        }
    }

    @Test func `a range beyond the end`() throws {
        try withFile { file, _ in
            #expect(throws: FileSystemError.self) { _ = try file.map(9_999..<10_001) }
        }
    }
}
