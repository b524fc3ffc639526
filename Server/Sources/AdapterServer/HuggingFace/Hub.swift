import AdapterInterchange
import AdapterRegistry
import ByteCoding
import HTTPTypes
import HummingbirdCore
import Integrity
import OCIDistribution

/// The reads of the Hugging Face Hub that its clients need to download a model: adapters by name and tag, as PEFT's files.
///
/// A revision is a tag, a commit is the first 160 bits of an adapter's digest, and `main` is the tag `main` or `latest`,
/// or the only tag there is.
struct Hub: Sendable {
    /// What a request asks for.
    enum Endpoint {
        case model(name: String, revision: String)
        case tree(name: String, revision: String)
        case paths(name: String, revision: String)
        case references(name: String)
        case file(name: String, revision: String, path: String)
        case whoAmI

        /// The model that is asked for.
        var name: String? {
            switch self {
            case .model(let name, _), .tree(let name, _), .paths(let name, _), .references(let name),
                .file(let name, _, _):
                name
            case .whoAmI: nil
            }
        }
    }

    private static let formLimit = 1 << 20

    let work: BlockingWork
    let gatekeeper: Gatekeeper
    let files: ConvertedFiles
    let upstream: HubUpstream?

    /// Reads a path; nil for what is no endpoint.
    static func endpoint(_ path: [String]) -> Endpoint? {
        func name(_ parts: ArraySlice<String>) -> String { parts.joined(separator: "/") }
        if path == ["api", "whoami-v2"] { return .whoAmI }
        if path.starts(with: ["api", "models"]) {
            let rest = path.dropFirst(2)
            guard !rest.isEmpty else { return nil }
            if rest.last == "refs", rest.count > 1 { return .references(name: name(rest.dropLast())) }
            for (word, make) in [
                ("revision", Endpoint.model), ("tree", Endpoint.tree), ("paths-info", Endpoint.paths),
            ] {
                if let index = rest.dropFirst().firstIndex(of: word), index + 1 < rest.endIndex {
                    return make(name(rest[..<index]), rest[index + 1])
                }
            }
            return .model(name: name(rest), revision: "main")
        }
        guard let index = path.dropFirst().firstIndex(of: "resolve"), index + 2 < path.endIndex else { return nil }
        return .file(name: name(path[..<index]), revision: path[index + 1], path: name(path[(index + 2)...]))
    }

    /// Answers a request.
    func reply(to call: Call, _ endpoint: Endpoint) async throws -> Reply {
        if case .whoAmI = endpoint { return try whoAmI(call) }
        guard [.get, .head, .post].contains(call.method) else {
            throw Failure(.methodNotAllowed, .unsupported, "Unable to do '\(call.method)' here.")
        }
        do {
            return try await read(call, endpoint)
        } catch let failure as HubFailure where failure.isUnknownRepository && upstream != nil {
            // The client asks the upstream for models that are not here, base models above all. What is here, or would be,
            // is not asked for elsewhere: neither shall others learn its name, nor serve theirs in its place.
            guard let upstream, let name = endpoint.name, try await !isOurs(name, call) else { return failure.reply }
            return try await upstream.reply(to: call)
        } catch let failure as HubFailure {
            return failure.reply
        }
    }

    private func read(_ call: Call, _ endpoint: Endpoint) async throws -> Reply {
        switch endpoint {
        case .whoAmI: return try whoAmI(call)
        case .model(let name, let revision):
            let stored = try await resolve(name, revision, call)
            return json(HubDocuments.model(name, stored, try await listed(stored, call)))
        case .tree(let name, let revision):
            let stored = try await resolve(name, revision, call)
            return json(.array(try await listed(stored, call).map(HubDocuments.file)))
        case .paths(let name, let revision):
            let stored = try await resolve(name, revision, call)
            var body = try await call.body(limit: Hub.formLimit)
            let wanted = try Hub.paths(try await body.all(), call.request.headers[.contentType])
            return json(
                .array(try await listed(stored, call).filter { wanted.contains($0.name) }.map(HubDocuments.file)))
        case .references(let name):
            let repository = try repository(name, call)
            let found = try await work.run {
                try call.registry.packageTags(in: repository, after: nil, limit: 1000) ?? []
            }
            var branches: [(name: String, commit: String)] = []
            for tag in found {
                if let stored = try await adapter(tag, in: repository, call) {
                    branches.append((tag.description, HubDocuments.commit(stored)))
                }
            }
            guard !branches.isEmpty else { throw HubFailure.repository(name) }
            return json(HubDocuments.references(branches))
        case .file(let name, let revision, let path):
            let stored = try await resolve(name, revision, call)
            guard let file = try await listed(stored, call).first(where: { $0.name == path }) else {
                throw HubFailure.entry(name, path, commit: HubDocuments.commit(stored))
            }
            let headers: HTTPFields = [
                .contentType: path.hasSuffix(".json") ? "application/json" : "application/octet-stream",
                .eTag: "\"\(file.digest.hexadecimal)\"", .acceptRanges: "bytes",
                .repoCommit: HubDocuments.commit(stored),
            ]
            return try Content(path: file.path, byteCount: file.byteCount).reply(headers, call)
        }
    }

