import AdapterInterchange
import Adapters
import Tensors

@testable import AdapterInterchange

/// Archives of NumPy arrays.
enum NumPyTarget: FuzzTarget {
    static let name = "npz"

    static func seeds(fixtures: String) throws -> [[UInt8]] {
        try LayoutChecks.files(fixtures, "numpy", ending: ".npz")
    }

    static func isExpected(_ error: any Error) -> Bool { LayoutChecks.isExpected(error) }

    static func run(_ input: [UInt8]) throws {
        guard let adapter = try LayoutChecks.read(input, as: .npz) else { return }
        try PlainTarget.checkAgain(adapter, as: .npz)
    }
}
