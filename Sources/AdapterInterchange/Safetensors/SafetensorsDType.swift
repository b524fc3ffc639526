package import Tensors

/// The element types that the safetensors format names, ascending by the order in which its library ranks them.
///
/// The library writes tensors descending by this order, then by name (safetensors 0.8.0).
package enum SafetensorsDType: String, CaseIterable, Sendable {
    case bool = "BOOL"
    case f4 = "F4"
    case f6e2m3 = "F6_E2M3"
    case f6e3m2 = "F6_E3M2"
    case u8 = "U8"
    case i8 = "I8"
    case f8e5m2 = "F8_E5M2"
    case f8e4m3 = "F8_E4M3"
    case f8e8m0 = "F8_E8M0"
    case f8e4m3fnuz = "F8_E4M3FNUZ"
    case f8e5m2fnuz = "F8_E5M2FNUZ"
    case i16 = "I16"
    case u16 = "U16"
    case f16 = "F16"
    case bf16 = "BF16"
    case i32 = "I32"
    case u32 = "U32"
    case f32 = "F32"
    case c64 = "C64"
    case f64 = "F64"
    case i64 = "I64"
    case u64 = "U64"

    /// The size of one element in bits.
    package var bitCount: Int {
        switch self {
        case .f4: 4
        case .f6e2m3, .f6e3m2: 6
        case .bool, .u8, .i8, .f8e5m2, .f8e4m3, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz: 8
        case .i16, .u16, .f16, .bf16: 16
        case .i32, .u32, .f32: 32
        case .c64, .f64, .i64, .u64: 64
        }
    }

    /// The type of our own tensors, nil where there is none.
    package var dtype: DType? {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        case .f8e4m3: .f8e4m3
        case .f8e5m2: .f8e5m2
        case .i8: .i8
        case .u8: .u8
        case .i32: .i32
        default: nil
        }
    }

    /// The type under which our own tensors are written; nil for blocks, which the format does not know.
    package init?(_ dtype: DType) {
        switch dtype {
        case .f32: self = .f32
        case .f16: self = .f16
        case .bf16: self = .bf16
        case .f8e4m3: self = .f8e4m3
        case .f8e5m2: self = .f8e5m2
        case .i8: self = .i8
        case .u8: self = .u8
        case .i32: self = .i32
        case .q8: return nil
        }
    }

    /// The place in the library's order.
    package var order: Int { SafetensorsDType.allCases.firstIndex(of: self) ?? 0 }
}
