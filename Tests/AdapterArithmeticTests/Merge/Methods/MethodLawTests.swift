import AdapterArithmetic
import AdapterTesting
import Adapters
import Integrity
import Tensors
import Testing

/// Laws that every method obeys for which they make sense, on random adapters; ΔW is compared, never the factors.
@Suite struct MethodLawTests {
    /// Methods without parameters of their own.
    static let combinations: [MergeMethod] = [.slerp, .nuslerp, .multislerp, .karcher, .modelStock]
    static let elements: [MergeMethod] = [
        .ties, .dareLinear, .dareTIES, .magnitudePrune, .della, .dellaLinear, .breadcrumbs, .breadcrumbsTIES, .sce,
    ]
    static let cores: [MergeMethod] = [.knotsTIES, .knotsDARE, .coreSpace, .tsv, .iso, .compressThenMerge]
    static let compat: [MergeMethod] = [
        .compatLinear, .compatTIES, .compatDARELinear, .compatDARETIES, .compatMagnitudePrune, .compatTIESSVD,
        .compatDARELinearSVD, .compatDARETIESSVD, .compatMagnitudePruneSVD,
    ]
    static let ofChanges = combinations + elements + cores
    static let onFactors = compat.filter { !$0.rawValue.hasSuffix("svd") }

    static func inputs(_ seed: UInt64, _ weights: [Double], scale: Double = 1, rank: Int? = nil) throws -> [MergeInput]
    {
        var generator = SeededGenerator(seed: seed)
        return try weights.enumerated().map { index, weight in
            let samples = [
                Sample(
                    name: "linear", out: 14, input: 11, rank: rank ?? 2 + index % 3, alpha: 3 - Double(index),
                    scale: scale),
                Sample(name: "conv", kind: .convolution, out: 6, input: 3, rank: rank ?? 2, alpha: 1, scale: scale),
                Sample(name: "experts", kind: .experts, out: 7, input: 6, rank: rank ?? 2, alpha: 4, scale: scale),
            ]
            return MergeInput(
                adapter: try sampleAdapter(samples, using: &generator), weight: weight, label: "\(index)",
                contentRoot: SHA256.hash([UInt8(index)]))
        }
    }

    /// Options under which nothing is cut off.
    static func options(_ method: MergeMethod, density: Double? = nil) -> MergeOptions {
        var options = MergeOptions(method: method, density: density, dtype: .f32)
        if code({ try options.check() }) == .invalidOption { options.density = nil }
        if method != .cat, !combinations.contains(method), !compat.contains(method) || method.rawValue.hasSuffix("svd")
        {
            options.rank = 14
        }
        return options
    }

    static func dense(_ inputs: [MergeInput], _ options: MergeOptions) throws -> [String: Dense] {
        try Merge.merge(inputs, options: options).adapter.dense()
    }

    static let seeds: [UInt64] = [.random(in: 0 ... .max), 31]

    /// Weights that a method takes.
    static func weights(_ method: MergeMethod) -> [Double] {
        switch method {
        case .slerp, .nuslerp: [0.3, 0.7]
        case .modelStock, .sce: [1, 1, 1]
        default: [0.7, 1.9, 0.4]
        }
    }

    /// Inputs that a method takes: PEFT's own on factors need equal ranks.
    static func inputs(_ seed: UInt64, for method: MergeMethod, scale: Double = 1) throws -> [MergeInput] {
        try inputs(seed, weights(method), scale: scale, rank: onFactors.contains(method) ? 2 : nil)
    }

    /// The adapter with its effect multiplied, and the same identity: masks are keyed by it.
    static func scaled(_ input: MergeInput, by factor: Double) throws -> MergeInput {
        var input = input
        input.adapter = try Merge.merge([MergeInput(adapter: input.adapter, weight: factor, label: "")]).adapter
        return input
    }

