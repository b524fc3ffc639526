internal import AdapterRegistry
package import Charts

/// What a report that is served has besides its facts: its place among the server's pages and how to get the adapter here.
package struct ReportLinks: Sendable {
    /// Where the page stands.
    package let place: Page.Place
    /// How to get the adapter from this server.
    package let getting: [Page.Block]

    /// The page of another adapter.
    func adapter(_ reference: Reference) -> Page.Link { .adapter(reference) }
}
