import AdapterRegistry
import HTTPTypes
import OCIDistribution

/// The OCI distribution API, `/v2/…` (OCI distribution specification 1.1).
struct Distribution: Sendable {
    let options: ServerOptions
    let work: BlockingWork
    let uploads: OpenUploads
    let rendered: RenderedPackages

    /// What a request under `/v2/` asks for.
    enum Endpoint {
        case base
        case catalog
        case blob(RepositoryName, ContentDigest)
        case startUpload(RepositoryName)
        case upload(RepositoryName, String)
        case manifest(RepositoryName, Selector)
        case tags(RepositoryName)
        case referrers(RepositoryName, ContentDigest)

        /// A few words for the log and the metrics.
        var route: String {
            switch self {
            case .base: "base"
            case .catalog: "catalog"
            case .blob: "blob"
            case .startUpload: "uploads"
            case .upload: "upload"
            case .manifest: "manifest"
            case .tags: "tags"
            case .referrers: "referrers"
            }
        }
    }

    /// What names a manifest.
    enum Selector {
        case tag(Tag)
        case digest(ContentDigest)
    }

    /// Reads a path after `/v2/`.
    ///
    /// A name may contain components such as `blobs`, so the path is read from its end.
    ///
    /// - Throws: ``Failure`` with `NAME_INVALID`, `DIGEST_INVALID` or `MANIFEST_INVALID`; nil for what is no endpoint.
    static func endpoint(_ path: ArraySlice<String>) throws -> Endpoint? {
        var path = Array(path)
        if path.isEmpty || path == [""] { return .base }
        if path == ["_catalog"] { return .catalog }
        func name(_ count: Int) throws -> RepositoryName {
            let text = path.dropLast(count).joined(separator: "/")
            do throws(RegistryError) {
                return try RepositoryName(parsing: text)
            } catch {
                throw Failure(.badRequest, .nameInvalid, error.message)
            }
        }
        func digest(_ text: String) throws -> ContentDigest {
            do throws(OCIError) {
                return try ContentDigest(parsing: text)
            } catch {
                throw Failure(.badRequest, .digestInvalid, error.message)
            }
        }
        // '…/blobs/uploads/' and '…/blobs/uploads' are the same.
        if path.count >= 3, path.last == "", path.dropLast().suffix(2) == ["blobs", "uploads"] { path.removeLast() }
        if path.count >= 3, path.suffix(2) == ["blobs", "uploads"] { return .startUpload(try name(2)) }
        if path.count >= 4, path[path.count - 3] == "blobs", path[path.count - 2] == "uploads" {
            return .upload(try name(3), path[path.count - 1])
        }
        guard path.count >= 3, let last = path.last else { return nil }
        switch path[path.count - 2] {
        case "blobs": return .blob(try name(2), try digest(last))
        case "referrers": return .referrers(try name(2), try digest(last))
        case "tags" where last == "list": return .tags(try name(2))
        case "manifests":
            if last.contains(":") { return .manifest(try name(2), .digest(try digest(last))) }
            return .manifest(try name(2), .tag(try Distribution.tag(last)))
        default: return nil
        }
    }

    /// Answers a request.
    func reply(to call: Call, _ endpoint: Endpoint) async throws -> Reply {
        var reply: Reply
        switch (endpoint, call.method) {
        case (.base, .get), (.base, .head): reply = try base(call)
        case (.catalog, .get): reply = try await catalog(call)
        case (.blob(let name, let digest), .get), (.blob(let name, let digest), .head):
            reply = try await blob(digest, in: name, call)
        case (.blob(let name, let digest), .delete): reply = try await removeBlob(digest, in: name, call)
        case (.startUpload(let name), .post): reply = try await startUpload(to: name, call)
        case (.upload(let name, let id), .get): reply = try await uploadStatus(id, of: name, call)
        case (.upload(let name, let id), .patch): reply = try await append(to: id, of: name, call)
        case (.upload(let name, let id), .put): reply = try await finish(id, of: name, call)
        case (.upload(let name, let id), .delete): reply = try await cancel(id, of: name, call)
        case (.manifest(let name, let selector), .get), (.manifest(let name, let selector), .head):
            reply = try await manifest(selector, in: name, call)
        case (.manifest(let name, let selector), .put): reply = try await putManifest(selector, in: name, call)
        case (.manifest(let name, let selector), .delete):
            reply = try await removeManifest(selector, in: name, call)
        case (.tags(let name), .get): reply = try await tags(of: name, call)
        case (.referrers(let name, let digest), .get): reply = try await referrers(of: digest, in: name, call)
        default:
            throw Failure(.methodNotAllowed, .unsupported, "Unable to do '\(call.method)' here.")
        }
        reply.headers[.apiVersion] = "registry/2.0"
        return reply
    }

    /// end-1: whether credentials are needed, and whether they are right.
    ///
    /// Where there are users, strangers are asked for credentials even if they may read: clients that are not asked here
    /// never send any. For a stranger the token endpoint has a stranger's token.
    private func base(_ call: Call) throws -> Reply {
        let isKnown = call.identity.user != nil || call.identity.scopes != nil || options.usersPath == nil
        guard isKnown, call.identity.user != nil || !call.identity.rules.isEmpty else {
            throw Failure(
                .unauthorized, .unauthorized, "Unable to continue: credentials are needed.",
                headers: [.wwwAuthenticate: call.challenge(nil)])
        }
        return Reply(.ok, [.contentType: "application/json"], body: .bytes(Array("{}".utf8)))
    }

    /// A tag; throws `MANIFEST_INVALID` for what is none.
    static func tag(_ text: String) throws -> Tag {
        do throws(RegistryError) {
            return try Tag(parsing: text)
        } catch {
            throw Failure(.badRequest, .manifestInvalid, error.message)
        }
    }

    /// The number in a query's field; nil when there is none.
    static func count(_ call: Call, _ name: String) throws -> Int? {
        guard let text = call.target[name] else { return nil }
        guard let count = Int(text), count >= 0 else {
            throw Failure(.badRequest, .unsupported, "Unable to list: '\(name)' must be a number, 0 or more.")
        }
        return count
    }
}