    /// A method, with what merges its cores.
    struct Rule: Sendable, CustomStringConvertible {
        let method: MergeMethod
        var inner: MergeMethod?
        var description: String { inner.map { "\(method.rawValue) with \($0.rawValue)" } ?? method.rawValue }

        func options(density: Double? = nil) -> MergeOptions {
            var options = MethodLawTests.options(method, density: density)
            options.inner = inner
            return options
        }

        static func all(_ methods: [MergeMethod]) -> [Rule] { methods.map { Rule(method: $0) } }
        static let addingCores = [
            Rule(method: .coreSpace, inner: .exact), Rule(method: .compressThenMerge, inner: .exact),
        ]
    }

    @Test(arguments: elements + cores.filter { $0 != .iso } + [.multislerp, .karcher])
    func `One adapter with weight 1 stays what it is`(method: MergeMethod) throws {
        // Nothing is dropped at density 1; a mean of singular values is another matter.
        let options = Self.options(method, density: 1)
        for seed in Self.seeds {
            let inputs = try Self.inputs(seed, [1])
            let distance = largestDistance(try Self.dense(inputs, options), try inputs[0].adapter.dense())
            #expect(distance < 2e-6, "\(distance), seed \(seed)")
        }
    }

    @Test(arguments: compat)
    func `One adapter beside one of zeros stays what it is`(method: MergeMethod) throws {
        // Alone it would not even meet the method.
        let options = Self.options(method, density: 1)
        for seed in Self.seeds {
            var inputs = try Self.inputs(seed, [1, 1], rank: 2)
            inputs[1].adapter = try Adapter(
                base: inputs[1].adapter.base,
                modules: inputs[1].adapter.updates.map { name, update in
                    func zeros(_ tensor: Tensor) throws -> Tensor {
                        try AdapterArithmeticTests.tensor(
                            [Double](repeating: 0, count: tensor.shape.elementCount), tensor.shape.extents)
                    }
                    // On factors an A without a B would leave cross terms.
                    let a = Self.onFactors.contains(method) ? try zeros(update.a) : update.a
                    return try AdaptedModule(
                        name: name,
                        update: LowRankUpdate(
                            kind: update.kind, a: a, b: zeros(update.b), rank: update.rank, alpha: update.alpha,
                            scalingRule: update.scalingRule))
                })
            let distance = largestDistance(try Self.dense(inputs, options), try inputs[0].adapter.dense())
            #expect(distance < 2e-6, "\(distance), seed \(seed)")
        }
    }

    @Test(arguments: ofChanges + compat)
    func `The order of the inputs does not matter`(method: MergeMethod) throws {
        for seed in Self.seeds {
            // As they are given: what identities decide beyond this is another matter.
            var options = Self.options(method)
            options.order = .given
            let inputs = try Self.inputs(seed, for: method)
            let reference = try Self.dense(inputs, options)
            for order in inputs.count == 2 ? [[1, 0]] : [[2, 0, 1], [1, 0, 2]] {
                let distance = largestDistance(try Self.dense(order.map { inputs[$0] }, options), reference)
                #expect(distance < 1e-5, "\(distance), seed \(seed)")
            }
        }
    }

    @Test(arguments: ofChanges + [.cat, .exact])
    func `Inputs of known identity give the same bits in any order`(method: MergeMethod) throws {
        for (seed, factors) in [(Self.seeds[0], [:]), (31, ["linear": 0.3, "conv": -2, "experts": 0])] {
            var inputs = try Self.inputs(seed, for: method)
            // Not where only equal weights are defined.
            if ![.modelStock, .sce].contains(method) { inputs[1].factors = factors }
            let options = Self.options(method)
            func bytes(_ order: [Int]) throws -> [String: [[UInt8]]] {
                let result = try Merge.merge(order.map { inputs[$0] }, options: options).adapter
                return try Dictionary(
                    uniqueKeysWithValues: result.updates.map {
                        ($0.name, [try $0.update.a.bytes(), try $0.update.b.bytes()])
                    })
            }
            let reference = try bytes(Array(inputs.indices))
            #expect(reference.count == 3)
            for order in inputs.count == 2 ? [[1, 0]] : [[2, 0, 1], [1, 0, 2], [2, 1, 0]] {
                #expect(try bytes(order) == reference, "\(order), seed \(seed)")
            }
        }
    }

