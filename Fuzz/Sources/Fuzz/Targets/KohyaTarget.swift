import AdapterInterchange
import Adapters
import Tensors

@testable import AdapterInterchange

/// Files of kohya and LyCORIS.
enum KohyaTarget: FuzzTarget {
    static let name = "kohya"

    static func seeds(fixtures: String) throws -> [[UInt8]] {
        try LayoutChecks.files(fixtures, "lycoris", ending: ".safetensors")
    }

    static func isExpected(_ error: any Error) -> Bool { LayoutChecks.isExpected(error) }

    static func mutate(_ input: [UInt8], maximumByteCount: Int, using generator: inout SeededGenerator) -> [UInt8]? {
        SafetensorsTarget.mutate(input, maximumByteCount: maximumByteCount, using: &generator)
    }

    static func run(_ input: [UInt8]) throws {
        guard let adapter = try LayoutChecks.read(input, as: .kohya) else { return }
        guard let again = try LayoutChecks.again(adapter, as: .kohya) else { return }
        expect(again.modules.map(\.name) == adapter.modules.map(\.name), "the modules come back")
        for ((name, left), (_, right)) in zip(adapter.updates, again.updates) {
            try expect(left.a.bytes() == right.a.bytes() && left.b.bytes() == right.b.bytes(), "'\(name)' comes back")
        }
    }
}
