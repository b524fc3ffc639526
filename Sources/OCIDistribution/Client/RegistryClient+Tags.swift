public import AdapterRegistry

extension RegistryClient {
    /// The most tags that are listed.
    public static let maximumTagCount = 1_000_000

    /// All tags of a repository, in the registry's order (end-8).
    ///
    /// - Throws: ``OCIError`` with code `notFound`, `tooLarge`, `protocolViolation` and others.
    public func tags(_ repository: RepositoryName) throws -> [Tag] {
        var tags: [Tag] = []
        try forEachPage(try url(repository, "tags/list"), repository, limit: TagList.maximumByteCount) { response in
            tags += try TagList(parsing: response.content).tags
            guard tags.count <= RegistryClient.maximumTagCount else {
                throw OCIError(
                    .tooLarge,
                    "Unable to list '\(repository)' on '\(host)': it has more than \(RegistryClient.maximumTagCount) tags."
                )
            }
        }
        return tags
    }

    /// Follows the pages of a list, each of which must have been asked for only once.
    func forEachPage(
        _ first: HTTPURL, _ repository: RepositoryName, limit: Int, accept: String? = nil,
        _ body: (HTTPResponse) throws -> Void
    ) throws {
        var seen: Set<HTTPURL> = []
        var next: HTTPURL? = first
        while let url = next {
            guard seen.insert(url).inserted else {
                throw OCIError(
                    .protocolViolation,
                    "Unable to list '\(repository)' on '\(host)': its pages lead back to one that was read.")
            }
            var request = HTTPRequest(.get, url, headers: accept.map { [("Accept", $0)] } ?? [])
            request.contentLimit = limit
            let response = try send(request, scope: [scope(repository, "pull")])
            guard response.status == 200 else { throw failure(response, "list '\(repository)' on '\(host)'") }
            try body(response)
            next = nil
            if let target = response.headers.values("Link").lazy.compactMap({ LinkHeader.next(in: $0) }).first {
                // A list does not lead to other servers.
                guard let page = HTTPURL(parsing: target, relativeTo: url), page.hasSameOrigin(as: base) else {
                    throw OCIError(
                        .protocolViolation,
                        "Unable to list '\(repository)' on '\(host)': its next page is on another server.")
                }
                next = page
            }
        }
    }
}
