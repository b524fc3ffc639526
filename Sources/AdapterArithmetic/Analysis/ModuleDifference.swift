public import Adapters
import ByteCoding
import LinearAlgebra
import Tensors

/// What two adapters do differently in one module.
public struct ModuleDifference: Hashable, Sendable {
    /// The module's name.
    public let name: String
    /// Whether the first adapter has the module.
    public let isInFirst: Bool
    /// Whether the second adapter has it.
    public let isInSecond: Bool
    /// How the descriptions of the update differ: rank, alpha, shapes, types.
    public let fields: [FieldDifference]
    /// The distance of the updates; nil when neither has one.
    public let update: Distance?
    /// The distances of other trained tensors, such as biases and magnitudes, by role and name.
    public let parameters: [Parameter]

    /// Another trained tensor than A and B.
    public struct Parameter: Hashable, Sendable {
        /// What it is for.
        public let role: TensorRole
        /// Its name below the module.
        public let name: String
        /// How far apart both are; one that is missing counts as zeros.
        public let distance: Distance
    }

    /// How far apart two values are, in Frobenius norms.
    public struct Distance: Hashable, Sendable {
        /// The norm of the first.
        public let first: Double
        /// The norm of the second.
        public let second: Double
        /// The norm of the difference; nil when the shapes differ, so that there is none.
        public let difference: Double?

        /// The difference over the larger norm; 0 for equal values, infinite where there is no difference.
        public var relative: Double {
            guard let difference, difference.isFinite else { return .infinity }
            if difference == 0 { return 0 }
            let largest = max(first, second)
            return largest > 0 ? difference / largest : .infinity
        }
    }

    /// The largest relative distance of anything in the module; infinite when only one adapter has something there that
    /// changes the model.
    public var largestRelativeDistance: Double {
        max(update?.relative ?? 0, parameters.map(\.distance.relative).max() ?? 0)
    }
}

extension ModuleDifference {
    /// Compares a module of two adapters; at least one has it.
    init(_ first: (module: AdaptedModule?, label: String), _ second: (module: AdaptedModule?, label: String)) throws {
        let name = (first.module ?? second.module)?.name ?? ""
        self.name = name
        isInFirst = first.module != nil
        isInSecond = second.module != nil
        let (one, two) = (first.module?.update, second.module?.update)
        fields =
            one == nil || two == nil
            ? [] : FieldDifference.between(one?.description ?? .null, two?.description ?? .null)
        update = try Distance(
            one.map { (update: $0, label: first.label) }, two.map { (update: $0, label: second.label) }, module: name)
        let (ones, twos) = (first.module?.parameters ?? [], second.module?.parameters ?? [])
        let keys = (ones + twos).reduce(into: [ParameterKey]()) { keys, parameter in
            let key = ParameterKey(role: parameter.role, name: parameter.name)
            if !keys.contains(key) { keys.append(key) }
        }
        parameters = try keys.map { key in
            let tensors = [ones, twos].map { $0.first { $0.role == key.role && $0.name == key.name }?.tensor }
            return Parameter(role: key.role, name: key.name, distance: try Distance(tensors[0], tensors[1]))
        }
    }

    private struct ParameterKey: Hashable {
        let role: TensorRole
        let name: String
    }
}

extension ModuleDifference.Distance {
    /// The distance of two updates; nil when there is neither.
    fileprivate init?(
        _ first: (update: LowRankUpdate, label: String)?, _ second: (update: LowRankUpdate, label: String)?,
        module name: String
    ) throws {
        let sides = [first, second].compactMap(\.self)
        guard let side = sides.first else { return nil }
        func terms(_ sides: [(update: LowRankUpdate, label: String)]) throws -> ModuleTerms {
            ModuleTerms(
                name: name, weights: sides.map { _ in 1 },
                terms: sides.enumerated().map { position, side in
                    ModuleTerms.Term(
                        position: position, label: side.label, contentRoot: nil, update: side.update, weight: 1)
                }, layout: try SliceLayout(sides[0].update, module: name), dtype: .f32, verb: "compare")
        }
        func norms(_ sides: [(update: LowRankUpdate, label: String)]) throws -> (each: [Double], difference: Double) {
            let module = try terms(sides)
            try module.checkMemory(storesAll: false)
            return try module.describingErrors {
                var (each, differences) = ([[Double]](repeating: [], count: sides.count), [Double]())
                for slice in 0..<module.layout.count {
                    let updates = try module.updates(ofSlice: slice)
                    for (index, update) in updates.enumerated() { each[index].append(try update.norm()) }
                    let difference = updates.count == 2 ? try updates[0].subtracting(updates[1]) : updates[0]
                    differences.append(try difference.norm())
                }
                return (each.map { Matrix.norm($0[...]) }, Matrix.norm(differences[...]))
            }
        }
        if sides.count == 2, !sides[0].update.changesSameWeight(as: sides[1].update) {
            let each = try sides.map { try norms([$0]).each[0] }
            self.init(first: each[0], second: each[1], difference: nil)
        } else if sides.count == 2 {
            let result = try norms(sides)
            self.init(first: result.each[0], second: result.each[1], difference: result.difference)
        } else {
            let norm = try norms([side]).each[0]
            self.init(first: first == nil ? 0 : norm, second: first == nil ? norm : 0, difference: norm)
        }
    }

    /// The distance of two tensors, read in pieces; one that is missing counts as zeros.
    fileprivate init(_ first: Tensor?, _ second: Tensor?) throws {
        let count = (first ?? second)?.shape.elementCount ?? 0
        let areComparable = first == nil || second == nil || first?.shape == second?.shape
        var sums = [Matrix.RunningNorm](repeating: Matrix.RunningNorm(), count: 3)
        let piece = 1 << 18
        for start in stride(from: 0, to: max(count, second?.shape.elementCount ?? 0), by: piece) {
            func values(_ tensor: Tensor?) throws -> [Double] {
                guard let tensor, start < tensor.shape.elementCount else { return [] }
                return try tensor.doubles(in: start..<min(start + piece, tensor.shape.elementCount))
            }
            let (one, two) = (try values(first), try values(second))
            sums[0].add(one)
            sums[1].add(two)
            guard areComparable else { continue }
            // Equal values first: the difference of equal infinities is not a number.
            sums[2].add(
                one.isEmpty
                    ? two : two.isEmpty ? one : zip(one, two).map { $0 == $1 || $0.isNaN && $1.isNaN ? 0 : $0 - $1 })
        }
        self.init(first: sums[0].value, second: sums[1].value, difference: areComparable ? sums[2].value : nil)
    }
}

extension LowRankUpdate {
    /// What describes the update besides its values.
    fileprivate var description: MetadataValue {
        [
            "kind": .string("\(kind)"), "rank": MetadataValue(rank), "alpha": MetadataValue(alpha),
            "scalingRule": .string("\(scalingRule)"), "scaling": MetadataValue(scaling),
            "weight": .array(weightExtents.map { MetadataValue($0) }), "dtypeOfA": .string(a.dtype.description),
            "dtypeOfB": .string(b.dtype.description),
        ]
    }
}
