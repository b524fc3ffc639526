/// A self-contained HTML page: text, tables and pictures, no script, nothing from elsewhere.
///
/// Everything that is given is text and is escaped here; there is no way to put markup in.
package struct Page: Sendable {
    /// A part of a page.
    package enum Block: Sendable {
        /// A paragraph.
        case text(String)
        /// Names and what they have.
        case facts([(String, String)])
        /// A table; columns whose positions are given hold numbers.
        case table([String], rows: [[String]], numeric: Set<Int>)
        /// A picture with its title and summary.
        case chart(any Chart)
        /// Lines for a terminal.
        case commands([String])
        /// What is shown when the reader wants it.
        case details(String, [Block])
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

    /// A page.
    package init(title: String, subtitle: String = "", sections: [Section], footer: String = "") {
        self.title = title
        self.subtitle = subtitle
        self.sections = sections
        self.footer = footer
    }

    /// The page as a document.
    package func html() -> String {
        var chartCount = 0
        let links = sections.enumerated().map { index, section in
            "<a href=\"#s\(index)\">\(Markup.escaped(section.title))</a>"
        }
        var html = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <meta name="referrer" content="no-referrer">
            <title>\(Markup.escaped(title))</title>
            <style>
            \(Page.css)\(ChartStyle.css)</style>
            </head>
            <body>
            <header>
            <h1>\(Markup.escaped(title))</h1>
            \(subtitle.isEmpty ? "" : "<p class=\"muted\">\(Markup.escaped(subtitle))</p>\n")\
            \(links.count > 1 ? "<nav aria-label=\"Contents\">\(links.joined(separator: " "))</nav>\n" : "")</header>
            <main>

            """
        for (index, section) in sections.enumerated() {
            html += "<section id=\"s\(index)\">\n<h2>\(Markup.escaped(section.title))</h2>\n"
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
            let rows = facts.map { "<dt>\(Markup.escaped($0.0))</dt><dd>\(Markup.escaped($0.1))</dd>\n" }
            return "<dl>\n\(rows.joined())</dl>\n"
        case .table(let headings, let rows, let numeric):
            func cells(_ row: [String], _ tag: String) -> String {
                row.enumerated().map { column, cell in
                    let style = numeric.contains(column) ? " class=\"number\"" : ""
                    return "<\(tag)\(style)\(tag == "th" ? " scope=\"col\"" : "")>\(Markup.escaped(cell))</\(tag)>"
                }.joined()
            }
            let body = rows.map { "<tr>\(cells($0, "td"))</tr>\n" }.joined()
            return """
                <div class="wide" tabindex="0" role="region" aria-label="Table"><table>
                <thead><tr>\(cells(headings, "th"))</tr></thead>
                <tbody>
                \(body)</tbody>
                </table></div>

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

    private static let css = """
        :root{color-scheme:light dark}
        *{box-sizing:border-box}
        body{margin:0 auto;max-width:960px;padding:24px 20px 64px;background:#fff;color:#1f2328;\
        font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
        h1{font-size:26px;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
        h2{font-size:19px;margin:40px 0 12px;padding-bottom:6px;border-bottom:1px solid #d1d9e0}
        p{margin:8px 0;overflow-wrap:anywhere}
        .muted{color:#59636e}
        nav{margin:16px 0 0;display:flex;flex-wrap:wrap;gap:4px 16px}
        a{color:#0550ae}
        dl{display:grid;grid-template-columns:minmax(96px,max-content) 1fr;gap:4px 20px;margin:12px 0}
        dt{color:#59636e}
        dd{margin:0;overflow-wrap:anywhere}
        .wide{overflow-x:auto}
        table{border-collapse:collapse;font-size:13px;min-width:100%}
        th,td{padding:5px 14px 5px 0;text-align:left;vertical-align:top;border-bottom:1px solid #e1e6eb;\
        white-space:nowrap}
        th{color:#59636e;font-weight:600}
        .number{text-align:right;font-variant-numeric:tabular-nums;padding-right:22px}
        figure{margin:20px 0}
        figcaption{margin-bottom:8px}
        pre{background:#f6f8fa;border-radius:6px;padding:12px 14px;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,\
        "SFMono-Regular",Menlo,"DejaVu Sans Mono",monospace}
        details{margin:12px 0}
        summary{cursor:pointer;color:#0550ae}
        footer{margin-top:48px;font-size:13px}
        /* Pictures shrink a little, then scroll: texts must stay legible. */
        .chart{display:block;max-width:max(100%,560px);height:auto}
        @media (prefers-color-scheme:dark){
        body{background:#0d1117;color:#e6edf3}
        h2{border-color:#30363d}
        .muted,dt,th{color:#9198a1}
        a,summary{color:#79c0ff}
        th,td{border-color:#262c36}
        pre{background:#161b22}
        }
        @media (max-width:440px){
        body{padding:16px 14px 48px}
        dl{grid-template-columns:1fr;gap:0}
        dd{margin-bottom:8px}
        }
        @media print{.wide{overflow:visible}nav{display:none}}

        """
}
