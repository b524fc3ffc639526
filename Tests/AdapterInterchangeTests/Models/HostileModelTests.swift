import ByteCoding
import FileSystem
import Testing

@testable import AdapterInterchange

/// Folders that come from strangers.
@Suite struct HostileModelTests {
    private func code(_ folder: String) -> InterchangeError.Code? {
        do {
            _ = try ModelFolder(opening: folder)
            return nil
        } catch {
            return (error as? InterchangeError)?.code
        }
    }

    @Test(arguments: [
        "../model.safetensors", "/etc/passwd", "a/b.safetensors", ".hidden.safetensors", "", "..", "config.json",
        "m\u{0}.safetensors",
    ])
    func `an index may name files beside it only`(name: String) throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(
                folder, places: ModelSamples.places.merging(["a": name], uniquingKeysWith: { $1 }))
            #expect(code(folder) == .invalidShard)
        }
    }

    @Test func `a shard that is missing or not a file`() throws {
        try Scratch.with { folder in
            try ModelSamples.writeSharded(folder)
            try Directory.remove("\(folder)/model-00002-of-00002.safetensors")
            #expect(code(folder) == .invalidShard)
            try Directory.create("\(folder)/model-00002-of-00002.safetensors")
            #expect(code(folder) == .invalidShard)
        }
    }

    @Test func `an index that disagrees with the files`() throws {
        let other = "model-00002-of-00002.safetensors"
        let cases: [([String: String], InterchangeError.Code)] = [
            (ModelSamples.places.merging(["a": other], uniquingKeysWith: { $1 }), .conflictingShards),
            (ModelSamples.places.merging(["d": other], uniquingKeysWith: { $1 }), .missingTensor),
            (ModelSamples.places.filter { $0.key != "a" }, .conflictingShards),
        ]
        for (places, expected) in cases {
            try Scratch.with { folder in
                try ModelSamples.writeSharded(folder, places: places)
                #expect(code(folder) == expected)
            }
        }
    }

    @Test func `a tensor in two files`() throws {
        try Scratch.with { folder in
            try ModelSamples.write(
                folder,
                shards: [
                    "1.safetensors": [("a", try ModelSamples.tensor([2]))],
                    "2.safetensors": [("a", try ModelSamples.tensor([2])), ("b", try ModelSamples.tensor([2]))],
                ], places: ["a": "1.safetensors", "b": "2.safetensors"])
            #expect(code(folder) == .conflictingShards)
        }
    }

    @Test(arguments: [
        ("[]", InterchangeError.Code.invalidConfiguration), ("{}", .invalidConfiguration),
        ("{\"weight_map\": []}", .invalidConfiguration), ("{\"weight_map\": {\"a\": 1}}", .invalidConfiguration),
        ("{\"weight_map\": {\"a\": \"x.safetensors\", \"a\": \"x.safetensors\"}}", .invalidConfiguration),
        ("{\"weight_map\": ", .invalidConfiguration), ("", .invalidConfiguration),
        (String(repeating: "[", count: 100_000), .invalidConfiguration),
        ("[" + String(repeating: "0,", count: 2_000_001) + "0]", .limitExceeded),
    ])
    func `a malformed index`(text: String, expected: InterchangeError.Code) throws {
        try Scratch.with { folder in
            _ = try Scratch.file(folder, Array(text.utf8), name: ModelFolder.indexName)
            #expect(code(folder) == expected)
        }
    }

    @Test func `folders without weights say what they hold`() throws {
        try Scratch.with { folder in
            #expect(code(folder) == .unknownLayout)
            _ = try Scratch.file(folder, [0], name: "pytorch_model.bin")
            #expect(code(folder) == .pickle)
            #expect(code(folder + "/pytorch_model.bin") == .unknownLayout)
            #expect(throws: FileSystemError.self) { try ModelFolder(opening: folder + "/none") }
        }
    }

    @Test func `a configuration is optional and checked`() throws {
        try Scratch.with { folder in
            try ModelSamples.write(
                folder, shards: [ModelFolder.tensorsName: [("a", try ModelSamples.tensor([2]))]], configuration: nil)
            let model = try ModelFolder(opening: folder)
            #expect(try model.configuration() == nil)
            _ = try Scratch.file(folder, Array("{".utf8), name: ModelFolder.configurationName)
            #expect(throws: InterchangeError.self) { try model.configuration() }
        }
    }

    @Test func `types that adapters cannot have are listed and not read`() throws {
        try Scratch.with { folder in
            let entry = SafetensorsFileTests.entry("positions", "I64", "[2]", "[0,16]")
            _ = try Scratch.file(folder, Scratch.safetensors("{\(entry)}", 16), name: ModelFolder.tensorsName)
            let model = try ModelFolder(opening: folder)
            #expect(model.entries.map(\.tensor.dtypeName) == ["I64"])
            #expect(model.entries.first?.tensor.dtype == nil)
            #expect(throws: InterchangeError.self) { try model.tensor(named: "positions") }
            #expect(throws: InterchangeError.self) { _ = try model.mappedTensor(named: "positions") }
        }
    }
}