    @Test(arguments: ofChanges + compat)
    func `Opposite adapters give the opposite`(method: MergeMethod) throws {
        for seed in Self.seeds {
            let inputs = try Self.inputs(seed, for: method)
            let opposite = try inputs.map { try Self.scaled($0, by: -1) }
            let options = Self.options(method)
            let reference = try Self.dense(inputs, options).mapValues { $0.map { -$0 } }
            #expect(largestDistance(try Self.dense(opposite, options), reference) < 1e-5, "seed \(seed)")
        }
    }

    @Test(arguments: ofChanges + compat, [1e-3, 64])
    func `Scaled adapters give the scaled result`(method: MergeMethod, factor: Double) throws {
        for seed in Self.seeds {
            let inputs = try Self.inputs(seed, for: method)
            let scaled = try inputs.map { try Self.scaled($0, by: factor) }
            let options = Self.options(method)
            let reference = try Self.dense(inputs, options).mapValues { $0.map { factor * $0 } }
            let distance = largestDistance(try Self.dense(scaled, options), reference)
            #expect(distance < 1e-5, "\(distance), seed \(seed)")
        }
    }

    @Test(
        arguments: Rule.all(ofChanges.filter { $0 != .coreSpace } + compat.filter { !onFactors.contains($0) })
            + Rule.addingCores)
    func `Only ΔW counts, not how it is factored`(rule: Rule) throws {
        for seed in Self.seeds {
            let inputs = try Self.inputs(seed, Self.weights(rule.method))
            var others = inputs
            for index in inputs.indices {
                // A decomposition at full rank gives other factors of the same product.
                others[index].adapter = try Merge.merge(
                    [MergeInput(adapter: inputs[index].adapter, label: "")],
                    options: MergeOptions(method: .exact, energy: 1, dtype: .f32)
                ).adapter
            }
            let options = rule.options()
            let distance = largestDistance(try Self.dense(others, options), try Self.dense(inputs, options))
            #expect(distance < 1e-4, "\(distance), seed \(seed)")
        }
    }

    @Test(
        arguments: Rule.all([
            .dareLinear, .magnitudePrune, .dellaLinear, .breadcrumbs, .tsv, .compatDARELinearSVD,
            .compatMagnitudePruneSVD,
        ]) + Rule.addingCores)
    func `What adds is linear in the weights`(rule: Rule) throws {
        let (first, second) = ([0.7, -1.9, 0.4], [2, 0.5, -0.1])
        let inputs = try Self.inputs(41, first)
        func result(_ weights: [Double]) throws -> [String: Dense] {
            var weighted = inputs
            for index in weights.indices { weighted[index].weight = weights[index] }
            return try Self.dense(weighted, rule.options())
        }
        let sum = weightedSum([(1, try result(first)), (1, try result(second))])
        #expect(largestDistance(try result(zip(first, second).map { $0 + $1 }), sum) < 1e-5)
        let doubled = try result(first.map { 2 * $0 })
        #expect(largestDistance(doubled, weightedSum([(2, try result(first))])) < 1e-5)
    }

    static let cancelling =
        Rule.all([
            .magnitudePrune, .dareLinear, .breadcrumbs, .dellaLinear, .iso, .tsv, .compatLinear, .compatDARELinear,
            .compatMagnitudePrune, .compatDARELinearSVD, .compatMagnitudePruneSVD,
        ]) + Rule.addingCores

    @Test(arguments: cancelling)
    func `An adapter minus itself is nothing`(rule: Rule) throws {
        let input = try Self.inputs(42, [1])[0]
        var opposite = input
        opposite.weight = -1
        try expectNothing([input, opposite], rule.options(), beside: input.adapter)
    }

