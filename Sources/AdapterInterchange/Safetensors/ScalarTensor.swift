import Tensors

/// Numbers that files keep as tensors of one element, such as an alpha, whatever their type.
enum ScalarTensor {
    /// The number.
    ///
    /// - Throws: ``InterchangeError`` with code `invalidTensors` when it is not one finite number.
    static func value(of entry: SafetensorsFile.Entry, in file: SafetensorsFile) throws -> Double {
        let bytes = entry.range.count <= 8 ? try file.bytes(of: entry) : []
        let word = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let value: Double? =
            switch SafetensorsDType(rawValue: entry.dtypeName) {
            case .f64 where bytes.count == 8: Double(bitPattern: word)
            case .i64 where bytes.count == 8: Double(Int64(bitPattern: word))
            case .u64 where bytes.count == 8: Double(word)
            case .f32, .f16, .bf16, .i32, .i8, .u8:
                entry.shape.allSatisfy { $0 == 1 } ? try file.tensor(entry).doubles().first : nil
            default: nil
            }
        guard let value, value.isFinite else {
            throw InterchangeError(
                .invalidTensors, "the tensor '\(entry.name)' is not one finite number", name: entry.name)
        }
        return value
    }
}
