extension Page {
    /// Rows of texts below headings.
    package struct Table: Sendable {
        /// What stands above the columns.
        package let headings: [String]
        /// The rows.
        package let rows: [[Text]]
        /// The positions of the columns that hold numbers.
        package let numeric: Set<Int>
        /// The positions of the rows that stand out.
        package let marked: Set<Int>
        /// A box in front of each row, to choose some and go on with them.
        package let choice: Choice?

        /// Rows that can be chosen.
        package struct Choice: Sendable {
            /// Where the button leads.
            package let action: Link
            /// The name of the field that holds a chosen row's value.
            package let field: String
            /// A value for each row.
            package let values: [String]
            /// What stands on the button.
            package let button: String
            /// What stands beside it.
            package let hint: String

            /// Rows that can be chosen.
            package init(action: Link, field: String, values: [String], button: String, hint: String) {
                self.action = action
                self.field = field
                self.values = values
                self.button = button
                self.hint = hint
            }
        }

        /// A table.
        package init(
            _ headings: [String], rows: [[Text]], numeric: Set<Int> = [], marked: Set<Int> = [], choice: Choice? = nil
        ) {
            self.headings = headings
            self.rows = rows
            self.numeric = numeric
            self.marked = marked
            self.choice = choice
        }

        /// The table in HTML.
        var html: String {
            func cells(_ row: [Text], _ tag: String) -> String {
                row.enumerated().map { column, cell in
                    let style = numeric.contains(column) ? " class=\"number\"" : ""
                    return "<\(tag)\(style)\(tag == "th" ? " scope=\"col\"" : "")>\(cell.html)</\(tag)>"
                }.joined()
            }
            let body = rows.enumerated().map { index, row in
                let mark = marked.contains(index) ? " class=\"marked\"" : ""
                return "<tr\(mark)>\(box(index))\(cells(row, "td"))</tr>\n"
            }.joined()
            let corner = choice == nil ? "" : "<th scope=\"col\"><span class=\"hidden\">Choose</span></th>"
            let table = """
                <div class="wide" tabindex="0" role="region" aria-label="Table"><table>
                <thead><tr>\(corner)\(cells(headings.map { Text($0) }, "th"))</tr></thead>
                <tbody>
                \(body)</tbody>
                </table></div>

                """
            guard let choice else { return table }
            return """
                <form action="\(Markup.escaped(choice.action.target))">
                \(table)<p class="choice"><button>\(Markup.escaped(choice.button))</button> \
                <span class="muted">\(Markup.escaped(choice.hint))</span></p>
                </form>

                """
        }

        private func box(_ index: Int) -> String {
            guard let choice else { return "" }
            guard choice.values.indices.contains(index), !choice.values[index].isEmpty else { return "<td></td>" }
            let value = Markup.escaped(choice.values[index])
            return "<td><input type=\"checkbox\" name=\"\(Markup.escaped(choice.field))\" value=\"\(value)\" "
                + "aria-label=\"Choose \(value)\"></td>"
        }
    }
}
