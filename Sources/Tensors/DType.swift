/// The element types of tensors, with the numbers the file format stores for them.
public enum DType: UInt8, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// IEEE 754 binary32.
    case f32 = 1
    /// IEEE 754 binary16.
    case f16 = 2
    /// bfloat16: the upper half of a binary32.
    case bf16 = 3
    /// OCP FP8 E4M3: no infinities, NaN is S.1111.111 (PyTorch's `float8_e4m3fn`).
    case f8e4m3 = 4
    /// OCP FP8 E5M2: infinities and NaN as in IEEE 754.
    case f8e5m2 = 5
    /// Two's complement, 8 bits.
    case i8 = 6
    /// Unsigned, 8 bits.
    case u8 = 7
    /// Two's complement, 32 bits.
    case i32 = 8
    /// Blocks of 32 elements: a binary16 scale and 32 signed 8-bit codes; an element is scale · code.
    case q8 = 9

    /// The size in bytes of what is kept together: an element; a byte in ``q8``, whose elements have no bytes of their
    /// own. See ``byteCount(ofElements:)``.
    public var byteCount: Int {
        switch self {
        case .f32, .i32: 4
        case .f16, .bf16: 2
        case .f8e4m3, .f8e5m2, .i8, .u8, .q8: 1
        }
    }

    /// The size in bytes of that many elements, which fill whole blocks. A shape's count cannot overflow.
    public func byteCount(ofElements count: Int) -> Int {
        let block = block
        return (count / block.elementCount + (count % block.elementCount == 0 ? 0 : 1)) * block.byteCount
    }

    /// The smallest run of elements that can be read by itself.
    package var block: (elementCount: Int, byteCount: Int) {
        self == .q8 ? (Q8.blockElementCount, Q8.blockByteCount) : (1, byteCount)
    }

    /// Whether elements are floating-point numbers or, as in ``q8``, multiples of one.
    public var isFloatingPoint: Bool {
        switch self {
        case .f32, .f16, .bf16, .f8e4m3, .f8e5m2, .q8: true
        case .i8, .u8, .i32: false
        }
    }

    /// The name that people and `--dtype` use: `f32`, `f16`, `bf16`, `f8_e4m3`, …
    public var description: String {
        switch self {
        case .f32: "f32"
        case .f16: "f16"
        case .bf16: "bf16"
        case .f8e4m3: "f8_e4m3"
        case .f8e5m2: "f8_e5m2"
        case .i8: "i8"
        case .u8: "u8"
        case .i32: "i32"
        case .q8: "q8"
        }
    }

    /// The type with that name; nil when there is none.
    public init?(name: String) {
        guard let type = DType.allCases.first(where: { $0.description == name }) else { return nil }
        self = type
    }
}
