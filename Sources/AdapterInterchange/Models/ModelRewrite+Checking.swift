import ByteCoding
import FileSystem
import Tensors

extension ModelRewrite {
    /// Where a written model is not what it should be.
    public struct Difference: Sendable, Hashable {
        /// The file's name in the folder.
        public let file: String
        /// The first tensor that differs in that file; nil when it is something else.
        public let tensor: String?
        /// What is wrong.
        public let reason: String
    }

    /// Computes one file again and compares it, byte for byte, with the one in a folder.
    ///
    /// - Returns: nil when they are equal.
    /// - Throws: `FileSystemError` when a file cannot be read, and what reading the changed tensors throws.
    public func difference(
        ofShard index: Int, in folder: String, progress: @Sendable (Int) -> Void = { _ in }
    ) throws -> Difference? {
        let shard = shards[index]
        func differs(_ reason: String, tensor: String? = nil) -> Difference {
            Difference(file: shard.name, tensor: tensor, reason: reason)
        }
        guard Directory.kind(of: "\(folder)/\(shard.name)") == .file else { return differs("it is missing") }
        let file = try InputFile(opening: "\(folder)/\(shard.name)")
        guard file.byteCount == shard.byteCount else {
            return differs("it has \(file.byteCount) bytes, \(shard.byteCount) are expected")
        }
        guard try file.read(at: 0, count: shard.header.count) == shard.header else {
            return differs("its header differs")
        }
        var pieces = shard.pieces.makeIterator()
        while true {
            let batch = ModelRewrite.nextBatch(&pieces)
            guard !batch.isEmpty else { return nil }
            let places = try Concurrent.map(batch) { piece -> Int? in
                let expected = try shard.bytes(of: piece)
                let actual = try file.read(at: piece.offset, count: expected.count)
                progress(expected.count)
                guard expected != actual else { return nil }
                return zip(expected, actual).enumerated().first { $1.0 != $1.1 }.map { piece.offset + $0.offset }
            }
            guard let place = places.compactMap({ $0 }).first else { continue }
            let offset = place - shard.header.count
            let entry = shard.entries.first { $0.range.contains(offset) }
            let byte = offset - (entry?.range.lowerBound ?? 0)
            return differs("byte \(byte) of the tensor differs", tensor: entry?.name)
        }
    }

    /// Compares index and configuration in a folder with what they should say.
    public func documentDifferences(in folder: String) throws -> [Difference] {
        try documentNames().filter { [ModelFolder.indexName, ModelFolder.configurationName].contains($0) }
            .compactMap { name in
                guard Directory.kind(of: "\(folder)/\(name)") == .file else {
                    return Difference(file: name, tensor: nil, reason: "it is missing")
                }
                let written = try ModelIndex.document(reading: "\(folder)/\(name)", limit: ModelIndex.maximumByteCount)
                return written == (try JSON.parse(document(named: name)))
                    ? nil : Difference(file: name, tensor: nil, reason: "it does not describe the fused model")
            }
    }
}
