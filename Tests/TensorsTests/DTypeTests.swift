import Tensors
import Testing

struct DTypeTests {
    /// The numbers are the file format's (clause 7.4), the names those of `--dtype`.
    @Test(
        arguments: [
            (.f32, 1, "f32", 4, true), (.f16, 2, "f16", 2, true), (.bf16, 3, "bf16", 2, true),
            (.f8e4m3, 4, "f8_e4m3", 1, true),
            (.f8e5m2, 5, "f8_e5m2", 1, true), (.i8, 6, "i8", 1, false), (.u8, 7, "u8", 1, false),
            (.i32, 8, "i32", 4, false), (.q8, 9, "q8", 1, true),
        ] as [(DType, UInt8, String, Int, Bool)])
    func `types keep their numbers, names and sizes`(
        type: DType, number: UInt8, name: String, byteCount: Int, isFloatingPoint: Bool
    ) {
        #expect(type.rawValue == number)
        #expect(DType(rawValue: number) == type)
        #expect(type.description == name)
        #expect(DType(name: name) == type)
        #expect(type.byteCount == byteCount)
        #expect(type.isFloatingPoint == isFloatingPoint)
    }

    @Test(arguments: DType.allCases) func `elements take whole units, or whole blocks of 32`(type: DType) {
        for count in [0, 1, 31, 32, 33, 64, 1_000_001, 1 << 47] {
            let blocks = (count + 31) / 32
            #expect(type.byteCount(ofElements: count) == (type == .q8 ? 34 * blocks : count * type.byteCount))
        }
    }

    @Test(arguments: ["", "F32", "float32", "f64", "bf16 ", "f8", "f8_e4m3fn", "i16"])
    func `other names are no types`(name: String) {
        #expect(DType(name: name) == nil)
    }

    @Test func `other numbers are no types`() {
        #expect((UInt8.min...UInt8.max).compactMap(DType.init(rawValue:)) == DType.allCases)
        #expect(DType.allCases.count == 9)
    }
}
