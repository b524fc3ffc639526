public import AdapterRegistry
internal import ByteCoding

extension RegistryClient {
    /// The most tags that are listed.
    public static let maximumTagCount = 1_000_000

    /// The most pages of a list that are asked for.
    static let maximumPageCount = 10_000

    /// All tags of a repository, in the registry's order (end-8).
    ///
    /// - Parameter progress: called with the number of tags that have come since the last call.
    /// - Throws: ``OCIError`` with code `notFound`, `tooLarge`, `protocolViolation` and others.
    public func tags(_ repository: RepositoryName, progress: ((Int) -> Void)? = nil) throws -> [Tag] {
        var tags: [Tag] = []
        try forEachPage(
            try url(repository, "tags/list"), "'\(repository)' on '\(host)'", scope: [scope(repository, "pull")],
            limit: TagList.maximumByteCount
        ) { response in
            let page = try TagList(parsing: response.content).tags
            tags += page
            progress?(page.count)
            guard tags.count <= RegistryClient.maximumTagCount else {
                throw OCIError(
                    .tooLarge,
                    "Unable to list '\(repository)' on '\(host)': it has more than \(RegistryClient.maximumTagCount) tags."
                )
            }
        }
        return tags
    }

    /// The repositories of the registry, in its order (Docker registry HTTP API V2, "Catalog"); many registries list
    /// none, or only to administrators.
    ///
    /// Names that are no names here are left out.
    ///
    /// - Parameter progress: called with the number of names that have come since the last call.
    /// - Throws: ``OCIError`` with code `notFound`, `denied`, `tooLarge`, `protocolViolation` and others.
    public func repositories(progress: ((Int) -> Void)? = nil) throws -> [RepositoryName] {
        guard let first = HTTPURL(parsing: "\(base)_catalog") else { return [] }
        var names: [RepositoryName] = []
        try forEachPage(
            first, "the repositories of '\(host)'", scope: ["registry:catalog:*"], limit: TagList.maximumByteCount
        ) { response in
            let fields = try JSONFields(
                parsing: response.content, kind: "list of repositories", limit: TagList.maximumByteCount)
            let page = try fields.array("repositories") ?? []
            names += page.compactMap { name in name.string.flatMap { try? RepositoryName(parsing: $0) } }
            progress?(page.count)
            guard names.count <= RegistryClient.maximumTagCount else {
                throw OCIError(
                    .tooLarge,
                    "Unable to list '\(host)': it has more than \(RegistryClient.maximumTagCount) repositories.")
            }
        }
        return names
    }

    /// Follows the pages of a list, each of which must have been asked for only once.
    ///
    /// - Parameter subject: what is listed, for messages.
    func forEachPage(
        _ first: HTTPURL, _ subject: String, scope: Authenticator.Scope, limit: Int, accept: String? = nil,
        _ body: (HTTPResponse) throws -> Void
    ) throws {
        var seen: Set<HTTPURL> = []
        var next: HTTPURL? = first
        while let url = next {
            // Pages that bring nothing would lead on for ever.
            guard seen.count < RegistryClient.maximumPageCount else {
                throw OCIError(
                    .tooLarge,
                    "Unable to list \(subject): the list has more than \(RegistryClient.maximumPageCount) pages.")
            }
            guard seen.insert(url).inserted else {
                throw OCIError(
                    .protocolViolation,
                    "Unable to list \(subject): its pages lead back to one that was read.")
            }
            var request = HTTPRequest(.get, url, headers: accept.map { [("Accept", $0)] } ?? [])
            request.contentLimit = limit
            let response = try send(request, scope: scope)
            guard response.status == 200 else { throw failure(response, "list \(subject)") }
            try body(response)
            next = nil
            if let target = response.headers.values("Link").lazy.compactMap({ LinkHeader.next(in: $0) }).first {
                // A list does not lead to other servers.
                guard let page = HTTPURL(parsing: target, relativeTo: url), page.hasSameOrigin(as: base) else {
                    throw OCIError(
                        .protocolViolation,
                        "Unable to list \(subject): its next page is on another server.")
                }
                next = page
            }
        }
    }
}
