import ByteCoding
import FileSystem
import Tensors
import Testing

@testable import AdapterInterchange

/// Small models on disk.
enum ModelSamples {
    static func tensor(_ extents: [Int], _ dtype: DType = .f32, first: Double = 0) throws -> Tensor {
        let count = extents.reduce(1, *)
        return try Tensor(
            rounding: (0..<count).map { first + Double($0) }, to: dtype, shape: try #require(Shape(extents)))
    }

    /// Writes the shards, the index that the map says, and a configuration.
    static func write(
        _ folder: String, shards: [String: [(name: String, tensor: Tensor)]], places: [String: String]? = nil,
        configuration: String? = "{\"model_type\": \"llama\"}"
    ) throws {
        try Directory.create(folder)
        for (name, tensors) in shards {
            let file = try OutputFile(in: folder)
            try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], to: file)
            try file.commit(as: "\(folder)/\(name)")
        }
        if let places {
            let index: MetadataValue = [
                "metadata": ["total_size": 12], "weight_map": .map(places.mapValues(MetadataValue.string)),
            ]
            _ = try Scratch.file(folder, Array(JSON.text(index).utf8), name: ModelFolder.indexName)
        }
        if let configuration {
            _ = try Scratch.file(folder, Array(configuration.utf8), name: ModelFolder.configurationName)
        }
    }

    /// Three tensors in two shards.
    static func writeSharded(_ folder: String, places: [String: String]? = nil) throws {
        try write(
            folder,
            shards: [
                "model-00001-of-00002.safetensors": [
                    ("b", try tensor([2, 3])), ("a", try tensor([4], .bf16, first: 5)),
                ],
                "model-00002-of-00002.safetensors": [("c", try tensor([2, 2, 2], .f16))],
            ], places: places ?? ModelSamples.places)
    }

    static let places = [
        "a": "model-00001-of-00002.safetensors", "b": "model-00001-of-00002.safetensors",
        "c": "model-00002-of-00002.safetensors",
    ]
}
