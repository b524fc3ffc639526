import AdapterFormat
import AdapterTesting
import Adapters
import Foundation
import Integrity
import Tensors
import Testing

/// Files written once and kept (`fixtures/data/golden`): later versions must read them, and write the raw one alike.
@Suite struct GoldenTests {
    /// A file that was kept.
    struct Golden: Sendable, CustomTestStringConvertible {
        var name: String
        var codec: WritingCodec
        var contentRoot: String
        var adapter: @Sendable () throws -> Adapter

        var path: String { "\(Fixtures.directory)/golden/\(name).adpt" }
        var testDescription: String { name }
    }

    static let files = [
        Golden(
            name: "everything-raw", codec: .raw,
            contentRoot: "sha256:4f2527458d858ca205f06364cf0bb43cb0d02281c7087d67a0d592dfff063325"
        ) { try SampleAdapters.everything(seed: 1) },
        Golden(
            name: "everything-zstd", codec: .zstd,
            contentRoot: "sha256:4f2527458d858ca205f06364cf0bb43cb0d02281c7087d67a0d592dfff063325"
        ) { try SampleAdapters.everything(seed: 1) },
        // The noise of the others does not compress; these hold zstd frames.
        Golden(
            name: "small-zstd", codec: .zstd,
            contentRoot: "sha256:5f319f31a40101b320ce155617673b23c869cbe55208b7b00a7ad7ba2f70bb7e"
        ) { try TestAdapters.small() },
        Golden(
            name: "small-planes", codec: .planes,
            contentRoot: "sha256:5f319f31a40101b320ce155617673b23c869cbe55208b7b00a7ad7ba2f70bb7e"
        ) { try TestAdapters.small() },
    ]

    @Test(
        .enabled(if: ProcessInfo.processInfo.environment["RECORD_GOLDEN"] == "1", "set RECORD_GOLDEN=1 to write them"),
        arguments: files)
    func `Record the golden files`(golden: Golden) throws {
        let written = try AdapterFileWriter.write(
            golden.adapter(), toPath: golden.path, codec: golden.codec, provenance: { TestAdapters.provenance })
        #expect(written.contentRoot.description == golden.contentRoot)
    }

    @Test(arguments: files)
    func `Today's reader reads them`(golden: Golden) throws {
        let file = try AdapterFile(opening: golden.path)
        _ = try file.verify()
        #expect(file.contentRoot.description == golden.contentRoot)
        #expect(try file.provenance() == TestAdapters.provenance)
        try expectSame(file.adapter, golden.adapter())
    }

    @Test(arguments: files)
    func `They keep the specification's rules`(golden: Golden) throws {
        let adapter = try golden.adapter()
        let bytes = try contents(golden.path)
        let file = try SpecFile(parsing: bytes)
        try file.checkTensorDigests { index, range in
            try adapter.modules.flatMap(\.tensors)[index].tensor.bytes(in: range)
        }
        #expect(file.sealed() == bytes)
        #expect("sha256:" + file.contentRoot.map { String(format: "%02x", $0) }.joined() == golden.contentRoot)
        #expect(file.chunks.contains { $0.codec == 3 } == (golden.name == "small-zstd"))
        #expect(file.chunks.contains { $0.codec == 2 } == (golden.codec == .planes))
    }

    @Test func `Today's writer writes the raw one byte for byte`() throws {
        let golden = GoldenTests.files[0]
        let bytes = try fileBytes(golden.adapter(), golden.codec, provenance: TestAdapters.provenance)
        #expect(try bytes == contents(golden.path))
    }
}
