import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

@Suite struct SpectrumTests {
    @Test func `spectra, norms and ranks equal NumPy's of the dense matrices`() throws {
        let adapters = try required(AnalysisOracle.cases.get()["spectra"]?.map, "spectra")
        #expect(adapters.count == 9)
        for (name, modules) in adapters {
            let spectra = try AdapterSpectra(of: AnalysisOracle.input(name))
            #expect(Set(spectra.modules.map(\.name)) == Set(try required(modules.map, name).keys), "\(name)")
            for module in spectra.modules {
                let expected = try required(modules[module.name], module.name)
                let values = try AnalysisOracle.numbers(expected["values"])
                #expect(agree(module.values, values, 1e-10), "\(name) \(module.name) \(module.values) \(values)")
                #expect(module.numericalRank == values.count)
                for (key, value) in [
                    ("frobeniusNorm", module.frobeniusNorm), ("spectralNorm", module.spectralNorm),
                    ("stableRank", module.stableRank), ("effectiveRank", module.effectiveRank),
                    ("rank90", Double(module.rank(keeping: 0.9))),
                ] {
                    #expect(
                        agree(value, try AnalysisOracle.number(expected, key), 1e-9), "\(name) \(module.name) \(key)")
                }
            }
        }
    }

    @Test(arguments: [UInt64.random(in: 0 ... .max), 3])
    func `signs, scales and orders of the factors do what they must`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let sample = Sample(out: 20, input: 15, rank: 4)
        let update = try sample.update(using: &generator)
        func spectrum(_ a: [Double], _ b: [Double], alpha: Double = sample.alpha) throws -> ModuleSpectrum {
            let update = try LowRankUpdate(
                kind: .linear, a: tensor(a, [4, 15]), b: tensor(b, [20, 4]), rank: 4, alpha: alpha,
                scalingRule: .alphaOverRank)
            let adapter = try Adapter(base: BaseModel(), modules: [AdaptedModule(name: "layers.2.q", update: update)])
            return try AdapterSpectra(of: MergeInput(adapter: adapter, label: "x")).modules[0]
        }
        let (a, b) = (try update.a.doubles(), try update.b.doubles())
        let plain = try spectrum(a, b)
        #expect(agree(plain.frobeniusNorm, norm(try update.dense()), 1e-12), "seed \(seed)")
        #expect(agree(try spectrum(a.map { -$0 }, b).values, plain.values, 1e-12))
        #expect(agree(try spectrum(a, b, alpha: 3 * sample.alpha).values, plain.values.map { 3 * $0 }, 1e-12))
        // The ranks' order: rows of A and columns of B change places.
        let order = [2, 0, 3, 1]
        let permutedA = order.flatMap { a[15 * $0..<15 * ($0 + 1)] }
        let permutedB = (0..<20).flatMap { row in order.map { b[4 * row + $0] } }
        let permuted = try spectrum(permutedA, permutedB)
        #expect(agree(permuted.values, plain.values, 1e-12))
        #expect(agree(permuted.effectiveRank, plain.effectiveRank, 1e-10))
        #expect(plain.stableRank >= 1 && plain.stableRank <= plain.effectiveRank + 1e-9 && plain.effectiveRank <= 4)
        #expect(plain.position == ModulePosition(of: "layers.7.q").withLayer(2))
    }

    @Test func `an update of zeros has no ranks and no norm`() throws {
        let update = try LowRankUpdate(
            kind: .linear, a: tensor([1, 2, 3, 4], [2, 2]), b: tensor([0, 0, 0, 0], [2, 2]), rank: 2, alpha: 1,
            scalingRule: .alphaOverRank)
        let adapter = try Adapter(base: BaseModel(), modules: [AdaptedModule(name: "q", update: update)])
        let module = try AdapterSpectra(of: MergeInput(adapter: adapter, label: "x")).modules[0]
        #expect(module.values.isEmpty && module.stableRank == 0 && module.effectiveRank == 0)
        #expect(module.spectralNorm == 0 && module.frobeniusNorm == 0 && module.rank(keeping: 0.9) == 0)
    }

    @Test func `groups are block-diagonal`() throws {
        var generator = SeededGenerator(seed: 5)
        let samples = (0..<3).flatMap { layer in
            ["q", "mlp.up"].map { Sample(name: "model.layers.\(layer).\($0)", out: 8, input: 6, rank: 2 + layer) }
        }
        let adapter = try sampleAdapter(samples + [Sample(name: "head", out: 5, input: 4)], using: &generator)
        let spectra = try AdapterSpectra(of: MergeInput(adapter: adapter, label: "x"))
        #expect(spectra.layers.map(\.layer) == [0, 1, 2, nil])
        #expect(spectra.kinds.map(\.kind) == ["head", "model.layers.*.mlp.up", "model.layers.*.q"])
        let all = norm(try adapter.dense().values.flatMap(\.self))
        #expect(agree(spectra.total.frobeniusNorm, all, 1e-12))
        let layers = spectra.layers.map(\.group.frobeniusNorm)
        #expect(agree(norm(layers), all, 1e-12))
        #expect(spectra.total.moduleCount == 7)
    }

    @Test func `a diverged adapter is named`() throws {
        let update = try LowRankUpdate(
            kind: .linear, a: tensor([.infinity, 2], [1, 2]), b: tensor([1, 1], [2, 1]), rank: 1, alpha: 1,
            scalingRule: .alphaOverRank)
        let adapter = try Adapter(base: BaseModel(), modules: [AdaptedModule(name: "bad.q", update: update)])
        let error = failure { try AdapterSpectra(of: MergeInput(adapter: adapter, label: "team/x:v1")) }
        #expect(error?.code == .nonFinite)
        #expect(error?.message.hasPrefix("Unable to inspect 'team/x:v1': A of the module 'bad.q'") == true)
    }

    @Test func `layers and kinds come from names`() {
        let names: [(String, Int?, String)] = [
            ("model.layers.12.self_attn.q_proj", 12, "model.layers.*.self_attn.q_proj"),
            ("lm_head", nil, "lm_head"), ("", nil, ""), ("h.0", 0, "h.*"), ("a..1.2.b", 1, "a..*.2.b"),
            ("x.99999999999999999999.y", nil, "x.99999999999999999999.y"), ("v1.2", 2, "v1.*"), ("é.٣.q", nil, "é.٣.q"),
        ]
        for (name, layer, kind) in names {
            let position = ModulePosition(of: name)
            #expect(position.layer == layer && position.kind == kind, "\(name)")
        }
        let short = ModulePosition.shortNames(ofKinds: [
            "model.layers.*.self_attn.o_proj", "model.layers.*.cross.o_proj", "model.layers.*.mlp.up", "head", "x.head",
        ])
        #expect(short["model.layers.*.self_attn.o_proj"] == "self_attn.o_proj")
        #expect(short["model.layers.*.cross.o_proj"] == "cross.o_proj")
        #expect(short["model.layers.*.mlp.up"] == "up" && short["x.head"] == "x.head" && short["head"] == "head")
    }
}

extension ModulePosition {
    /// The same kind in another layer.
    fileprivate func withLayer(_ layer: Int) -> ModulePosition {
        ModulePosition(of: kind.replacing("*", with: String(layer)))
    }
}
