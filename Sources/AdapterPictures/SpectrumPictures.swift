package import AdapterArithmetic
package import Adapters
package import Charts

/// The pictures of an adapter's updates.
package struct SpectrumPictures: Sendable {
    private let spectra: AdapterSpectra
    /// At most so many values of a spectrum are drawn.
    private static let valueLimit = 128
    /// At most so many spectra are drawn.
    private static let lineLimit = 600

    /// Pictures of spectra.
    package init(_ spectra: AdapterSpectra) {
        self.spectra = spectra
    }

    /// ‖ΔW‖ by kind of module and layer.
    package var norms: HeatMap {
        map("Size of the update", "Frobenius norm of ΔW by kind of module and layer.", "‖ΔW‖", \.frobeniusNorm)
    }

    /// The effective ranks by kind of module and layer.
    package var effectiveRanks: HeatMap {
        map(
            "Effective rank",
            "How many directions each update really uses, by kind of module and layer (Roy and Vetterli).",
            "effective rank", \.effectiveRank)
    }

    /// The ranks of the factors by kind of module and layer.
    package var ranks: HeatMap {
        HeatMap(
            title: "Rank", summary: "The rank that the factors have room for, by kind of module and layer.",
            valueTitle: "rank", modules: spectra.modules.map { ($0.name, Double($0.rank)) })
    }

    /// The singular values of each update, relative to the largest.
    package var values: LineChart {
        let shown = spectra.modules.prefix(SpectrumPictures.lineLimit)
        let names = ModulePosition.shortNames(ofKinds: shown.map(\.position.kind))
        let cut = shown.count < spectra.modules.count ? " Only the first \(shown.count) modules are drawn." : ""
        return LineChart(
            title: "Singular values",
            summary: "A line for each module: its singular values over the largest one. Steep lines need little rank."
                + cut,
            xTitle: "singular value", yTitle: "σ / σ₁", yScale: .logarithmic,
            countsX: true,
            series: shown.map { module in
                LineChart.Series(
                    names[module.position.kind] ?? module.position.kind, style: shown.count > 24 ? .thin : .line,
                    points: module.values.prefix(SpectrumPictures.valueLimit).enumerated().map {
                        (Double($0 + 1), $1 / module.spectralNorm)
                    }, note: module.name)
            }.sorted { $0.name < $1.name })
    }

    private func map(
        _ title: String, _ summary: String, _ valueTitle: String, _ value: KeyPath<ModuleSpectrum, Double>
    ) -> HeatMap {
        HeatMap(
            title: title, summary: summary, valueTitle: valueTitle,
            modules: spectra.modules.map { ($0.name, $0[keyPath: value]) })
    }
}

extension HeatMap {
    /// What a computed adapter lost, by kind of module and layer.
    package init(_ certificate: ErrorCertificate) {
        self.init(
            title: "Merge error",
            summary:
                "The distance to the exact result over its norm, truncation and rounding together, by kind of module "
                + "and layer.",
            valueTitle: "relative error",
            modules: certificate.modules.map { module in
                let (truncation, rounding) = (module.relativeTruncationError, module.relativeRoundingError)
                return (module.name, (truncation * truncation + rounding * rounding).squareRoot())
            })
    }

    /// How far apart two adapters are, by kind of module and layer.
    package init(_ difference: AdapterDifference) {
        self.init(
            title: "Difference of the updates",
            summary:
                "‖ΔW_A − ΔW_B‖ over the larger of both norms, by kind of module and layer. Updates of different shapes "
                + "have no difference.",
            valueTitle: "relative difference",
            modules: difference.modules.compactMap { module in
                guard let update = module.update, update.difference != nil else { return nil }
                return (module.name, update.relative)
            })
    }
}
