/// Columns of text, as wide as their widest cell, two spaces apart.
///
/// On a terminal that is too narrow the widest columns of words are cut: names in the first column at their beginnings,
/// since modules and references differ at their ends, others at their ends. Numbers stay.
struct TextTable {
    private let headings: [String]
    /// Columns whose cells are numbers stand flush right.
    private let rightAligned: Set<Int>
    private var rows: [[String]] = []

    /// No column of words becomes narrower.
    private static let leastWidth = 12

    init(_ headings: [String], rightAligned: Set<Int> = []) {
        self.headings = headings
        self.rightAligned = rightAligned
    }

    mutating func add(_ row: [String]) {
        rows.append(row.map(Format.printable))
    }

    /// The table, fitted to the terminal when it goes to one.
    var text: String { text(width: StandardOutput.width) }

    /// The table in at most so many columns of characters, if that is possible.
    func text(width: Int?) -> String {
        let all = [headings] + rows
        var widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        if let width { narrow(&widths, to: width) }
        return all.map { row in
            let cells = row.enumerated().map { column, cell in
                let cell = TextTable.cut(cell, to: widths[column], keepsEnd: column == 0)
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return rightAligned.contains(column) ? space + cell : cell + space
            }
            var line = cells.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    private static func cut(_ cell: String, to width: Int, keepsEnd: Bool) -> String {
        guard cell.count > width else { return cell }
        return keepsEnd ? "…" + cell.suffix(width - 1) : cell.prefix(width - 1) + "…"
    }

    private func narrow(_ widths: inout [Int], to width: Int) {
        let words = widths.indices.filter { !rightAligned.contains($0) }
        while widths.reduce(2 * (widths.count - 1), +) > width,
            let widest = words.max(by: { widths[$0] < widths[$1] }), widths[widest] > TextTable.leastWidth
        {
            // Down to the next widest at once would be quicker; no table is wide enough for that to matter.
            widths[widest] -= 1
        }
    }
}
