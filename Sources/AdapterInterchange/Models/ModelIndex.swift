import ByteCoding
import FileSystem

/// The file that says which shard of a model holds which tensor.
struct ModelIndex {
    /// The largest index that is read, in bytes.
    static let maximumByteCount = 64 << 20

    /// The file of each tensor.
    let places: [String: String]
    /// What else the index says.
    let metadata: MetadataValue
    /// The files, ascending by the bytes of their names.
    let shardNames: [String]

    /// Reads an index.
    ///
    /// - Throws: ``InterchangeError`` with code `invalidConfiguration`, `invalidShard` or `limitExceeded`;
    ///   `FileSystemError`.
    init(reading path: String) throws {
        let document = try ModelIndex.document(reading: path, limit: ModelIndex.maximumByteCount)
        guard let map = document["weight_map"]?.map else {
            throw InterchangeError(
                .invalidConfiguration, "it has no map 'weight_map'", remedy: "Fetch the model again.", path: path)
        }
        places = try map.mapValues { value in
            guard let name = value.string else {
                throw InterchangeError(
                    .invalidConfiguration, "'weight_map' holds something that is not a file's name",
                    remedy: "Fetch the model again.", path: path)
            }
            return name
        }
        metadata = document["metadata"] ?? [:]
        shardNames = Set(places.values).sorted { $0.precedesInUTF8($1) }
        // A name from outside must not lead out of the folder.
        for name in shardNames
        where name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 })
            || !name.hasSuffix(".safetensors") || name.hasPrefix(".")
        {
            throw InterchangeError(
                .invalidShard, "it names the file '\(name)', a safetensors file beside it is expected",
                remedy: "Fetch the model again.", name: name, path: path)
        }
    }

    /// Throws unless the tensors lie where the index says.
    ///
    /// - Parameter places: the file of each tensor that was found.
    func check(places found: [String: String]) throws {
        for (tensor, shard) in places.sorted(by: { $0.key.precedesInUTF8($1.key) }) where found[tensor] != shard {
            throw InterchangeError(
                found[tensor] == nil ? .missingTensor : .conflictingShards,
                "its index says that the tensor '\(tensor)' is in '\(shard)', "
                    + (found[tensor].map { "it is in '\($0)'" } ?? "no file holds it"),
                remedy: "Fetch or save the model again.", name: tensor)
        }
        let stray = found.keys.filter { places[$0] == nil }.min { $0.precedesInUTF8($1) }
        if let stray, let shard = found[stray] {
            throw InterchangeError(
                .conflictingShards, "the tensor '\(stray)' in '\(shard)' is not in the index",
                remedy: "Fetch or save the model again.", name: stray)
        }
    }

    /// A JSON document in a file of limited size.
    static func document(reading path: String, limit: Int) throws -> MetadataValue {
        let file = try InputFile(opening: path)
        guard file.byteCount <= limit else {
            throw InterchangeError(
                .limitExceeded, "it has \(file.byteCount) bytes, at most \(limit) are accepted", path: path)
        }
        let text = try file.read(at: 0, count: file.byteCount)
        do {
            try SafetensorsHeader.checkTokenCount(text)
            return try JSON.parse(text)
        } catch let error as ByteCodingError {
            throw InterchangeError(
                .invalidConfiguration, "it is malformed: \(error)",
                remedy: "Fetch the model again, or correct the file.",
                path: path)
        } catch let error as InterchangeError {
            throw error.about("read", path)
        }
    }
}
