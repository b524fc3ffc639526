import AdapterInterchange
import AdapterTesting
import ByteCoding
import FileSystem
import Foundation
import Tensors
import Testing

@testable import AdapterTraining

/// The tiny model in other element types and in shards.
@Suite struct BaseFormTests {
    private static let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]

    /// Writes the tiny model into a folder, with an index where there are several files.
    private func write(_ dtype: DType, to folder: String, files: [String]) throws {
        try FileManager.default.copyItem(
            atPath: TrainingFixtures.tinyModel + "/config.json", toPath: folder + "/config.json")
        let source = try SafetensorsFile(opening: TrainingFixtures.tinyModel + "/model.safetensors")
        let tensors = try source.entries.map { entry in
            let tensor = try source.tensor(entry)
            return (
                name: entry.name, tensor: try Tensor(rounding: tensor.doubles(), to: dtype, shape: tensor.shape)
            )
        }
        var places: [String: MetadataValue] = [:]
        for (index, file) in files.enumerated() {
            let part = tensors.enumerated().filter { $0.offset % files.count == index }.map(\.element)
            for (name, _) in part { places[name] = .string(file) }
            let output = try OutputFile(in: folder)
            try SafetensorsWriter.write(part, metadata: ["format": "pt"], to: output)
            try output.commit(as: "\(folder)/\(file)")
        }
        guard files.count > 1 else { return }
        let index: MetadataValue = ["metadata": [:], "weight_map": .map(places)]
        try Data(JSON.text(index).utf8).write(to: URL(fileURLWithPath: folder + "/model.safetensors.index.json"))
    }

    private func losses(_ folder: String) throws -> [Double] {
        var generator = SeededGenerator(seed: 12)
        let ids = (0..<60).map { _ in Int32.random(in: 3..<2000, using: &generator) }
        let rows = Dataset(examples: [Example(ids: ids, isLearned: ids.map { _ in true })])
        let model = try Transformer(
            evaluating: rows, TransformerWeights<Float>(ModelFolder(opening: folder)), stack: [], batchTokens: 64,
            availableMemory: nil)
        return model.losses(TokenBatch(rows, [0]))
    }

    @Test(arguments: [["model.safetensors"], names]) func `f32 has the bits of bf16, in one file or in two`(
        _ files: [String]
    ) throws {
        try withTemporaryDirectory { folder in
            try write(.f32, to: folder, files: files)
            #expect(try losses(folder) == losses(TrainingFixtures.tinyModel))
        }
    }

    @Test func `f16 is close`() throws {
        try withTemporaryDirectory { folder in
            try write(.f16, to: folder, files: ["model.safetensors"])
            #expect(
                ModelSupport.largestDifference(try losses(folder), try losses(TrainingFixtures.tinyModel)) < 1e-4)
        }
    }

    @Test func `a missing shard is named`() throws {
        try withTemporaryDirectory { folder in
            try write(.bf16, to: folder, files: Self.names)
            try FileManager.default.removeItem(atPath: "\(folder)/\(Self.names[1])")
            do {
                _ = try losses(folder)
                Issue.record("a model without one of its files was read")
            } catch {
                #expect("\(error)".contains(Self.names[1]), "\(error)")
            }
        }
    }
}
