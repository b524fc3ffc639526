/// Columns of text, as wide as their widest cell, two spaces apart. A column in which nothing is said is left out.
///
/// On a terminal that is too narrow, columns of words are cut as far as one can still read them: names in the first column
/// at their beginnings, since modules and references differ at their ends, others at their ends. Then columns go that can
/// be done without, and only then is more cut. Numbers, dates and what is fixed otherwise are never cut.
struct TextTable {
    private let headings: [String]
    /// Columns whose cells are numbers stand flush right.
    private let rightAligned: Set<Int>
    /// Columns of words that mean nothing when they are cut.
    private let fixed: Set<Int>
    /// Columns that are there for copying.
    private let faint: Set<Int>
    /// Columns that can be done without, the first to go first.
    private let dispensable: [Int]
    private var rows: [[String]] = []
    /// What cells mean, by row and column.
    private var styles: [[Int: Style]] = []

    /// No column of words becomes narrower.
    private static let leastWidth = 6

    init(
        _ headings: [String], rightAligned: Set<Int> = [], fixed: Set<Int> = [], faint: Set<Int> = [],
        dispensable: [Int] = []
    ) {
        self.headings = headings
        self.rightAligned = rightAligned
        self.fixed = fixed
        self.faint = faint
        self.dispensable = dispensable
    }

    mutating func add(_ row: [String], styles: [Int: Style] = [:]) {
        rows.append(row.map(Format.printable))
        self.styles.append(styles)
    }

    /// The table, fitted to the terminal when it goes to one.
    var text: String { text(width: StandardOutput.width) }

    /// The table in at most so many columns of characters, if that is possible.
    func text(width: Int?) -> String {
        let all = [headings] + rows
        var columns = headings.indices.filter { column in rows.isEmpty || rows.contains { !$0[column].isEmpty } }
        var widths = columns.map { column in all.map { $0[column].columnCount }.max() ?? 0 }
        if let width { fit(&widths, &columns, to: width) }
        return zip(all, [nil] + styles.map(Optional.some)).map { row, styles in
            line(row, columns, widths) { column in
                guard let styles else { return .heading }
                return styles[column] ?? (faint.contains(column) ? .faint : nil)
            }
        }.joined()
    }

    private func line(
        _ row: [String], _ columns: [Int], _ widths: [Int], _ style: (Int) -> Style?
    ) -> String {
        // No spaces behind the last cell that says something.
        let last = columns.last { !row[$0].isEmpty }
        var line = ""
        for column in columns {
            guard let last, column <= last else { break }
            let cell = TextTable.cut(row[column], to: widths[column], keepsEnd: column == 0)
            let space = String(repeating: " ", count: max(0, widths[column] - cell.columnCount))
            let styled = style(column)?.applied(to: cell) ?? cell
            if column != columns.first { line += "  " }
            line += rightAligned.contains(column) ? space + styled : column == last ? styled : styled + space
        }
        return line + "\n"
    }

    private static func cut(_ cell: String, to width: Int, keepsEnd: Bool) -> String {
        guard cell.columnCount > width else { return cell }
        var kept = ""
        for character in keepsEnd ? Array(cell.reversed()) : Array(cell) {
            guard kept.columnCount + character.columnCount < width else { break }
            kept.append(character)
        }
        return keepsEnd ? "…" + String(kept.reversed()) : kept + "…"
    }

    private func fit(_ widths: inout [Int], _ columns: inout [Int], to width: Int) {
        func excess(_ widths: [Int]) -> Int { columns.reduce(2 * (columns.count - 1) - width) { $0 + widths[$1] } }
        func floors(_ first: Int, _ others: Int) -> [Int] {
            widths.enumerated().map { column, width in
                rightAligned.contains(column) || fixed.contains(column)
                    ? width : min(width, column == 0 ? first : others)
            }
        }
        // A layer's number and the name below it, as in '…layers.31.self_attn.q_proj'.
        let readable = floors(28, 16)
        for column in dispensable where excess(readable) > 0 { columns.removeAll { $0 == column } }
        for least in [readable, floors(TextTable.leastWidth, TextTable.leastWidth)] {
            while excess(widths) > 0,
                let widest = columns.filter({ widths[$0] > least[$0] }).max(by: { widths[$0] < widths[$1] })
            {
                // Down to the next widest at once would be quicker; no table is wide enough for that to matter.
                widths[widest] -= 1
            }
        }
    }
}
