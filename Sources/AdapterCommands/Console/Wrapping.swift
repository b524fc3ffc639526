/// Breaks lines of prose at spaces, so that a terminal does not break them within words.
enum Wrapping {
    /// The text with every line broken that is wider than the width; words that are wider stay whole.
    ///
    /// What follows a label, `  base  NAME`, goes on below where it began; other lines go on two columns further right.
    static func wrapped(_ text: String, width: Int?) -> String {
        guard let width, width > 20 else { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            visibleWidth(line) <= width ? String(line) : wrapped(line, width)
        }.joined(separator: "\n")
    }

    private static func wrapped(_ line: Substring, _ width: Int) -> String {
        let indentation = indentation(of: line)
        var result = ""
        var column = 0
        for (index, word) in line.split(separator: " ", omittingEmptySubsequences: false).enumerated() {
            let wordWidth = visibleWidth(word)
            // A word that would not fit into a line of its own either gains nothing from one.
            if index > 0, column > indentation, column + 1 + wordWidth > width, indentation + wordWidth <= width {
                result += "\n" + String(repeating: " ", count: indentation)
                column = indentation
            } else if index > 0 {
                result += " "
                column += 1
            }
            result += word
            column += wordWidth
            // The terminal breaks it, and goes on behind what is left of it.
            if column > width { column = (column - 1) % width + 1 }
        }
        return result
    }

    /// Where a line goes on.
    private static func indentation(of line: Substring) -> Int {
        let leading = line.prefix { $0 == " " }.count
        let rest = line.dropFirst(leading)
        if let label = rest.prefixMatch(of: /\S+( \S+)?  +/), leading > 0, leading + label.output.0.count <= 24 {
            return leading + label.output.0.count
        }
        return leading + 2
    }

    /// The columns it takes, without what only styles it.
    private static func visibleWidth(_ text: Substring) -> Int {
        text.contains("\u{1B}") ? text.replacing(/\u{1B}\[[0-9;]*m/, with: "").columnCount : String(text).columnCount
    }
}
