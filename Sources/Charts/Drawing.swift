/// The contents of an SVG, element by element. Every text in it is escaped here.
package struct Drawing {
    /// What has been drawn.
    private(set) var markup = ""

    /// Where a text stands at its point.
    enum Anchor: String {
        case start, middle, end
    }

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) {
        markup += "<line class=\"\(style)\" x1=\"\(n(x1))\" y1=\"\(n(y1))\" x2=\"\(n(x2))\" y2=\"\(n(y2))\"/>\n"
    }

    /// - Parameters:
    ///   - opacity: from 0 to 1.
    ///   - note: what a pointer over it shows.
    mutating func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String, opacity: Double = 1,
        radius: Double = 0, note: String? = nil
    ) {
        markup += "<rect class=\"\(style)\" x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(width))\" height=\"\(n(height))\""
        if radius > 0 { markup += " rx=\"\(n(radius))\"" }
        if opacity < 1 { markup += " fill-opacity=\"\(Numeral.decimal(opacity, places: 3))\"" }
        markup += note.map { "><title>\(Markup.escaped($0))</title></rect>\n" } ?? "/>\n"
    }

    mutating func circle(_ x: Double, _ y: Double, _ radius: Double, _ style: String, note: String? = nil) {
        markup += "<circle class=\"\(style)\" cx=\"\(n(x))\" cy=\"\(n(y))\" r=\"\(n(radius))\""
        markup += note.map { "><title>\(Markup.escaped($0))</title></circle>\n" } ?? "/>\n"
    }

    mutating func polyline(_ points: [(x: Double, y: Double)], _ style: String, note: String? = nil) {
        let list = points.map { "\(n($0.x)),\(n($0.y))" }.joined(separator: " ")
        markup += "<polyline class=\"\(style)\" points=\"\(list)\""
        markup += note.map { "><title>\(Markup.escaped($0))</title></polyline>\n" } ?? "/>\n"
    }

    /// A smooth line from left to right through some points.
    mutating func curve(_ points: [(x: Double, y: Double)], _ style: String, note: String? = nil) {
        guard let first = points.first else { return }
        var path = "M\(n(first.x)) \(n(first.y))"
        for (from, to) in zip(points, points.dropFirst()) {
            let middle = (from.x + to.x) / 2
            path += "C\(n(middle)) \(n(from.y)) \(n(middle)) \(n(to.y)) \(n(to.x)) \(n(to.y))"
        }
        markup += "<path class=\"\(style)\" d=\"\(path)\""
        markup += note.map { "><title>\(Markup.escaped($0))</title></path>\n" } ?? "/>\n"
    }

    /// The head of an arrow that points to the right, or to the left, at a place.
    mutating func arrowhead(_ x: Double, _ y: Double, _ style: String, pointsLeft: Bool = false) {
        let back = x + (pointsLeft ? 8 : -8)
        markup +=
            "<path class=\"\(style)\" d=\"M\(n(x)) \(n(y))L\(n(back)) \(n(y - 4.5))L\(n(back)) \(n(y + 4.5))Z\"/>\n"
    }

    /// - Parameter angle: turns the text around its point, in degrees.
    mutating func text(
        _ x: Double, _ y: Double, _ content: String, _ style: String = "", anchor: Anchor = .start, angle: Double = 0
    ) {
        markup += "<text x=\"\(n(x))\" y=\"\(n(y))\""
        if !style.isEmpty { markup += " class=\"\(style)\"" }
        if anchor != .start { markup += " text-anchor=\"\(anchor.rawValue)\"" }
        if angle != 0 { markup += " transform=\"rotate(\(n(angle)) \(n(x)) \(n(y)))\"" }
        markup += ">\(Markup.escaped(content))</text>\n"
    }

    /// Another drawing, moved.
    mutating func group(_ x: Double, _ y: Double, _ contents: Drawing) {
        markup += "<g transform=\"translate(\(n(x)) \(n(y)))\">\n\(contents.markup)</g>\n"
    }

    /// A coordinate with at most one place.
    private func n(_ value: Double) -> String {
        let text = Numeral.decimal(value.isFinite ? value : 0, places: 1)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
