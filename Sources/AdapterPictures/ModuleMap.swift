internal import AdapterArithmetic
internal import ByteCoding
package import Charts

extension HeatMap {
    /// The most rows and columns that are drawn.
    private static let extentLimit = 300

    /// A number for each module as a map: a row for each kind of module, a column for each layer. Modules that are in no
    /// layer have the last column.
    package init(
        title: String, summary: String, valueTitle: String, limit: Double? = nil,
        modules: some Sequence<(name: String, value: Double)>
    ) {
        let cells = modules.map { (position: ModulePosition(of: $0.name), value: $0.value) }
        let allKinds = Set(cells.map(\.position.kind)).sorted { $0.precedesInUTF8($1) }
        let kinds = allKinds.prefix(HeatMap.extentLimit)
        let shortNames = ModulePosition.shortNames(ofKinds: allKinds)
        let allLayers = Set(cells.compactMap(\.position.layer)).sorted()
        let layers = allLayers.prefix(HeatMap.extentLimit)
        let hasOthers = cells.contains { $0.position.layer == nil }
        let rowOfKind = Dictionary(kinds.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let columnOfLayer = Dictionary(layers.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let columns = layers.map(String.init) + (hasOthers ? ["–"] : [])
        var values = [[Double?]](repeating: [Double?](repeating: nil, count: columns.count), count: kinds.count)
        for cell in cells {
            guard let row = rowOfKind[cell.position.kind],
                let column = cell.position.layer.map({ columnOfLayer[$0] }) ?? (columns.count - 1)
            else { continue }
            // Names such as `h.1` and `h.01` fall on one place.
            values[row][column] = max(values[row][column] ?? -.infinity, cell.value)
        }
        let isCut = kinds.count < allKinds.count || layers.count < allLayers.count
        self.init(
            title: title, summary: summary + (isCut ? " Only the first \(HeatMap.extentLimit) of each are drawn." : ""),
            columnTitle: "layer", rows: kinds.map { shortNames[$0] ?? $0 }, columns: columns, values: values,
            valueTitle: valueTitle, limit: limit)
    }
}
