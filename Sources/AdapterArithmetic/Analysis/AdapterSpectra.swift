import Adapters
import ByteCoding
import LinearAlgebra
import Tensors

/// The singular values of all updates of one adapter.
public struct AdapterSpectra: Hashable, Sendable {
    /// The modules with a low-rank update, in the adapter's order.
    public let modules: [ModuleSpectrum]

    /// Creates spectra.
    public init(modules: [ModuleSpectrum]) {
        self.modules = modules
    }

    /// Some modules taken together as one block-diagonal ΔW.
    public struct Group: Hashable, Sendable {
        /// The number of modules.
        public let moduleCount: Int
        /// ‖ΔW‖_F of all together.
        public let frobeniusNorm: Double
        /// The largest singular value of any.
        public let spectralNorm: Double
        /// The mean of their stable ranks.
        public let meanStableRank: Double
        /// The mean of their effective ranks.
        public let meanEffectiveRank: Double

        init(_ modules: some Collection<ModuleSpectrum>) {
            func mean(_ value: KeyPath<ModuleSpectrum, Double>) -> Double {
                modules.isEmpty ? 0 : modules.reduce(0) { $0 + $1[keyPath: value] } / Double(modules.count)
            }
            moduleCount = modules.count
            frobeniusNorm = Matrix.norm(modules.map(\.frobeniusNorm)[...])
            spectralNorm = modules.map(\.spectralNorm).max() ?? 0
            meanStableRank = mean(\.stableRank)
            meanEffectiveRank = mean(\.effectiveRank)
        }
    }

    /// All modules.
    public var total: Group { Group(modules) }

    /// The modules of each layer, ascending; what is in no layer comes last.
    public var layers: [(layer: Int?, group: Group)] {
        Dictionary(grouping: modules, by: \.position.layer)
            .sorted { ($0.key ?? .max) < ($1.key ?? .max) }.map { ($0.key, Group($0.value)) }
    }

    /// The modules of each kind, ascending by name.
    public var kinds: [(kind: String, group: Group)] {
        Dictionary(grouping: modules, by: \.position.kind)
            .sorted { $0.key.precedesInUTF8($1.key) }.map { ($0.key, Group($0.value)) }
    }
}

extension AdapterSpectra {
    /// Computes the spectra from the factors, without forming ΔW.
    ///
    /// Only A and B count: magnitudes, biases and replaced weights have no part in ΔW.
    ///
    /// - Parameters:
    ///   - input: the adapter; its weight has no part in this.
    ///   - progress: told how many bytes of factors are done.
    /// - Throws: ``ArithmeticError`` with code `nonFinite`, `overflow` or `limitExceeded`; what reading throws.
    /// - Complexity: O((m + n)·r²) for each m × n weight of rank r.
    public init(of input: MergeInput, progress: @Sendable (Int) -> Void = { _ in }) throws {
        let modules = try ModuleTerms.common([input])
        self.modules = try Concurrent.map(modules) { module in
            try module.checkMemory(storesAll: false)
            let spectrum = try module.describingErrors {
                try (0..<module.layout.count).flatMap { slice in
                    try module.updates(ofSlice: slice)[0].spectrum().filter { $0 > 0 }
                }
            }
            progress(module.factorByteCount)
            return module.spectrum(spectrum)
        }
    }
}

extension ModuleTerms {
    /// What several adapters change, module by module, to be looked at: their weights as given, none left out.
    ///
    /// - Throws: ``ArithmeticError`` with code `shapeMismatch` when a module has different shapes.
    static func common(_ inputs: [MergeInput]) throws -> [ModuleTerms] {
        let updates = inputs.map { input in
            Dictionary(input.adapter.updates.map { ($0.name, $0.update) }, uniquingKeysWith: { first, _ in first })
        }
        let names = Set(updates.flatMap(\.keys)).sorted { $0.precedesInUTF8($1) }
        return try names.compactMap { name in
            let terms = zip(inputs, updates).enumerated().compactMap { position, element -> Term? in
                element.1[name].map { update in
                    Term(
                        position: position, label: element.0.label, contentRoot: element.0.contentRoot, update: update,
                        weight: element.0.weight(in: name))
                }
            }
            guard let first = terms.first else { return nil }
            for other in terms where !other.update.changesSameWeight(as: first.update) {
                throw ArithmeticError(
                    .shapeMismatch,
                    "Unable to inspect the module '\(name)': '\(first.label)' adapts a \(first.update.kind) weight of "
                        + "\(first.update.weightExtents), '\(other.label)' a \(other.update.kind) weight of "
                        + "\(other.update.weightExtents). Compare adapters of one base model.", module: name)
            }
            return ModuleTerms(
                name: name, weights: inputs.map { $0.weight(in: name) }, terms: terms,
                layout: try SliceLayout(first.update, module: name), dtype: .f32, verb: "inspect")
        }
    }

    /// A spectrum of the first term's update.
    func spectrum(_ values: [Double]) -> ModuleSpectrum {
        let update = terms[0].update
        return ModuleSpectrum(
            name: name, kind: update.kind, rows: layout.rows, columns: layout.columns, blockCount: layout.count,
            rank: update.rank / update.groupCount, values: values.sorted(by: >))
    }

    /// The size of all factors as they are stored.
    var factorByteCount: Int { terms.reduce(0) { $0 + $1.update.a.byteCount + $1.update.b.byteCount } }
}

extension LowRankUpdate {
    /// Whether both change a weight of the same kind and shape.
    func changesSameWeight(as other: LowRankUpdate) -> Bool {
        kind == other.kind && weightExtents == other.weightExtents && groupCount == other.groupCount
    }
}
