import AdapterArithmetic
import AdapterPictures
import AdapterTesting
import AdapterTraining
import Adapters
import ByteCoding
import Charts
import Foundation
import Testing

@Suite struct PictureTests {
    @Test func `a map has a row for each kind of module and a column for each layer`() {
        let modules = [
            ("model.layers.0.self_attn.q_proj", 1.0), ("model.layers.2.self_attn.q_proj", 2),
            ("model.layers.0.mlp.up", 3),
            ("lm_head", 4), ("model.layers.02.mlp.up", 5), ("model.layers.2.mlp.up", 4.5),
        ]
        let map = HeatMap(
            title: "t", summary: "s", valueTitle: "v", modules: modules.map { (name: $0.0, value: $0.1) })
        let svg = map.svg()
        for cell in [
            "q_proj, layer 0: 1", "q_proj, layer 2: 2", "up, layer 0: 3", "lm_head, layer –: 4",
            "up, layer 2: 5",
        ] {
            #expect(svg.contains("<title>\(cell)</title>"), "\(cell)")
        }
        // Places without a module are empty: 3 kinds in 3 columns, 5 of them taken.
        #expect(svg.components(separatedBy: "class=\"missing\"").count - 1 == 4)
    }

    @Test func `spectra, comparisons and energies are drawn`() throws {
        let adapters = try (0..<3).map { try SampleAdapters.plain(seed: UInt64($0), moduleCount: 4, rank: 3) }
        let inputs = adapters.enumerated().map { MergeInput(adapter: $1, label: "team/\($0):v1") }
        let spectra = SpectrumPictures(try AdapterSpectra(of: inputs[0]))
        #expect(spectra.norms.svg().contains("q_proj, layer 3: "))
        #expect(spectra.values.svg().components(separatedBy: "<polyline").count - 1 == 4)
        #expect(spectra.ranks.svg().contains("q_proj, layer 0: 3"))
        #expect(spectra.effectiveRanks.svg().contains("effective rank"))
        let pictures = ComparisonPictures(try AdapterComparison(of: inputs))
        #expect(pictures.all.count == 3 && pictures.moduleCosines == nil)
        #expect(pictures.cosines.svg().contains("team/0:v1, adapter team/0:v1: 1.00"))
        let two = ComparisonPictures(try AdapterComparison(of: Array(inputs.prefix(2))))
        #expect(two.all.count == 4)
        let profile = try EnergyProfile(of: inputs, options: MergeOptions(), ranks: [1, 2, 4, 8])
        #expect(LineChart([profile]).svg().contains(">exact</text>"))
    }

    @Test func `losses are drawn with gaps where a run diverged`() throws {
        let document: MetadataValue = [
            "step": [1, 2, 3, 4, 5], "loss": [2.0, 1.5, .double(.nan), 1.25, 1.0], "learning_rate": [1, 1, 1, 1, 1],
            "grad_norm": [1, 1, 1, 1, 1], "learned_tokens": [1, 1, 1, 1, 1], "tokens": [1, 1, 1, 1, 1],
            "eval_step": [0, 5], "eval_loss": [2.5, 1.1],
        ]
        let svg = LineChart(try #require(TrainingRecord(document: document))).svg()
        #expect(
            svg.contains("The loss goes from 2.0000 to 1.0000 in 5 steps. The best validation is 1.1000 at step 5."))
        #expect(
            svg.components(separatedBy: "<polyline").count == 3 && svg.components(separatedBy: "<circle").count == 3)
    }
}
