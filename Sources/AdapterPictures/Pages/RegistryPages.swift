internal import AdapterFormat
public import AdapterRegistry
internal import Charts
public import Integrity

/// A registry as pages for a browser: what somebody may read, as HTML without scripts.
///
/// Pages are made from the catalog and the heads of files; what takes longer is an ``AdapterStudy`` that is handed in when
/// it is done.
public struct RegistryPages: Sendable {
    let registry: Registry
    let reader: PageReader
    /// `https://host:port` as the browser sees the server.
    let origin: String
    /// The keys whose signatures count here.
    let keys: [TrustedKey]

    /// Why a page is not there.
    public enum Absence: Error, Hashable, Sendable {
        /// The reader may not know; credentials may help.
        case unknownReader
        /// There is nothing, or nothing that the reader may know of.
        case notFound
        /// What was asked for makes no sense, in a sentence.
        case invalid(String)
    }

    /// A registry as somebody sees it.
    public init(_ registry: Registry, reader: PageReader, origin: String, keys: [TrustedKey] = []) {
        self.registry = registry
        self.reader = reader
        self.origin = origin
        self.keys = keys
    }

    /// What a reference stands for, if the reader may know.
    ///
    /// - Throws: ``Absence``.
    public func resolve(_ reference: Reference) throws -> StoredAdapter {
        try require(reference.repository)
        do {
            return try registry.resolve(reference)
        } catch let error as RegistryError where error.code == .notFound {
            // The registry's message names what may have been meant, also what the reader must not know of.
            throw Absence.notFound
        }
    }

    /// Throws unless a repository may be read; never tells whether it exists.
    func require(_ repository: RepositoryName) throws {
        guard !reader.mayRead(repository) else { return }
        throw reader.canSignIn && reader.name == nil ? Absence.unknownReader : Absence.notFound
    }

    /// Why adapters cannot be studied here; nil when they can.
    public func refusal(_ stored: [StoredAdapter]) throws -> String? {
        AdapterStudy.refusal(try stored.map { try registry.open($0).adapter })
    }

    /// A page that says what went wrong.
    public func failure(_ title: String, _ message: String) -> String {
        Page(
            title: title, sections: [Page.Section("", [.text(message), .words(Page.Text("All adapters", to: .home))])],
            place: place()
        ).html()
    }

    /// Where a page stands.
    func place(
        trail: [Page.Text] = [], tabs: [(name: String, link: Page.Link, isCurrent: Bool)] = []
    ) -> Page.Place {
        let who: Page.Text =
            reader.name.map { Page.Text($0) } ?? (reader.canSignIn ? Page.Text("Sign in", to: .signIn) : "")
        return Page.Place(home: Page.Text("Adapters", to: .home), reader: who, trail: trail, tabs: tabs)
    }

    /// The views of one adapter.
    enum View: String {
        case adapter = "Adapter"
        case lineage = "Lineage"
        case history = "Tags and history"
    }

    /// Where a page about an adapter stands.
    func place(_ reference: Reference, _ view: View) -> Page.Place {
        let name = reference.repository
        return place(
            trail: [Page.Text(name.description, to: .repository(name))],
            tabs: [
                (View.adapter.rawValue, .adapter(reference), view == .adapter),
                (View.lineage.rawValue, .lineage(reference), view == .lineage),
                (View.history.rawValue, .repository(name), view == .history),
            ])
    }

    /// The date and the minute of a time, in UTC.
    static func minute(_ time: Timestamp) -> String {
        String(time.description.prefix(16).map { $0 == "T" ? " " : $0 })
    }
}
