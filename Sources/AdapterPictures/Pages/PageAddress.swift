public import AdapterRegistry
internal import Charts

/// What the pages are called: `/` and everything below `/-/`, which no repository's name begins with.
public enum PageAddress: Sendable, Hashable {
    /// The list of adapters.
    case index
    /// Asks for a name and a password.
    case signIn
    /// The tags of a repository and what happened to them.
    case repository(RepositoryName)
    /// One adapter.
    case adapter(Reference)
    /// What it was computed from, and what from it.
    case lineage(Reference)
    /// Several adapters beside each other, which the query names.
    case comparison
    /// A picture of one adapter, or of the several that the query names.
    case picture(StudyPicture, Reference?)

    /// Reads a path, decoded and without the first `/`; nil for what is no page.
    public init?(path: [String]) {
        if path == [""] || path.isEmpty {
            self = .index
            return
        }
        guard path[0] == "-", path.count > 1 else { return nil }
        let rest = path.dropFirst(2).joined(separator: "/")
        func reference(_ text: String) -> Reference? {
            // Without a selector it is no adapter: `latest` is said outright.
            guard text.contains(where: { $0 == ":" || $0 == "@" }) else { return nil }
            return try? Reference(parsing: text)
        }
        switch path[1] {
        case "sign-in" where path.count == 2: self = .signIn
        case "repository":
            guard let name = try? RepositoryName(parsing: rest) else { return nil }
            self = .repository(name)
        case "adapter":
            guard let reference = reference(rest) else { return nil }
            self = .adapter(reference)
        case "lineage":
            guard let reference = reference(rest) else { return nil }
            self = .lineage(reference)
        case "compare" where path.count == 2: self = .comparison
        case "picture":
            guard path.count > 2, let picture = StudyPicture(rawValue: path[2]) else { return nil }
            let text = path.dropFirst(3).joined(separator: "/")
            if text.isEmpty {
                guard picture.isOfSeveral else { return nil }
                self = .picture(picture, nil)
            } else {
                guard !picture.isOfSeveral, let reference = reference(text) else { return nil }
                self = .picture(picture, reference)
            }
        default: return nil
        }
    }

    /// The query's field for the adapters that are compared.
    public static let comparedField = "with"
}

extension Page.Link {
    private init(_ kind: String, _ text: String) {
        self.init(["-", kind] + text.split(separator: "/").map(String.init))
    }

    /// The list of adapters.
    static let home = Page.Link()
    /// The page that asks for credentials.
    static let signIn = Page.Link(["-", "sign-in"])
    /// The page that compares.
    static let comparison = Page.Link(["-", "compare"])

    /// The page of a repository.
    static func repository(_ name: RepositoryName, query: [Field] = [], fragment: String? = nil) -> Page.Link {
        Page.Link(
            ["-", "repository"] + name.description.split(separator: "/").map(String.init), query: query,
            fragment: fragment)
    }

    /// The page of an adapter.
    static func adapter(_ reference: Reference) -> Page.Link { Page.Link("adapter", reference.description) }

    /// The page of its lineage.
    static func lineage(_ reference: Reference) -> Page.Link { Page.Link("lineage", reference.description) }

    /// The page that compares some adapters.
    static func comparison(of references: [Reference]) -> Page.Link {
        Page.Link(["-", "compare"], query: references.map { Field(PageAddress.comparedField, $0.description) })
    }

    /// A picture of an adapter.
    static func picture(_ picture: StudyPicture, _ reference: Reference) -> Page.Link {
        Page.Link(["-", "picture", picture.rawValue] + reference.description.split(separator: "/").map(String.init))
    }

    /// A picture of several.
    static func picture(_ picture: StudyPicture, of references: [Reference]) -> Page.Link {
        Page.Link(
            ["-", "picture", picture.rawValue],
            query: references.map { Field(PageAddress.comparedField, $0.description) })
    }
}
