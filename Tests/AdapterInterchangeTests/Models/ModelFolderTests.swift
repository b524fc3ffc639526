import ByteCoding
import FileSystem
import Glibc
import Integrity
import Synchronization
import Tensors
import Testing

@testable import AdapterInterchange

@Suite struct ModelFolderTests {
    @Test func `a model in one file`() throws {
        try Scratch.with { folder in
            try ModelSamples.write(
                folder, shards: [ModelFolder.tensorsName: [("x", try ModelSamples.tensor([2, 3], .bf16, first: 1))]])
            let model = try ModelFolder(opening: folder)
            #expect(model.shards.map(\.name) == [ModelFolder.tensorsName])
            #expect(model.indexMetadata == nil)
            #expect(try model.configuration()?["model_type"] == "llama")
            let entry = try #require(model.entry(named: "x"))
            #expect(entry.shape == [2, 3] && entry.tensor.dtype == .bf16 && entry.byteCount == 12)
            #expect(try model.tensor(named: "x").doubles() == [1, 2, 3, 4, 5, 6])
            #expect(model.entry(named: "y") == nil)
        }
    }

    @Test func `a model in shards`() throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(folder)
            let model = try ModelFolder(opening: folder)
            #expect(model.shards.count == 2)
            #expect(model.entries.map(\.name) == ["a", "b", "c"])
            #expect(model.entries.map(\.shard) == [0, 0, 1])
            #expect(model.indexMetadata?["total_size"] == 12)
            #expect(try model.tensor(named: "c").doubles() == [0, 1, 2, 3, 4, 5, 6, 7])
        }
    }

    @Test func `mapped bytes are the copied ones`() throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(folder)
            let model = try ModelFolder(opening: folder)
            for entry in model.entries {
                let mapped = try model.map(entry)
                let copied = try model.tensor(entry)
                #expect(mapped.shape == copied.shape && mapped.dtype == copied.dtype)
                #expect(mapped.byteCount == copied.byteCount)
                #expect(try mapped.withUnsafeBytes { Array($0) } == copied.bytes())
            }
            let outliving = try ModelFolder(opening: folder).mappedTensor(named: "c")
            #expect(outliving.withUnsafeBytes { $0.count } == 16)
        }
    }

    @Test func `an empty tensor maps to nothing`() throws {
        try Scratch.with { folder in
            try ModelSamples.write(
                folder,
                shards: [
                    ModelFolder.tensorsName: [
                        ("e", try ModelSamples.tensor([0, 4])), ("x", try ModelSamples.tensor([2])),
                    ]
                ])
            let model = try ModelFolder(opening: folder)
            #expect(try model.mappedTensor(named: "e").withUnsafeBytes { $0.isEmpty })
            #expect(try model.mappedTensor(named: "x").byteCount == 8)
        }
    }

    @Test func `a file cut short after opening is an error, copied or mapped`() throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(folder)
            let model = try ModelFolder(opening: folder)
            let path = "\(folder)/model-00002-of-00002.safetensors"
            #expect(truncate(path, 60) == 0)
            #expect(throws: FileSystemError.self) { try model.tensor(named: "c").bytes() }
            #expect(throws: FileSystemError.self) { _ = try model.mappedTensor(named: "c") }
        }
    }

    @Test func `the digest follows values and names, not files`() throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(folder + "/sharded")
            let tensors = [
                ("b", try ModelSamples.tensor([2, 3])), ("a", try ModelSamples.tensor([4], .bf16, first: 5)),
                ("c", try ModelSamples.tensor([2, 2, 2], .f16)),
            ]
            try ModelSamples.write(folder + "/single", shards: [ModelFolder.tensorsName: tensors])
            let digest = try ModelFolder(opening: folder + "/sharded").weightsDigest()
            #expect(try ModelFolder(opening: folder + "/single").weightsDigest() == digest)
            let variants = [
                ("d", tensors[2].1), ("c", try ModelSamples.tensor([2, 4], .f16)),
                ("c", try ModelSamples.tensor([2, 2, 2], .f16, first: 1)),
                ("c", try ModelSamples.tensor([2, 2, 2], .bf16)),
            ]
            var digests: Set<Digest> = [digest]
            for (number, variant) in variants.enumerated() {
                let path = "\(folder)/\(number)"
                try ModelSamples.write(path, shards: [ModelFolder.tensorsName: tensors.dropLast() + [variant]])
                digests.insert(try ModelFolder(opening: path).weightsDigest())
            }
            #expect(digests.count == variants.count + 1)
        }
    }

    @Test func `the digest is the one that its definition gives`() throws {
        try Scratch.with { folder in
            try ModelSamples.write(
                folder, shards: [ModelFolder.tensorsName: [("w", try ModelSamples.tensor([2], .f32))]])
            // printf 'adapterctl model weights 1\n"w" F32 [2] %s\n' $(printf '\0\0\0\0\0\0\x80\x3f' | sha256sum | cut -c-64) | sha256sum
            #expect(
                try ModelFolder(opening: folder).weightsDigest().hexadecimal
                    == "e701fa3d0620ae3f3ac6da25b80ac4cf679330dfcb4737ed4c182e0c918e653a")
        }
    }

    @Test func `progress counts every byte`() throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(folder)
            let model = try ModelFolder(opening: folder)
            let total = Mutex(0)
            _ = try model.weightsDigest { count in total.withLock { $0 += count } }
            #expect(total.withLock { $0 } == model.entries.reduce(0) { $0 + $1.byteCount })
        }
    }
}
