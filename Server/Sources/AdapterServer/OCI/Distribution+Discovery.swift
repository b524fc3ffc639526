import AdapterRegistry
import ByteCoding
import HTTPTypes
import OCIDistribution

// Lists: end-8a, end-8b, end-12a, end-12b, and Docker's list of repositories.
extension Distribution {
    /// The longest page.
    private static let pageCount = 1000

    /// end-8: a repository's tags, ascending by their bytes.
    func tags(of name: RepositoryName, _ call: Call) async throws -> Reply {
        try call.require(.read, name)
        let wanted = try Distribution.count(call, "n")
        let limit = min(wanted ?? Distribution.pageCount, Distribution.pageCount)
        let last = call.target["last"]
        let found = try await work.run {
            try call.registry.packageTags(in: name, after: last, limit: limit + 1)
        }
        guard let found else {
            throw Failure(.notFound, .nameUnknown, "Unable to list the tags of '\(name)': there is no such repository.")
        }
        let page = Array(found.prefix(limit))
        var headers: HTTPFields = [.contentType: "application/json"]
        if found.count > limit, let end = page.last {
            headers[.link] = LinkHeader.next("/v2/\(name)/tags/list?n=\(limit)&last=\(end)")
        }
        return Reply(.ok, headers, body: .bytes(TagList(name: name, tags: page).bytes))
    }

    /// end-12: the manifests that are about another.
    func referrers(of digest: ContentDigest, in name: RepositoryName, _ call: Call) async throws -> Reply {
        try call.require(.read, name)
        let type = call.target["artifactType"].flatMap { $0.isEmpty ? nil : $0 }
        let last = call.target["last"]
        let limit = Distribution.pageCount
        let found = try await work.run {
            let pushed = try call.registry.packageReferrers(
                of: digest.description, in: name, artifactType: type, after: last, limit: limit + 1)
            let own = try renderedReferrers(of: digest, in: name, artifactType: type, after: last, call.registry)
            return (pushed + own.map(PackageReferrer.init)).sorted { $0.digest < $1.digest }
        }
        var index = ImageIndex()
        // One page stays below the length that clients accept of a manifest.
        var byteCount = 0
        var end: String?
        for referrer in found.prefix(limit) {
            let descriptor = try Descriptor(
                mediaType: MediaType(parsing: referrer.mediaType), digest: ContentDigest(parsing: referrer.digest),
                byteCount: referrer.byteCount, annotations: referrer.annotations,
                artifactType: referrer.artifactType.map { try MediaType(parsing: $0) })
            byteCount += JSON.text(descriptor.value).utf8.count + 1
            if byteCount > ImageIndex.maximumByteCount - 1024, end != nil { break }
            index.manifests.append(descriptor)
            end = referrer.digest
        }
        var headers: HTTPFields = [.contentType: MediaType.index.description]
        if type != nil { headers[.ociFilters] = "artifactType" }
        if index.manifests.count < found.count, let end {
            var target = "/v2/\(name)/referrers/\(digest)?last=\(end)"
            if let type { target += "&artifactType=\(Target.encode(type))" }
            headers[.link] = LinkHeader.next(target)
        }
        // 'manifests' must be there, also when there are none.
        return Reply(.ok, headers, body: .bytes(index.bytes))
    }

    /// The repositories that the client may read (Docker registry HTTP API V2, "Catalog").
    func catalog(_ call: Call) async throws -> Reply {
        guard call.identity.user != nil || !call.identity.rules.isEmpty else {
            throw Failure(
                .unauthorized, .unauthorized, "Unable to list repositories: credentials are needed.",
                headers: [.wwwAuthenticate: call.challenge("registry:catalog:*")])
        }
        let limit = min(try Distribution.count(call, "n") ?? Distribution.pageCount, Distribution.pageCount)
        var last = call.target["last"]
        var names: [String] = []
        var isMore = limit > 0
        // Names that the client may not read are passed over, a page at a time.
        while isMore, names.count < limit {
            let (start, rest) = (last, limit - names.count)
            let page = try await work.run {
                try call.registry.packageRepositories(after: start, limit: max(rest, 100))
            }
            isMore = page.count >= max(rest, 100)
            for name in page {
                guard names.count < limit else {
                    isMore = true
                    break
                }
                last = name.description
                if call.identity.may(.read, name.description) { names.append(name.description) }
            }
        }
        var headers: HTTPFields = [.contentType: "application/json"]
        if isMore, let last { headers[.link] = LinkHeader.next("/v2/_catalog?n=\(limit)&last=\(Target.encode(last))") }
        let document = MetadataValue.map(["repositories": .array(names.map { .string($0) })])
        return Reply(.ok, headers, body: .bytes(Array(JSON.text(document).utf8)))
    }
}
