public import Foundation

/// A PEFT folder read with Foundation alone, so that tests do not judge our reader by itself.
public struct PEFTFolder {
    /// One tensor as it lies in the safetensors file.
    public struct RawTensor: Equatable {
        /// The dtype's name in safetensors.
        public let dtype: String
        /// The extents.
        public let shape: [Int]
        /// The bytes.
        public let bytes: Data
    }

    /// The tensors by name.
    public let tensors: [String: RawTensor]
    /// The file's metadata map.
    public let metadata: [String: String]
    /// The configuration; empty when the folder has none.
    public let configuration: NSDictionary

    /// Reads a folder.
    public init(_ folder: String) throws {
        let configuration = URL(fileURLWithPath: folder).appendingPathComponent("adapter_config.json")
        self.configuration =
            FileManager.default.fileExists(atPath: configuration.path)
            ? try JSONSerialization.jsonObject(with: Data(contentsOf: configuration)) as? NSDictionary ?? [:] : [:]
        (tensors, metadata) = try PEFTFolder.readSafetensors(folder + "/adapter_model.safetensors")
    }

    /// The tensors and the metadata of a safetensors file.
    public static func readSafetensors(_ path: String) throws -> ([String: RawTensor], [String: String]) {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let length = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        guard let header = try JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: Any] else {
            throw CocoaError(.fileReadCorruptFile)
        }
        var tensors: [String: RawTensor] = [:]
        for (name, entry) in header where name != "__metadata__" {
            guard let entry = entry as? [String: Any], let dtype = entry["dtype"] as? String,
                let shape = entry["shape"] as? [Int], let offsets = entry["data_offsets"] as? [Int]
            else { throw CocoaError(.fileReadCorruptFile) }
            let start = 8 + length
            tensors[name] = RawTensor(
                dtype: dtype, shape: shape, bytes: data.subdata(in: start + offsets[0]..<start + offsets[1]))
        }
        return (tensors, header["__metadata__"] as? [String: String] ?? [:])
    }

    /// The float64 tensors of an oracle.
    public static func doubles(_ path: String) throws -> [String: [Double]] {
        try readSafetensors(path).0.mapValues { tensor in
            stride(from: 0, to: tensor.bytes.count, by: 8).map { offset in
                tensor.bytes.subdata(in: offset..<offset + 8).withUnsafeBytes { $0.loadUnaligned(as: Double.self) }
            }
        }
    }
}
