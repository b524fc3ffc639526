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
        if !combinations.contains(method), !compat.contains(method) || method.rawValue.hasSuffix("svd") {
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

    @Test(arguments: elements + cores.filter { $0 != .iso } + [.multislerp, .karcher] + compat)
    func `One adapter with weight 1 stays what it is`(method: MergeMethod) throws {
        // Nothing is dropped at density 1; a mean of singular values is another matter.
        let options = Self.options(method, density: 1)
        for seed in Self.seeds {
            let inputs = try Self.inputs(seed, [1])
            let distance = largestDistance(try Self.dense(inputs, options), try inputs[0].adapter.dense())
            #expect(distance < 2e-6, "\(distance), seed \(seed)")
        }
    }

    @Test(arguments: ofChanges.filter { ![.slerp, .nuslerp].contains($0) })
    func `The order of the inputs does not matter`(method: MergeMethod) throws {
        for seed in Self.seeds {
            let inputs = try Self.inputs(seed, Self.weights(method))
            let options = Self.options(method)
            let reference = try Self.dense(inputs, options)
            for order in [[2, 0, 1], [1, 0, 2]] {
                let distance = largestDistance(try Self.dense(order.map { inputs[$0] }, options), reference)
                #expect(distance < 1e-5, "\(distance), seed \(seed)")
            }
        }
    }

    @Test(arguments: ofChanges)
    func `Opposite adapters give the opposite`(method: MergeMethod) throws {
        for seed in Self.seeds {
            let inputs = try Self.inputs(seed, Self.weights(method))
            var opposite = inputs
            for index in inputs.indices {
                opposite[index].adapter = try Merge.merge([
                    MergeInput(adapter: inputs[index].adapter, weight: -1, label: "")
                ]).adapter
            }
            let options = Self.options(method)
            let reference = try Self.dense(inputs, options).mapValues { $0.map { -$0 } }
            #expect(largestDistance(try Self.dense(opposite, options), reference) < 1e-5, "seed \(seed)")
        }
    }

    @Test(arguments: ofChanges, [1e-3, 64])
    func `Scaled adapters give the scaled result`(method: MergeMethod, factor: Double) throws {
        for seed in Self.seeds {
            let inputs = try Self.inputs(seed, Self.weights(method))
            var scaled = inputs
            for index in inputs.indices {
                scaled[index].adapter = try Merge.merge([
                    MergeInput(adapter: inputs[index].adapter, weight: factor, label: "")
                ]).adapter
            }
            let options = Self.options(method)
            let reference = try Self.dense(inputs, options).mapValues { $0.map { factor * $0 } }
            let distance = largestDistance(try Self.dense(scaled, options), reference)
            #expect(distance < 1e-5, "\(distance), seed \(seed)")
        }
    }

    @Test(arguments: ofChanges.filter { ![.coreSpace].contains($0) })
    func `Only ΔW counts, not how it is factored`(method: MergeMethod) throws {
        for seed in Self.seeds {
            let inputs = try Self.inputs(seed, Self.weights(method))
            var others = inputs
            for index in inputs.indices {
                // A decomposition at full rank gives other factors of the same product.
                others[index].adapter = try Merge.merge(
                    [MergeInput(adapter: inputs[index].adapter, label: "")],
                    options: MergeOptions(method: .exact, energy: 1, dtype: .f32)
                ).adapter
            }
            let options = Self.options(method)
            let distance = largestDistance(try Self.dense(others, options), try Self.dense(inputs, options))
            #expect(distance < 1e-4, "\(distance), seed \(seed)")
        }
    }

    @Test(arguments: [MergeMethod.dareLinear, .magnitudePrune, .dellaLinear, .breadcrumbs])
    func `What adds is linear in the weights`(method: MergeMethod) throws {
        let (first, second) = ([0.7, -1.9, 0.4], [2, 0.5, -0.1])
        let inputs = try Self.inputs(41, first)
        func result(_ weights: [Double]) throws -> [String: Dense] {
            var weighted = inputs
            for index in weights.indices { weighted[index].weight = weights[index] }
            return try Self.dense(weighted, Self.options(method))
        }
        let sum = weightedSum([(1, try result(first)), (1, try result(second))])
        #expect(largestDistance(try result(zip(first, second).map { $0 + $1 }), sum) < 1e-5)
        let doubled = try result(first.map { 2 * $0 })
        #expect(largestDistance(doubled, weightedSum([(2, try result(first))])) < 1e-5)
    }

    @Test(arguments: [MergeMethod.magnitudePrune, .dareLinear, .breadcrumbs, .dellaLinear, .iso])
    func `An adapter minus itself is nothing`(method: MergeMethod) throws {
        var inputs = try Self.inputs(42, [1, -1])
        inputs[1].adapter = inputs[0].adapter
        inputs[1].contentRoot = inputs[0].contentRoot
        for (name, values) in try Self.dense(inputs, Self.options(method)) {
            #expect(values.allSatisfy { $0 == 0 }, "\(name)")
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
