import AdapterInterchange
import Adapters
import Tensors

@testable import AdapterInterchange

/// GGUF files.
enum GGUFTarget: FuzzTarget {
    static let name = "gguf"

    static func seeds(fixtures: String) throws -> [[UInt8]] {
        try LayoutChecks.files(fixtures, "gguf", ending: ".gguf")
    }

    static func isExpected(_ error: any Error) -> Bool { LayoutChecks.isExpected(error) }

    static func run(_ input: [UInt8]) throws {
        memoryFile.replace(with: input)
        let file = try GGUFFile(opening: memoryFile.path)
        for (_, tensor) in file.tensors where tensor.byteCount <= 1 << 20 {
            try expect(tensor.bytes().count == tensor.byteCount, "a tensor has the bytes of its shape")
        }
        guard let adapter = try LayoutChecks.read(input, as: .gguf) else { return }
        guard let again = try LayoutChecks.again(adapter, as: .gguf) else { return }
        expect(again.modules.map(\.name) == adapter.modules.map(\.name), "the modules come back")
        for ((name, left), (_, right)) in zip(adapter.updates, again.updates) {
            expect(left.kind == right.kind && left.rank == right.rank, "the update of '\(name)' comes back")
            try expect(
                left.a.widened().doubles().elementsEqual(right.a.doubles()) { $0 == $1 || ($0.isNaN && $1.isNaN) },
                "A of '\(name)' comes back")
        }
    }
}