    // The others do not add: TIES and its kin elect one of two signs that are as strong, and the Karcher mean of two
    // opposite directions is any direction between them. Where only shares of weights count, weights cannot cancel.
    @Test(arguments: cancelling + Rule.all([.slerp, .nuslerp, .multislerp, .modelStock]))
    func `An adapter and its opposite are nothing`(rule: Rule) throws {
        let input = try Self.inputs(45, [1])[0]
        try expectNothing([input, Self.scaled(input, by: -1)], rule.options(), beside: input.adapter)
    }

    private func expectNothing(_ inputs: [MergeInput], _ options: MergeOptions, beside adapter: Adapter) throws {
        let (result, whole) = (try Self.dense(inputs, options), try adapter.dense())
        try #require(Set(result.keys) == Set(whole.keys) && result.count == 3)
        for (name, values) in result {
            let left = norm(values) / norm(whole[name] ?? [])
            #expect(Self.elements.contains(options.method) ? left == 0 : left < 1e-7, "\(name): \(left)")
        }
    }

    @Test(
        arguments: Rule.all(
            combinations + [.ties, .della, .sce, .knotsTIES, .coreSpace, .compatTIES, .compatTIESSVD])
            + [Rule(method: .coreSpace, inner: .sce), Rule(method: .compressThenMerge, inner: .ties)])
    func `An adapter merged with itself is itself`(rule: Rule) throws {
        // They all take a mean, and at a density of 1 nothing is dropped.
        var options = rule.options(density: 1)
        if [.coreSpace, .compressThenMerge].contains(rule.method) { options.density = 1 }
        let equal = [.modelStock, .sce, .compatTIES, .compatTIESSVD].contains(rule.method) || rule.inner == .sce
        for seed in Self.seeds {
            let inputs = try Self.inputs(seed, equal ? [1, 1] : [0.3, 0.7])
            var twin = inputs[0]
            twin.weight = inputs[1].weight
            let distance = largestDistance(
                try Self.dense([inputs[0], twin], options), try inputs[0].adapter.dense())
            #expect(distance < 2e-6, "\(distance), seed \(seed)")
        }
    }

    @Test(arguments: [MergeMethod.coreSpace, .compressThenMerge])
    func `Cores that are added lose nothing`(method: MergeMethod) throws {
        let inputs = try Self.inputs(43, [0.7, -1.9, 0.4])
        var options = Self.options(method)
        options.inner = .exact
        let sum = weightedSum(try inputs.map { ($0.weight, try $0.adapter.dense()) })
        let result = try Merge.merge(inputs, options: options)
        #expect(largestDistance(try result.adapter.dense(), sum) < 1e-6)
        #expect(try result.certificate().relativeTruncationError < 1e-12)
    }

    @Test(arguments: [-0.5, 0, 0.25, 1, 1.5])
    func `The ends of the great circle are the adapters`(position: Double) throws {
        let inputs = try Self.inputs(44, [1, 1])
        let result = try Interpolate.interpolate(
            inputs[0].adapter, inputs[1].adapter, at: position, along: .slerp)
        if position == 0 || position == 1 {
            let end = inputs[Int(position)].adapter
            try #require(result.adapter.updates.map(\.name) == end.updates.map(\.name) && !end.updates.isEmpty)
            for (one, other) in zip(result.adapter.updates, end.updates) {
                #expect(try one.update.a.bytes() == other.update.a.bytes())
                #expect(try one.update.b.bytes() == other.update.b.bytes())
                #expect(one.update.scaling == other.update.scaling)
            }
        }
        let near = try Interpolate.interpolate(
            inputs[0].adapter, inputs[1].adapter, at: position + 1e-9, along: .slerp)
        #expect(largestDistance(try near.adapter.dense(), try result.adapter.dense()) < 1e-6)
    }
}
