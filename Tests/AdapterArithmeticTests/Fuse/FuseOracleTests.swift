import AdapterArithmetic
import AdapterTesting
import Adapters
import Tensors
import Testing

/// Against PEFT's merge_and_unload in float64.
@Suite struct FuseOracleTests {
    @Test func `The fixtures are there`() {
        #expect(FusedFixture.names.count >= 24)
    }

    @Test(arguments: FusedFixture.names)
    func `The result is PEFT's`(name: String) throws {
        let fixture = try FusedFixture(name)
        let result = try fused([(fixture.adapter, 1)], into: fixture.base)
        #expect(result.names == Set(fixture.expected.keys))
        for (name, expected) in fixture.expected {
            #expect(relativeDistance(try result.doubles(name), try expected.doubles()) < 3e-7, "\(name)")
        }
    }

    @Test(arguments: FusedFixture.names, [DType.bf16, .f16])
    func `Results in 16 bits are rounded once`(name: String, dtype: DType) throws {
        let fixture = try FusedFixture(name, dtype: dtype)
        let result = try fused([(fixture.adapter, 1)], into: fixture.base)
        let half = dtype == .bf16 ? 0x1p-9 : 0x1p-12
        for (name, expected) in fixture.expected {
            let values = try result.doubles(name)
            for (value, exact) in zip(values, try expected.doubles()) {
                // Half a unit of the type and what binary32 sums are off.
                let bound = half * 2 * exact.magnitude + 1e-6
                #expect((value - exact).magnitude <= bound, "\(name): \(value), exactly \(exact)")
            }
        }
    }

    @Test(arguments: FusedFixture.names)
    func `Any division into pieces gives the same bytes`(name: String) throws {
        let fixture = try FusedFixture(name, dtype: nil)
        let result = try fused([(fixture.adapter, 1)], into: fixture.base)
        for weight in result.weights {
            let whole = try weight.tensor.bytes()
            for step in [2, 6, 37, 530] {
                var pieces: [UInt8] = []
                for start in stride(from: 0, to: whole.count, by: step) {
                    pieces += try weight.tensor.bytes(in: start..<min(start + step, whole.count))
                }
                #expect(pieces == whole, "\(weight.name) in steps of \(step)")
            }
        }
    }
}
