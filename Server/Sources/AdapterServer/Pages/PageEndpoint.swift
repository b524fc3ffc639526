import AdapterPictures
import AdapterRegistry
import HTTPTypes
import HummingbirdCore
import Integrity
import Logging
import OCIDistribution

/// The registry for browsers: `/` and everything below `/-/`.
struct PageEndpoint: Sendable {
    /// How long a page waits for numbers that are being computed; then its pictures come when they are there.
    private static let patience: Duration = .milliseconds(400)
    /// A browser may keep a picture for a day: it follows from its address.
    private static let pictureCaching = "private, max-age=86400"

    let work: BlockingWork
    let studies: Studies
    let rendered: RenderedPackages
    let hasUsers: Bool
    let keys: KeyFolder?
    let logger: Logger

    /// Answers a request.
    func reply(to call: Call, _ address: PageAddress) async throws -> Reply {
        guard [.get, .head].contains(call.method) else {
            throw Failure(.methodNotAllowed, .unsupported, "Unable to do '\(call.method)' here.")
        }
        let pages = RegistryPages(
            call.registry, reader: reader(call.identity), origin: call.origin, keys: trustedKeys(address))
        do {
            return try await read(call, address, pages)
        } catch let absence as RegistryPages.Absence {
            return refusal(absence, pages)
        } catch let failure as Failure {
            throw failure
        } catch {
            // The answer is for people, the log knows more.
            logger.error("A page failed", metadata: ["error": "\(error)"])
            return html(
                pages.failure("This page cannot be shown", "The server has failed. Its log says more."), call,
                status: .internalServerError)
        }
    }

    /// The answer to a request whose credentials are not right.
    func challenge(_ call: Call) -> Reply {
        refusal(.unknownReader, RegistryPages(call.registry, reader: reader(call.identity), origin: call.origin))
    }

    /// The answer to an address below `/-/` that is none.
    func unknown(_ call: Call) -> Reply {
        refusal(.notFound, RegistryPages(call.registry, reader: reader(call.identity), origin: call.origin))
    }

    private func read(_ call: Call, _ address: PageAddress, _ pages: RegistryPages) async throws -> Reply {
        switch address {
        case .index:
            let search = PageSearch(
                text: call.target["q"], base: call.target["base"], order: call.target["sort"],
                after: call.target["after"])
            return html(try await work.run { try pages.index(search) }, call)
        case .signIn:
            guard call.identity.user != nil || !hasUsers else { throw RegistryPages.Absence.unknownReader }
            return Reply(.seeOther, [.location: "/"])
        case .repository(let name):
            let after = call.target["after"].flatMap { try? Tag(parsing: $0) }
            let showsMore = call.target["events"] != nil
            return html(
                try await work.run { try pages.repository(name, after: after, showsMore: showsMore) }, call)
        case .adapter(let reference):
            let (stored, manifest) = try await work.run { () throws -> (StoredAdapter, String) in
                let stored = try pages.resolve(reference)
                return (stored, try digestOfManifest(of: stored, call.registry))
            }
            let study =
                stored.kind == .adapter
                ? try await study([stored], pages, call, patience: PageEndpoint.patience) : AdapterStudy.State.pending
            return html(try await work.run { try pages.adapter(stored, study: study, manifest: manifest) }, call)
        case .lineage(let reference):
            return html(try await work.run { try pages.lineage(try pages.resolve(reference)) }, call)
        case .comparison:
            let texts = call.target.values(PageAddress.comparedField)
            let stored = try await work.run { try pages.compared(texts) }
            let study = try await study(stored, pages, call, patience: PageEndpoint.patience)
            return html(try await work.run { try pages.comparison(stored, study: study) }, call)
        case .picture(let picture, let reference):
            let texts = call.target.values(PageAddress.comparedField)
            let stored = try await work.run { () throws -> [StoredAdapter] in
                if let reference { return [try pages.resolve(reference)] }
                return try pages.compared(texts)
            }
            guard stored.allSatisfy({ $0.kind == .adapter }) else { throw RegistryPages.Absence.notFound }
            guard case .done(let study) = try await study(stored, pages, call, patience: nil),
                let svg = try await work.run({ study.svg(picture) })
            else { throw RegistryPages.Absence.notFound }
            var reply = tagged(svg, "image/svg+xml", call)
            // One that is named by digests shows the same for ever.
            if reference?.tag == nil { reply.headers[.cacheControl] = PageEndpoint.pictureCaching }
            return reply
        }
    }

