/// An HTML page: text, tables and pictures, no script, nothing from other hosts.
///
/// Everything that is given is text and is escaped here; there is no way to put markup in. A page without a ``Place`` needs
/// nothing but itself. One with a place is served: it links to its neighbours, and says nothing of what it may load, as the
/// answer's headers do.
package struct Page: Sendable {
    /// A part of a page.
    package enum Block: Sendable {
        /// A paragraph.
        case text(String)
        /// Names and what they have.
        case facts([(String, Text)])
        /// A paragraph with links.
        case words(Text)
        /// A table.
        case table(Table)
        /// Fields to fill in.
        case form(Form)
        /// A picture with its title and summary.
        case chart(any Chart)
        /// A picture that the server has at an address: it is made when somebody looks at it.
        case image(Link, title: String)
        /// Lines for a terminal.
        case commands([String])
        /// What is shown when the reader wants it.
        case details(String, [Block])

        /// A table of plain texts; columns whose positions are given hold numbers.
        package static func table(_ headings: [String], rows: [[String]], numeric: Set<Int>) -> Block {
            .table(Table(headings, rows: rows.map { $0.map { Text($0) } }, numeric: numeric))
        }
    }

    /// Blocks with a heading.
    package struct Section: Sendable {
        /// The heading.
        package let title: String
        /// What is in it.
        package let blocks: [Block]

        /// A section.
        package init(_ title: String, _ blocks: [Block]) {
            self.title = title
            self.blocks = blocks
        }
    }

    /// The page's title.
    package let title: String
    /// What stands below the title.
    package let subtitle: String
    /// The sections.
    package let sections: [Section]
    /// What stands at the end.
    package let footer: String
    /// Where it stands among others; nil for a page of its own.
    package let place: Place?

    /// So many sections have a list of them above.
    private static let contentsCount = 3

    /// A page.
    package init(
        title: String, subtitle: String = "", sections: [Section], footer: String = "", place: Place? = nil
    ) {
        self.place = place
        self.title = title
        self.subtitle = subtitle
        self.sections = sections
        self.footer = footer
    }

    /// The page as a document.
    package func html() -> String {
        var chartCount = 0
        let showsContents = place == nil ? sections.count > 1 : sections.count > Page.contentsCount
        let links = sections.enumerated().map { index, section in
            "<a href=\"#s\(index)\">\(Markup.escaped(section.title))</a>"
        }
        var html = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            \(place == nil ? Page.confinement : "")<title>\(Markup.escaped(title))</title>
            <style>
            \(Page.css)\(ChartStyle.css)</style>
            </head>
            <body\(place == nil ? "" : " class=\"served\"")>
            \(place?.top ?? "")<header>
            <h1>\(Markup.escaped(title))</h1>
            \(subtitle.isEmpty ? "" : "<p class=\"muted\">\(Markup.escaped(subtitle))</p>\n")\
            \(place?.bar ?? "")\
            \(showsContents ? "<nav aria-label=\"Contents\">\(links.joined(separator: " "))</nav>\n" : "")</header>
            <main>

            """
        for (index, section) in sections.enumerated() {
            let heading = section.title.isEmpty ? "" : "<h2>\(Markup.escaped(section.title))</h2>\n"
            html += "<section id=\"s\(index)\">\n" + heading
            for block in section.blocks { html += Page.markup(block, below: section.title, &chartCount) }
            html += "</section>\n"
        }
        html += "</main>\n"
        if !footer.isEmpty { html += "<footer class=\"muted\">\(Markup.escaped(footer))</footer>\n" }
        return html + "</body>\n</html>\n"
    }

    /// - Parameter heading: what is not said a second time.
    private static func markup(_ block: Block, below heading: String, _ chartCount: inout Int) -> String {
        switch block {
        case .text(let text): return "<p>\(Markup.escaped(text))</p>\n"
        case .facts(let facts):
            let rows = facts.map { "<dt>\(Markup.escaped($0.0))</dt><dd>\($0.1.html)</dd>\n" }
            return "<dl>\n\(rows.joined())</dl>\n"
        case .words(let text): return "<p>\(text.html)</p>\n"
        case .table(let table): return table.html
        case .form(let form): return form.html
        case .image(let link, let title):
            return """
                <figure>
                <figcaption><b>\(title == heading ? "" : Markup.escaped(title))</b></figcaption>
                <div class="wide" tabindex="0" role="region" aria-label="\(Markup.escaped(title))">
                <img loading="lazy" alt="\(Markup.escaped(title))" src="\(Markup.escaped(link.address))"></div>
                </figure>

                """
        case .chart(let chart):
            chartCount += 1
            let title = chart.title == heading ? "" : "<b>\(Markup.escaped(chart.title))</b> "
            return """
                <figure>
                <figcaption>\(title)<span class="muted">\(Markup.escaped(chart.summary))\
                </span></figcaption>
                <div class="wide" tabindex="0" role="region" aria-label="\(Markup.escaped(chart.title))">
                \(chart.element(identifier: "c\(chartCount)"))</div>
                </figure>

                """
        case .commands(let lines):
            return "<pre><code>\(lines.map(Markup.escaped).joined(separator: "\n"))</code></pre>\n"
        case .details(let summary, let blocks):
            var contents = ""
            for block in blocks { contents += markup(block, below: summary, &chartCount) }
            return "<details>\n<summary>\(Markup.escaped(summary))</summary>\n\(contents)</details>\n"
        }
    }

    /// For pages that are files: what a server says in its headers.
    private static let confinement = """
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <meta name="referrer" content="no-referrer">

        """
}
