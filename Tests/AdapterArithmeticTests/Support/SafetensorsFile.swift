import AdapterTesting
import ByteCoding
import Foundation
import Tensors

/// The tensors of a safetensors file, read by a few lines that share nothing with the product's importer.
struct SafetensorsFile {
    struct Entry {
        let dtype: String
        let extents: [Int]
        let bytes: [UInt8]

        func tensor() throws -> Tensor {
            let types: [String: DType] = ["F32": .f32, "F16": .f16, "BF16": .bf16]
            let type = try required(types[dtype], "the type \(dtype)")
            return try Tensor(dtype: type, shape: required(Shape(extents), "a shape"), bytes: bytes)
        }

        /// The elements of an F64 tensor.
        func doubles() -> [Double] {
            stride(from: 0, to: bytes.count, by: 8).map { start in
                Double(bitPattern: (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << (8 * UInt64($1)) })
            }
        }
    }

    let entries: [String: Entry]

    init(_ path: String) throws {
        let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let length = (0..<8).reduce(0) { $0 | Int(data[$1]) << (8 * $1) }
        let header = try JSON.parse(Array(data[8..<8 + length]))
        entries = try (header.map ?? [:]).filter { $0.key != "__metadata__" }.mapValues { value in
            let offsets = value["data_offsets"]?.array?.compactMap(\.integer) ?? []
            return Entry(
                dtype: try required(value["dtype"]?.string, "a type"),
                extents: value["shape"]?.array?.compactMap(\.integer) ?? [],
                bytes: Array(data[8 + length + offsets[0]..<8 + length + offsets[1]]))
        }
    }
}

/// A JSON document in a file.
func document(_ path: String) throws -> MetadataValue {
    try JSON.parse([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
}

struct MissingValue: Error, CustomStringConvertible {
    let description: String
}

/// The value, or an error that names what is missing.
func required<Value>(_ value: Value?, _ what: String) throws -> Value {
    guard let value else { throw MissingValue(description: "\(what) is missing") }
    return value
}
