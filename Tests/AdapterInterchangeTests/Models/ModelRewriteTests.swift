import ByteCoding
import FileSystem
import Integrity
import Tensors
import Testing

@testable import AdapterInterchange

@Suite struct ModelRewriteTests {
    /// A tensor whose values cannot be read.
    private struct Failing: TensorSource {
        struct Failure: Error {}
        func bytes(in range: Range<Int>) throws -> [UInt8] { throw Failure() }
    }

    private func write(_ rewrite: ModelRewrite, to folder: String) throws -> [Digest] {
        try Directory.create(folder)
        let digests = try rewrite.shards.indices.map { try rewrite.write(shard: $0, to: folder) }
        try rewrite.writeDocuments(to: folder)
        return digests
    }

    private func isEqual(_ rewrite: ModelRewrite, _ folder: String) throws -> Bool {
        try rewrite.shards.indices.allSatisfy { try rewrite.difference(ofShard: $0, in: folder) == nil }
            && rewrite.documentDifferences(in: folder).isEmpty
    }

    @Test func `Without changes every file is the same`() throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(folder + "/base")
            _ = try Scratch.file(folder + "/base", Array("tokens".utf8), name: "tokenizer.json")
            _ = try Scratch.file(folder + "/base", [1], name: "pytorch_model.bin")
            let rewrite = try ModelRewrite(ModelFolder(opening: folder + "/base"), changes: [])
            let digests = try write(rewrite, to: folder + "/copy")
            for (shard, digest) in zip(rewrite.shards, digests) {
                let bytes = try Scratch.contents("\(folder)/copy/\(shard.name)")
                #expect(try bytes == Scratch.contents("\(folder)/base/\(shard.name)"))
                #expect(SHA256.hash(bytes) == digest && shard.byteCount == bytes.count && shard.changedTensorCount == 0)
            }
            #expect(try Scratch.contents(folder + "/copy/tokenizer.json") == Array("tokens".utf8))
            #expect(
                try Scratch.contents(folder + "/copy/config.json") == Scratch.contents(folder + "/base/config.json"))
            // Another format's weights would be those of the base model.
            #expect(Directory.kind(of: folder + "/copy/pytorch_model.bin") == nil)
            #expect(
                try ModelFolder(opening: folder + "/copy").weightsDigest()
                    == ModelFolder(opening: folder + "/base").weightsDigest())
            #expect(try isEqual(rewrite, folder + "/copy"))
        }
    }

    @Test func `A changed tensor changes nothing else`() throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(folder + "/base")
            let base = try ModelFolder(opening: folder + "/base")
            let changed = try ModelSamples.tensor([2, 3], first: 10)
            let rewrite = try ModelRewrite(base, changes: [ModelRewrite.Change(name: "b", tensor: changed)])
            _ = try write(rewrite, to: folder + "/new")
            let new = try ModelFolder(opening: folder + "/new")
            #expect(try new.tensor(named: "b").doubles() == [10, 11, 12, 13, 14, 15])
            for name in ["a", "c"] { #expect(try new.tensor(named: name).bytes() == base.tensor(named: name).bytes()) }
            #expect(new.shards.map(\.name) == base.shards.map(\.name))
            #expect(try new.shards[0].file.headerBytes() == base.shards[0].file.headerBytes())
            #expect(new.indexMetadata?["total_size"] == MetadataValue(24 + 8 + 16))
        }
    }

    @Test func `A new tensor stands beside its sibling, a grown one is described anew`() throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(folder + "/base")
            let base = try ModelFolder(opening: folder + "/base")
            let rewrite = try ModelRewrite(
                base,
                changes: [
                    ModelRewrite.Change(name: "d", tensor: try ModelSamples.tensor([2], .bf16), sibling: "c"),
                    ModelRewrite.Change(name: "b", tensor: try ModelSamples.tensor([3, 3])),
                ], configurationChanges: ["tie_word_embeddings": false])
            _ = try write(rewrite, to: folder + "/new")
            let new = try ModelFolder(opening: folder + "/new")
            #expect(new.entries.map(\.name) == ["a", "b", "c", "d"])
            #expect(new.entry(named: "d")?.shard == 1 && new.entry(named: "b")?.shape == [3, 3])
            #expect(new.shards[0].file.metadata == ["format": "pt"])
            let configuration = try new.configuration()
            #expect(configuration?["tie_word_embeddings"] == false && configuration?["model_type"] == "llama")
            #expect(new.indexMetadata?["total_size"] == MetadataValue(36 + 8 + 16 + 4))
            #expect(try isEqual(rewrite, folder + "/new"))
        }
    }

    @Test func `Every flipped byte is found and named`() throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(folder + "/base")
            let rewrite = try ModelRewrite(
                ModelFolder(opening: folder + "/base"),
                changes: [ModelRewrite.Change(name: "b", tensor: try ModelSamples.tensor([2, 3], first: 1))])
            _ = try write(rewrite, to: folder + "/new")
            let shard = rewrite.shards[0]
            let bytes = try Scratch.contents("\(folder)/new/\(shard.name)")
            for place in bytes.indices {
                var flipped = bytes
                flipped[place] ^= 1
                _ = try Scratch.file(folder + "/new", flipped, name: shard.name)
                let difference = try #require(try rewrite.difference(ofShard: 0, in: folder + "/new"))
                let offset = place - shard.header.count
                #expect(difference.tensor == (offset < 0 ? nil : offset < 24 ? "b" : "a"))
            }
            _ = try Scratch.file(folder + "/new", bytes.dropLast(), name: shard.name)
            #expect(try rewrite.difference(ofShard: 0, in: folder + "/new") != nil)
            try Directory.remove("\(folder)/new/\(shard.name)")
            #expect(try rewrite.difference(ofShard: 0, in: folder + "/new")?.reason == "it is missing")
            try Directory.remove("\(folder)/new/\(ModelFolder.indexName)")
            #expect(try rewrite.documentDifferences(in: folder + "/new").map(\.file) == [ModelFolder.indexName])
        }
    }

    @Test func `A file larger than several batches`() throws {
        try Scratch.with { folder in
            let extents = [33, 1 << 20]
            try ModelSamples.write(
                folder + "/base",
                shards: [
                    ModelFolder.tensorsName: [
                        (
                            "big",
                            try Tensor(
                                dtype: .u8, shape: #require(Shape(extents)),
                                bytes: (0..<33 << 20).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) })
                        )
                    ]
                ])
            let rewrite = try ModelRewrite(ModelFolder(opening: folder + "/base"), changes: [])
            let digests = try write(rewrite, to: folder + "/copy")
            let bytes = try InputFile.contents(of: "\(folder)/copy/\(ModelFolder.tensorsName)", limit: 1 << 26)
            #expect(SHA256.hash(bytes) == digests[0])
            #expect(try bytes == InputFile.contents(of: "\(folder)/base/\(ModelFolder.tensorsName)", limit: 1 << 26))
        }
    }

    @Test func `A tensor that cannot be read leaves no file`() throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(folder + "/base")
            let failing = Tensor(dtype: .f32, shape: try #require(Shape([2, 3])), source: Failing())
            let rewrite = try ModelRewrite(
                ModelFolder(opening: folder + "/base"), changes: [ModelRewrite.Change(name: "b", tensor: failing)])
            try Directory.create(folder + "/new")
            #expect(throws: Failing.Failure.self) { _ = try rewrite.write(shard: 0, to: folder + "/new") }
            #expect(try Directory.names(in: folder + "/new").isEmpty)
        }
    }

    @Test func `Changes that the base model has no place for`() throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(folder)
            let base = try ModelFolder(opening: folder)
            let tensor = try ModelSamples.tensor([2])
            for change in [
                ModelRewrite.Change(name: "none", tensor: tensor),
                ModelRewrite.Change(name: "d", tensor: tensor, sibling: "none"),
            ] {
                #expect(throws: InterchangeError.self) { _ = try ModelRewrite(base, changes: [change]) }
            }
        }
    }
}
