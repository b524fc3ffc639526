import Charts
import Foundation
import Testing

@Suite struct PageTests {
    @Test func `no name gets out of its place`() {
        let blocks = hostileNames.flatMap { name -> [Page.Block] in
            [
                .text(name), .facts([(name, name)]), .table([name, "n"], rows: [[name, "1"]], numeric: [1]),
                .commands([name]), .chart(BarChart(title: name, summary: name, bars: [(name, 1, name)])),
                .details(name, [.text(name)]),
            ]
        }
        let page = Page(
            title: hostileNames.joined(), subtitle: hostileNames[0], sections: hostileNames.map { .init($0, blocks) },
            footer: hostileNames[1])
        let html = page.html()
        // Tags of the page, and none of the names'.
        let tags = Set(html.matches(of: /<\/?([a-zA-Z!][a-zA-Z0-9-]*)/).map { $0.1.lowercased() })
        let known: Set<String> = [
            "!doctype", "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "nav", "a", "main",
            "section", "footer", "dl", "dt", "dd", "div", "table", "thead", "tbody", "tr", "th", "td", "figure",
            "figcaption", "b", "span", "svg", "desc", "rect", "text", "pre", "code", "details", "summary",
        ]
        #expect(tags.isSubset(of: known), "\(tags.subtracting(known))")
        #expect(html.components(separatedBy: "</style>").count == 2)
        #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
        #expect(!html.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || (0x202A...0x202E).contains($0.value) })
        #expect(html.contains("default-src 'none'"))
        #expect(!html.contains("http://") || html.matches(of: /http:\/\/(?!www\.w3\.org\/2000\/svg")/).isEmpty)
    }

    @Test func `a page has contents, one style and one identifier for each chart`() {
        let chart = BarChart(title: "bars", summary: "s", bars: [("a", 1, "1")])
        let html = Page(
            title: "t", sections: [.init("one", [.chart(chart)]), .init("two", [.details("d", [.chart(chart)])])]
        )
        .html()
        #expect(
            html.contains("<a href=\"#s0\">one</a> <a href=\"#s1\">two</a>") && html.contains("<section id=\"s1\">"))
        #expect(html.contains("id=\"c1-title\"") && html.contains("id=\"c2-title\""))
        #expect(html.hasPrefix("<!DOCTYPE html>") && html.hasSuffix("</html>\n"))
    }
}
