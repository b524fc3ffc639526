import Adapters
import ByteCoding
import LinearAlgebra
import Tensors

/// What two adapters do differently, module by module.
public struct AdapterDifference: Hashable, Sendable {
    /// The modules that either adapts, ascending by name.
    public let modules: [ModuleDifference]

    /// ‖ΔW‖ of both adapters and of the difference, over all updates that can be compared.
    public var update: ModuleDifference.Distance {
        let comparable = modules.compactMap(\.update).filter { $0.difference != nil }
        return ModuleDifference.Distance(
            first: Matrix.norm(comparable.map(\.first)[...]), second: Matrix.norm(comparable.map(\.second)[...]),
            difference: Matrix.norm(comparable.map { $0.difference ?? 0 }[...]))
    }

    /// The largest relative distance of anything in any module; infinite where something cannot be compared.
    public var largestRelativeDistance: Double { modules.map(\.largestRelativeDistance).max() ?? 0 }
}

extension AdapterDifference {
    /// Compares two adapters: ΔW from the factors, so that other factors of the same product are equal, and all other
    /// tensors value by value. Weights have no part in this.
    ///
    /// - Parameter progress: told how many bytes are done.
    /// - Throws: ``ArithmeticError`` with code `nonFinite`, `overflow` or `limitExceeded`; what reading throws.
    /// - Complexity: O((m + n)·R²) for each m × n weight with R the sum of both ranks.
    public init(
        _ first: MergeInput, _ second: MergeInput, progress: @Sendable (Int) -> Void = { _ in }
    ) throws {
        let names = Set((first.adapter.modules + second.adapter.modules).map(\.name)).sorted { $0.precedesInUTF8($1) }
        modules = try Concurrent.map(names) { name in
            let sides = (first.adapter.module(named: name), second.adapter.module(named: name))
            let difference = try ModuleDifference((sides.0, first.label), (sides.1, second.label))
            progress(
                [sides.0, sides.1].reduce(0) { sum, module in
                    sum + (module?.tensors.reduce(0) { $0 + $1.tensor.byteCount } ?? 0)
                })
            return difference
        }
    }
}
