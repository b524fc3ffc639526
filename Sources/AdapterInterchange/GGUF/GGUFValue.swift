/// A value of a GGUF file's metadata.
enum GGUFValue: Hashable, Sendable {
    case integer(Int64)
    /// An unsigned integer beyond 63 bits.
    case large(UInt64)
    case double(Double)
    case bool(Bool)
    case string(String)
    /// Integers, whatever their width; other arrays are not kept.
    case integers([Int64])
    /// An array that is not kept.
    case other

    /// The types' numbers in a file.
    enum Kind: UInt32 {
        case u8, i8, u16, i16, u32, i32, f32, bool, string, array, u64, i64, f64

        /// The size in bytes; nil where it depends on the value.
        var byteCount: Int? {
            switch self {
            case .u8, .i8, .bool: 1
            case .u16, .i16: 2
            case .u32, .i32, .f32: 4
            case .u64, .i64, .f64: 8
            case .string, .array: nil
            }
        }
    }

    /// The text, when this is text.
    var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The integer, when this is one.
    var integer: Int? { if case .integer(let value) = self { Int(value) } else { nil } }
    /// The number, integer or not, when this is one.
    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}
