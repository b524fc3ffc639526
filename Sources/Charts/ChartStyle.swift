/// The looks of charts, by class, in light and dark.
///
/// Plain rules and no variables, so that programs that know little of CSS show the light colours. The colours of lines are
/// Okabe and Ito's, which the colour-blind can tell apart; in the dark they are lighter.
package enum ChartStyle {
    /// The number of colours of lines.
    static let colorCount = 8

    /// The rules for pages that hold charts.
    package static let css = """
        .chart{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:#1f2328}
        .chart text{fill:currentColor}
        .chart .heading{font-size:15px;font-weight:600}
        .chart .muted{fill:#59636e}
        .chart .inverse{fill:#fff}
        .chart .grid{stroke:#e1e6eb}
        .chart .axis{stroke:#8c959f}
        .chart .cell{fill:#0550ae}
        .chart .negative{fill:#bc4c00}
        .chart .missing{fill:#f2f4f6}
        .chart .bar{fill:#0072b2}
        .chart .node{fill:#f6f8fa;stroke:#8c959f}
        .chart .focus{fill:#ddf4ff;stroke:#0969da;stroke-width:2}
        .chart .absent{fill:none;stroke:#8c959f;stroke-dasharray:4 3}
        .chart .edge{fill:none;stroke:#8c959f;stroke-width:1.5}
        .chart .tip{fill:#8c959f}
        .chart .plate{fill:#fff;fill-opacity:.85}
        .chart .line{fill:none;stroke-width:2;stroke-linejoin:round}
        .chart .thin{fill:none;stroke-width:1;stroke-opacity:.45;stroke-linejoin:round}
        \(rules(light))
        @media (prefers-color-scheme:dark){
        .chart{color:#e6edf3}
        .chart .muted{fill:#9198a1}
        .chart .inverse{fill:#0d1117}
        .chart .grid{stroke:#262c36}
        .chart .axis{stroke:#656c76}
        .chart .cell{fill:#79c0ff}
        .chart .negative{fill:#ffa657}
        .chart .missing{fill:#161b22}
        .chart .bar{fill:#56b4e9}
        .chart .node{fill:#161b22;stroke:#656c76}
        .chart .focus{fill:#0c2d4d;stroke:#58a6ff}
        .chart .absent{stroke:#656c76}
        .chart .edge{stroke:#656c76}
        .chart .tip{fill:#656c76}
        .chart .plate{fill:#0d1117}
        \(rules(dark))
        }

        """

    /// The rules for a picture that is a document of its own.
    static let document =
        "\n.chart{background:#fff;color-scheme:light dark}\n"
        + "@media (prefers-color-scheme:dark){.chart{background:#0d1117}}\n" + css

    private static let light = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#3a86c8", "#7a4fb5", "#5f6a74",
    ]
    private static let dark = ["#56b4e9", "#ff9248", "#2fd3a1", "#f0a6cf", "#f0c541", "#9ecbff", "#b79cf0", "#b1bac4"]

    private static func rules(_ colors: [String]) -> String {
        colors.enumerated().map { index, color in
            ".chart .l\(index){stroke:\(color)}\n.chart .p\(index){fill:\(color)}"
        }.joined(separator: "\n")
    }
}
