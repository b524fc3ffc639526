extension Page {
    /// Where a page stands among others of a server: what leads back and to its neighbours.
    package struct Place: Sendable {
        /// The server's first page.
        package let home: Text
        /// What stands at the other end of the first line.
        package let reader: Text
        /// The ways from the server's first page to this one.
        package let trail: [Text]
        /// The neighbours: name, link, whether it is this page.
        package let tabs: [(name: String, link: Link, isCurrent: Bool)]

        /// A place.
        package init(
            home: Text, reader: Text = "", trail: [Text] = [],
            tabs: [(name: String, link: Link, isCurrent: Bool)] = []
        ) {
            self.home = home
            self.reader = reader
            self.trail = trail
            self.tabs = tabs
        }

        /// What stands above the title.
        var top: String {
            let separator = " <span class=\"muted\" aria-hidden=\"true\">/</span> "
            let trail = trail.isEmpty ? "" : separator + trail.map(\.html).joined(separator: separator)
            return "<div class=\"top\"><nav aria-label=\"Path\"><b>\(home.html)</b>\(trail)</nav>"
                + "<span class=\"muted\">\(reader.html)</span></div>\n"
        }

        /// What stands below the title.
        var bar: String {
            guard !tabs.isEmpty else { return "" }
            let links = tabs.map { tab in
                "<a href=\"\(Markup.escaped(tab.link.address))\"\(tab.isCurrent ? " aria-current=\"page\"" : "")>"
                    + "\(Markup.escaped(tab.name))</a>"
            }
            return "<nav class=\"tabs\" aria-label=\"Views\">\(links.joined(separator: "\n"))</nav>\n"
        }
    }
}
