import Charts
import Foundation
import Testing

@Suite struct PageTests {
    private func link(_ name: String) -> Page.Link {
        Page.Link([name], query: [Page.Link.Field(name, name)], fragment: name)
    }

    private func blocks(_ name: String) -> [Page.Block] {
        let inputs: [Page.Form.Input] = [
            .line(name, label: name, value: name, hint: name), .hidden(name, value: name),
            .choice(name, label: name, options: [(value: name, name: name)], value: name),
        ]
        let choice = Page.Table.Choice(action: link(name), field: name, values: [name], button: name, hint: name)
        let words = Page.Text([Page.Text(name, .mark), Page.Text(name, to: link(name))])
        return [
            .text(name), .facts([(name, Page.Text(name))]), .table([name, "n"], rows: [[name, "1"]], numeric: [1]),
            .commands([name]), .chart(BarChart(title: name, summary: name, bars: [(name, 1, name)])),
            .details(name, [.text(name)]), .words(words), .image(link(name), title: name),
            .form(Page.Form(action: link(name), inputs: inputs, button: name)),
            .table(Page.Table([name], rows: [[Page.Text(name, to: link(name))]], choice: choice)),
        ]
    }

    @Test func `no name gets out of its place`() {
        let blocks = hostileNames.flatMap(blocks)
        let page = Page(
            title: hostileNames.joined(), subtitle: hostileNames[0], sections: hostileNames.map { .init($0, blocks) },
            footer: hostileNames[1],
            place: Page.Place(
                home: Page.Text(hostileNames[0], to: link(hostileNames[0])),
                trail: hostileNames.map { Page.Text($0, to: link($0)) },
                tabs: hostileNames.map { ($0, link($0), true) }))
        let html = page.html()
        // Tags of the page, and none of the names'.
        let tags = Set(html.matches(of: /<\/?([a-zA-Z!][a-zA-Z0-9-]*)/).map { $0.1.lowercased() })
        let known: Set<String> = [
            "!doctype", "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "nav", "a", "main",
            "section", "footer", "dl", "dt", "dd", "div", "table", "thead", "tbody", "tr", "th", "td", "figure",
            "figcaption", "b", "span", "svg", "desc", "rect", "text", "pre", "code", "details", "summary",
            "img", "form", "input", "label", "select", "option", "button",
        ]
        #expect(tags.isSubset(of: known), "\(tags.subtracting(known))")
        #expect(html.components(separatedBy: "</style>").count == 2)
        #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
        #expect(!html.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || (0x202A...0x202E).contains($0.value) })
        // Addresses are paths, whatever is in them.
        for match in html.matches(of: /(?:href|src|action)="([^"]*)"/) {
            let address = String(match.1)
            let isPath = address.hasPrefix("/") && !address.hasPrefix("//")
            #expect(isPath || address.hasPrefix("#s"), "\(address)")
        }
        #expect(!html.contains("http://") || html.matches(of: /http:\/\/(?!www\.w3\.org\/2000\/svg")/).isEmpty)
    }

    /// The declarations of a style, by selector.
    private func rules(_ css: String) -> [String: String] {
        var rules: [String: String] = [:]
        for match in css.matches(of: /([^{}]+)\{([^{}]*)\}/) {
            for selector in match.1.split(separator: ",").map(String.init) {
                rules[selector.trimmingCharacters(in: .whitespacesAndNewlines), default: ""] += ";" + match.2
            }
        }
        return rules
    }

    /// The contrast of two colours, #rgb or #rrggbb, as WCAG 2.2 defines it.
    private func contrast(_ first: String, _ second: String) -> Double {
        func luminance(_ color: String) -> Double {
            let digits = color.dropFirst().compactMap(\.hexDigitValue)
            let values =
                digits.count == 3 ? digits.map { $0 * 17 } : [0, 2, 4].map { digits[$0] * 16 + digits[$0 + 1] }
            let linear = values.map { value in
                let share = Double(value) / 255
                return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
            }
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        }
        let (one, other) = (luminance(first), luminance(second))
        return (max(one, other) + 0.05) / (min(one, other) + 0.05)
    }

    @Test func `every colour has another in the dark, and text can be read in both`() throws {
        let html = Page(title: "t", sections: [.init("s", [.chart(BarChart(title: "b", summary: "s", bars: []))])])
            .html()
        let css = String(try #require(html.firstMatch(of: /<style>([\s\S]*)<\/style>/)).1).replacing(
            /\/\*[\s\S]*?\*\//, with: "")
        let media = /@media \(([^)]*)\)\{((?:[^{}]+\{[^{}]*\}\s*)+)\}/
        let light = rules(css.replacing(media, with: ""))
        let dark = rules(
            css.matches(of: media).filter { $0.1 == "prefers-color-scheme:dark" }.map { String($0.2) }.joined())
        let colored = light.filter { $0.value.contains(/#[0-9a-f]{3}/) }
        #expect(colored.count > 25)
        for selector in colored.keys {
            #expect(dark[selector]?.contains(/#[0-9a-f]{3}/) == true, "\(selector) has no colour in the dark")
        }
        for rules in [light, dark] {
            let background = String(try #require(rules["body"]?.firstMatch(of: /background:(#[0-9a-f]+)/)).1)
            for (selector, declarations) in rules {
                guard let color = declarations.firstMatch(of: /;color:(#[0-9a-f]+)/)?.1 else { continue }
                #expect(contrast(String(color), background) >= 4.5, "\(selector)")
            }
        }
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

    @Test(arguments: [
        (Page.Link(), "/"), (Page.Link(["-", "adapter", "a", "b:v1"]), "/-/adapter/a/b:v1"),
        (Page.Link(["", "evil.example"]), "/evil.example"), (Page.Link(["..", ".", "a.b"]), "/%2E%2E/%2E/a.b"),
        (Page.Link(["javascript:alert(1)"]), "/javascript:alert%281%29"), (Page.Link(["a/b?c#d"]), "/a%2Fb%3Fc%23d"),
        (Page.Link(["ü"], query: [.init("q", "a&b=c d")], fragment: "s\"1"), "/%C3%BC?q=a%26b%3Dc%20d#s%221"),
    ]) func `a link is a path on the server`(_ link: Page.Link, _ address: String) {
        #expect(link.address == address)
    }

    @Test func `a page of its own says that it loads nothing, and a served one leaves that to the answer`() {
        #expect(Page(title: "t", sections: []).html().contains("default-src 'none'"))
        let place = Page.Place(home: Page.Text("h", to: Page.Link()), tabs: [("one", Page.Link(["a"]), true)])
        let html = Page(title: "t", sections: [], place: place).html()
        #expect(
            !html.contains("Content-Security-Policy") && html.contains("<a href=\"/a\" aria-current=\"page\">one</a>"))
    }
}
