import AdapterInterchange
import Adapters
import FileSystem
import Tensors

@testable import AdapterInterchange

/// Files that describe themselves, and those of diffusers.
enum PlainTarget: FuzzTarget {
    static let name = "plain"

    static func seeds(fixtures: String) throws -> [[UInt8]] {
        var seeds = try LayoutChecks.files(fixtures, "diffusers", ending: ".safetensors").map { [1] + $0 }
        for seed in 1...3 {
            let path = "\(scratchFolder)/fuzz-seed"
            let output = try ForeignLayout.safetensors.prepare(
                SampleAdapters.everything(seed: UInt64(seed)), at: path, options: WritingOptions(replacing: true))
            seeds.append(
                try withExtendedLifetime(output) {
                    [0] + (try InputFile.contents(of: output.temporaryPath, limit: 1 << 20))
                })
        }
        return seeds
    }

    static func isExpected(_ error: any Error) -> Bool { LayoutChecks.isExpected(error) }

    static func mutate(_ input: [UInt8], maximumByteCount: Int, using generator: inout SeededGenerator) -> [UInt8]? {
        guard let first = input.first else { return nil }
        return SafetensorsTarget.mutate(
            Array(input.dropFirst()), maximumByteCount: maximumByteCount - 1, using: &generator
        ).map { [first] + $0 }
    }

    static func run(_ input: [UInt8]) throws {
        guard let first = input.first else { return }
        let layout: ForeignLayout = first % 2 == 0 ? .safetensors : .diffusers
        guard let adapter = try LayoutChecks.read(Array(input.dropFirst()), as: layout) else { return }
        try checkAgain(adapter, as: .safetensors)
    }

    /// Everything comes back, in types that the layout has.
    static func checkAgain(_ adapter: Adapter, as layout: ForeignLayout) throws {
        guard let again = try LayoutChecks.again(adapter, as: layout) else { return }
        expect(again.modules.map(\.name) == adapter.modules.map(\.name), "the modules come back")
        for (module, copy) in zip(adapter.modules, again.modules) {
            expect(module.update?.alpha == copy.update?.alpha, "alpha of '\(module.name)' comes back")
            for (tensor, other) in zip(module.tensors, copy.tensors) {
                expect(tensor.tensor.shape == other.tensor.shape, "'\(module.name)' comes back")
                try expect(
                    tensor.tensor.doubles().elementsEqual(other.tensor.doubles()) {
                        $0 == $1 || ($0.isNaN && $1.isNaN)
                    },
                    "the values of '\(module.name)' come back")
            }
        }
    }
}
