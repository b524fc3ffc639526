import ByteCoding
import FileSystem
import Tensors

/// Writes GGUF files, version 3, little-endian.
enum GGUFWriter {
    /// The longest name of a tensor that ggml takes, in bytes.
    static let maximumNameByteCount = 63

    /// A value with the type it is written as.
    enum Value {
        case string(String)
        case f32(Float)
        case u32(UInt32)
        case u32s([UInt32])
    }

    /// Writes metadata and tensors in their order.
    ///
    /// - Throws: ``InterchangeError`` with code `notExpressible`; whatever reading the tensors or writing the file throws.
    static func write(
        _ tensors: [(name: String, tensor: Tensor)], values: [(key: String, value: Value)], to file: OutputFile
    ) throws {
        var writer = ByteWriter()
        writer.write(GGUFHeader.magic)
        writer.write(UInt32(3))
        writer.write(UInt64(tensors.count))
        writer.write(UInt64(values.count))
        for (key, value) in values { write(key, value, to: &writer) }
        var offset = 0
        var padded: [Tensor] = []
        for (name, tensor) in tensors {
            guard name.utf8.count <= maximumNameByteCount else {
                throw InterchangeError(
                    .notExpressible,
                    "the name '\(name)' has \(name.utf8.count) bytes, ggml takes \(maximumNameByteCount)",
                    name: name)
            }
            write(name, to: &writer)
            writer.write(UInt32(tensor.shape.rank))
            for extent in tensor.shape.extents.reversed() { writer.write(UInt64(extent)) }
            writer.write(type(of: tensor.dtype).rawValue)
            writer.write(UInt64(offset))
            let byteCount = tensor.byteCount
            let padding = byteCount.padding(to: GGUFHeader.defaultAlignment)
            offset += byteCount + padding
            padded.append(tensor)
            if padding > 0, let shape = Shape([padding]) {
                padded.append(try Tensor(dtype: .u8, shape: shape, bytes: [UInt8](repeating: 0, count: padding)))
            }
        }
        writer.pad(to: GGUFHeader.defaultAlignment)
        try file.write(writer.bytes)
        let start = file.offset
        let output = QueuedOutput(file)
        try TensorPieces.forEach(of: padded) { position, piece in try output.write(piece, at: start + position) }
        file.seek(to: start + offset)
    }

    private static func type(of dtype: DType) -> GGUFDType {
        switch dtype {
        case .f16: .f16
        case .bf16: .bf16
        case .q8: .q8
        default: .f32
        }
    }

    private static func write(_ text: String, to writer: inout ByteWriter) {
        writer.write(UInt64(text.utf8.count))
        writer.write(text.utf8)
    }

    private static func write(_ key: String, _ value: Value, to writer: inout ByteWriter) {
        write(key, to: &writer)
        switch value {
        case .string(let text):
            writer.write(GGUFValue.Kind.string.rawValue)
            write(text, to: &writer)
        case .f32(let number):
            writer.write(GGUFValue.Kind.f32.rawValue)
            writer.write(number.bitPattern)
        case .u32(let number):
            writer.write(GGUFValue.Kind.u32.rawValue)
            writer.write(number)
        case .u32s(let numbers):
            writer.write(GGUFValue.Kind.array.rawValue)
            writer.write(GGUFValue.Kind.u32.rawValue)
            writer.write(UInt64(numbers.count))
            for number in numbers { writer.write(number) }
        }
    }
}