    /// Whether a name exists here, or lies where somebody's rules say that names of this server are.
    private func isOurs(_ name: String, _ call: Call) async throws -> Bool {
        let name = name.lowercased()
        if gatekeeper.hasRule(about: name) { return true }
        guard let repository = try? RepositoryName(parsing: name) else { return false }
        return try await work.run { try call.registry.packageTags(in: repository, after: nil, limit: 1) != nil }
    }

    private func json(_ document: MetadataValue) -> Reply {
        Reply(.ok, [.contentType: "application/json"], body: .bytes(Array(JSON.text(document).utf8)))
    }

    private func whoAmI(_ call: Call) throws -> Reply {
        guard let user = call.identity.user else {
            throw Failure(
                .unauthorized, .unauthorized, "Unable to say who you are: credentials are needed.",
                headers: [.wwwAuthenticate: call.challenge(nil)])
        }
        return json(["name": .string(user), "type": "user", "auth": ["type": "access_token"]])
    }

    /// A repository that the client may read; one that it may not is as unknown as one that does not exist.
    private func repository(_ name: String, _ call: Call) throws -> RepositoryName {
        guard let repository = try? RepositoryName(parsing: name) else { throw HubFailure.repository(name) }
        guard call.identity.may(.read, name) else {
            throw HubFailure.repository(name, status: call.identity.user == nil ? .unauthorized : .notFound)
        }
        return repository
    }

    private func resolve(_ name: String, _ revision: String, _ call: Call) async throws -> StoredAdapter {
        let repository = try repository(name, call)
        if let tag = try? Tag(parsing: revision), let stored = try await adapter(tag, in: repository, call) {
            return stored
        }
        let tags = try await work.run { try call.registry.packageTags(in: repository, after: nil, limit: 2) }
        guard let tags else { throw HubFailure.repository(name) }
        if revision == "main" {
            if let stored = try await adapter(.latest, in: repository, call) { return stored }
            if tags.count == 1, let stored = try await adapter(tags[0], in: repository, call) { return stored }
        }
        let stored = try await work.run { () throws -> StoredAdapter? in
            guard HubDocuments.isCommit(revision) else { return nil }
            let digest = try call.registry.versions(of: repository).first { $0.hexadecimal.hasPrefix(revision) }
            return try digest.map { try call.registry.resolve(Reference(repository, digest: $0)) }
        }
        guard let stored else { throw HubFailure.revision(name, revision) }
        return stored
    }

    /// The adapter that a tag stands at; nil when there is none.
    private func adapter(_ tag: Tag, in repository: RepositoryName, _ call: Call) async throws -> StoredAdapter? {
        try await work.run {
            let digest: Digest?
            switch try call.registry.taggedPackage(tag, in: repository) {
            case .adapter(let stored): digest = stored.kind == .adapter ? stored.digest : nil
            case .manifest(let manifest): digest = manifest.adapter
            case nil: digest = nil
            }
            return try digest.map { try call.registry.resolve(Reference(repository, digest: $0)) }
        }
    }

    private func listed(_ stored: StoredAdapter, _ call: Call) async throws -> [ConvertedFiles.File] {
        do {
            return try await files.files(of: stored, in: call.registry)
        } catch let error as InterchangeError where error.code == .notExpressible {
            throw HubFailure.entry(
                stored.reference.repository.description, PEFT.tensorsName, commit: HubDocuments.commit(stored),
                reason: error.message)
        }
    }

    /// The paths that a body names: JSON, or a form as older clients send it.
    private static func paths(_ bytes: [UInt8], _ type: String?) throws -> Set<String> {
        if type?.hasPrefix("application/json") == true {
            guard let document = try? JSON.parse(bytes), let paths = document["paths"]?.array else {
                throw Failure(.badRequest, .unsupported, "Unable to read the paths: a JSON object is expected.")
            }
            return Set(paths.compactMap(\.string))
        }
        guard let form = String(validating: bytes, as: UTF8.self).flatMap(Target.init(query:)) else {
            throw Failure(.badRequest, .unsupported, "Unable to read the paths: the form is not URL-encoded.")
        }
        return Set(form.values("paths"))
    }
}

extension HTTPField.Name {
    static let repoCommit = HTTPField.Name("X-Repo-Commit") ?? .eTag
    static let errorCode = HTTPField.Name("X-Error-Code") ?? .eTag
    static let errorMessage = HTTPField.Name("X-Error-Message") ?? .eTag
}
