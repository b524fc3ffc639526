/// How the updates of several adapters lie to each other in one module.
public struct ModuleComparison: Hashable, Sendable {
    /// The module's name.
    public let name: String
    /// The positions of the adapters that adapt it, ascending.
    public let adapters: [Int]
    /// The inner products ⟨ΔWᵢ, ΔWⱼ⟩ of all adapters; 0 for those that do not adapt it.
    public let products: [[Double]]
    /// Each two adapters that adapt it.
    public let pairs: [Pair]
    /// The signs of all of them together; nil when only one adapts it.
    public let signConflict: SignConflict?

    /// Two adapters.
    public struct Pair: Hashable, Sendable {
        /// The position of the one.
        public let first: Int
        /// The position of the other, larger than ``first``.
        public let second: Int
        /// What the updates write to: the spaces of their columns, where layers' outputs lie.
        public let columnSpaces: SubspaceRelation
        /// What the updates read: the spaces of their rows, where layers' inputs lie.
        public let rowSpaces: SubspaceRelation
        /// The signs of their elements.
        public let signConflict: SignConflict
    }

    /// The cosines of the angles between the ΔW; 0 for a ΔW of zeros.
    public var cosines: [[Double]] { Gram(products).cosines }
}

extension ModuleComparison {
    /// Compares the terms of a module.
    init(_ module: ModuleTerms, signs: SignCount) throws {
        try module.checkMemory(storesAll: false)
        let indices = module.terms.indices
        let couples = indices.flatMap { first in indices.dropFirst(first + 1).map { (first, $0) } }
        var columnBlocks = [[SubspaceRelation]](repeating: [], count: couples.count)
        var rowBlocks = columnBlocks
        var isZero = [Bool](repeating: true, count: module.terms.count)
        for slice in 0..<module.layout.count {
            let bases = try module.updates(ofSlice: slice).map { try $0.singularValueDecomposition() }
            for (index, basis) in bases.enumerated() where !basis.values.isEmpty { isZero[index] = false }
            for (index, couple) in couples.enumerated() {
                columnBlocks[index].append(try SubspaceRelation(bases[couple.0].u, bases[couple.1].u))
                rowBlocks[index].append(try SubspaceRelation(bases[couple.0].v, bases[couple.1].v))
            }
        }
        let conflicts = couples.isEmpty ? nil : try signs.conflicts(module)
        let positions = module.terms.map(\.position)
        // What is 0 but for rounding has no direction.
        let zeros = Set(zip(positions, isZero).filter(\.1).map(\.0))
        name = module.name
        adapters = positions
        products = try Gram(module).products.enumerated().map { row, values in
            values.enumerated().map { zeros.contains(row) || zeros.contains($0) ? 0 : $1 }
        }
        pairs = couples.enumerated().map { index, couple in
            Pair(
                first: positions[couple.0], second: positions[couple.1],
                columnSpaces: SubspaceRelation(columnBlocks[index]), rowSpaces: SubspaceRelation(rowBlocks[index]),
                signConflict: conflicts?.pairs[index] ?? SignConflict())
        }
        signConflict = conflicts?.all
    }
}
