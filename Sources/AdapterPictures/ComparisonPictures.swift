package import AdapterArithmetic
package import Charts

/// The pictures of several adapters beside each other.
package struct ComparisonPictures: Sendable {
    private let comparison: AdapterComparison
    /// A table of more adapters than this cannot be read.
    private static let adapterLimit = 64

    /// Pictures of a comparison.
    package init(_ comparison: AdapterComparison) {
        self.comparison = comparison
    }

    /// All pictures that say something.
    package var all: [any Chart] { [cosines, overlaps, moduleCosines, signConflicts].compactMap(\.self) }

    /// The cosines of all pairs.
    package var cosines: HeatMap {
        let cosines = comparison.cosines
        return table("Cosines", "The cosine of the angle between the ΔW of each two adapters.", "cosine") {
            cosines[$0][$1]
        }
    }

    /// The overlaps of what the adapters write to, above the diagonal, and of what they read, below it.
    package var overlaps: HeatMap {
        let pairs = Dictionary(
            comparison.pairs.map { ([$0.first, $0.second], $0) }, uniquingKeysWith: { first, _ in first })
        return table(
            "Overlap of subspaces",
            "Above the diagonal the column spaces of ΔW, which outputs lie in, below it the row spaces, which inputs are read "
                + "from. 1 is the same space.", "overlap"
        ) { row, column in
            if row == column { return 1 }
            return row < column ? pairs[[row, column]]?.columnOverlap : pairs[[column, row]]?.rowOverlap
        }
    }

    /// The cosines of two adapters by kind of module and layer; nil for more than two.
    package var moduleCosines: HeatMap? {
        guard comparison.labels.count == 2 else { return nil }
        return HeatMap(
            title: "Cosine by module", summary: "The cosine of the angle between both ΔW, by kind of module and layer.",
            valueTitle: "cosine", limit: 1,
            modules: comparison.modules.compactMap { module in
                module.pairs.isEmpty ? nil : (module.name, module.cosines[0][1])
            })
    }

    /// The share of signs that conflict by kind of module and layer.
    package var signConflicts: HeatMap {
        HeatMap(
            title: "Sign conflicts",
            summary:
                "The share of elements of ΔW on whose sign the adapters do not agree, by kind of module and layer. Two "
                + "random adapters conflict in half of them.",
            valueTitle: "conflicts", limit: 1,
            modules: comparison.modules.compactMap { module in
                module.signConflict.map { (module.name, $0.rate) }
            })
    }

    private func table(
        _ title: String, _ summary: String, _ valueTitle: String, _ value: (Int, Int) -> Double?
    ) -> HeatMap {
        let shown = comparison.labels.indices.prefix(ComparisonPictures.adapterLimit)
        let labels = shown.map { comparison.labels[$0] }
        let cut = shown.count < comparison.labels.count ? " Only the first \(shown.count) adapters are drawn." : ""
        return HeatMap(
            title: title, summary: summary + cut, columnTitle: "adapter", rows: labels, columns: labels,
            values: shown.map { row in shown.map { value(row, $0) } }, valueTitle: valueTitle, limit: 1,
            showsValues: shown.count <= 16)
    }
}

extension LineChart {
    /// How much of a merge's result each rank keeps, a line for each method.
    package init(_ profiles: [EnergyProfile]) {
        self.init(
            title: "Energy kept by rank",
            summary: "The share of ‖ΔW‖² of the result that an adapter of each rank can keep, a line for each method.",
            xTitle: "rank", yTitle: "share of ‖ΔW‖²", xScale: .logarithmic, includesZero: true,
            xTicks: profiles.first?.ranks.map(Double.init),
            series: profiles.map { profile in
                Series(
                    profile.method.rawValue, points: zip(profile.ranks, profile.kept).map { (Double($0), $1) })
            })
    }
}