    private func study(
        _ stored: [StoredAdapter], _ pages: RegistryPages, _ call: Call, patience: Duration?
    ) async throws -> AdapterStudy.State {
        let state = await studies.study(of: stored, for: pages, in: call.registry, patience: patience)
        if let state { return state }
        guard patience == nil else { return .pending }
        throw Failure(
            .serviceUnavailable, .tooManyRequests, "Unable to draw this now: too many others are waiting. Ask again.",
            headers: [.retryAfter: "5"])
    }

    /// The digest under which clients of registries find an adapter.
    private func digestOfManifest(of stored: StoredAdapter, _ registry: Registry) throws -> String {
        let repository = stored.reference.repository
        if let tag = stored.reference.tag,
            case .manifest(let manifest) = try registry.taggedPackage(tag, in: repository),
            manifest.adapter == stored.digest
        {
            return manifest.digest
        }
        guard stored.kind == .adapter else { return stored.digest.description }
        return try rendered.manifest(of: stored, by: registry).digest
    }

    private func reader(_ identity: Identity) -> PageReader {
        PageReader(
            name: identity.user, canSignIn: hasUsers, prefixes: identity.readablePrefixes,
            mayRead: { identity.may(.read, $0.description) })
    }

    /// The keys whose signatures count; one that cannot be read must not hide the adapter.
    private func trustedKeys(_ address: PageAddress) -> [TrustedKey] {
        guard case .adapter = address, let keys else { return [] }
        do {
            return try keys.names().compactMap { name in
                do {
                    return try keys.trustedKey(name)
                } catch {
                    logger.warning("A trusted key cannot be read", metadata: ["key": "\(name)", "error": "\(error)"])
                    return nil
                }
            }
        } catch {
            logger.warning("The trusted keys cannot be read", metadata: ["error": "\(error)"])
            return []
        }
    }

    private func refusal(_ absence: RegistryPages.Absence, _ pages: RegistryPages) -> Reply {
        switch absence {
        case .unknownReader:
            var reply = html(
                pages.failure("Sign in", "A name and a password, or a token in its place, are needed to see this."),
                nil,
                status: .unauthorized)
            reply.headers[.wwwAuthenticate] = "Basic realm=\"adapterd\", charset=\"UTF-8\""
            return reply
        case .notFound:
            return html(
                pages.failure("Nothing here", "There is nothing at this address that you may read."), nil,
                status: .notFound)
        case .invalid(let message):
            return html(pages.failure("This cannot be shown", message), nil, status: .badRequest)
        }
    }

    private func html(_ text: String, _ call: Call?, status: HTTPResponse.Status = .ok) -> Reply {
        guard let call, status == .ok else {
            return Reply(
                status, PageEndpoint.headers("text/html; charset=utf-8"), body: .bytes(Array(text.utf8)))
        }
        return tagged(text, "text/html; charset=utf-8", call)
    }

    /// An answer that is not sent again to somebody who has it.
    private func tagged(_ text: String, _ type: String, _ call: Call) -> Reply {
        let bytes = Array(text.utf8)
        var headers = PageEndpoint.headers(type)
        let tag = "\"\(SHA256.hash(bytes).hexadecimal.prefix(32))\""
        headers[.eTag] = tag
        let known = (call.request.headers[.ifNoneMatch] ?? "").split(separator: ",").map {
            $0.drop { $0 == " " || $0 == "W" || $0 == "/" }
        }
        return known.contains { $0 == tag || $0 == "*" }
            ? Reply(.notModified, headers) : Reply(.ok, headers, body: .bytes(bytes))
    }

    /// What browsers may do with a page: show it, load its pictures from here, send its forms here.
    private static func headers(_ type: String) -> HTTPFields {
        [
            .contentType: type, .cacheControl: "private, no-cache", .referrerPolicy: "same-origin",
            .contentSecurityPolicy:
                "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; "
                + "base-uri 'none'; frame-ancestors 'none'",
        ]
    }
}

extension Identity {
    /// The shortest prefixes below which something may be read; nil when that is everything.
    fileprivate var readablePrefixes: [String]? {
        if mayEverywhere(.read) { return nil }
        guard ceiling >= .read else { return [] }
        let rules = rules.filter { $0.level >= .read }
        let prefixes = scopes.map { $0.map(\.prefix) } ?? rules.map(\.prefix)
        return Set(prefixes).filter { prefix in
            !prefixes.contains { $0 != prefix && (prefix.hasPrefix($0 + "/") || $0.isEmpty) }
        }.sorted()
    }
}
