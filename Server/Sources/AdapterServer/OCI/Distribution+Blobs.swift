import AdapterRegistry
import HTTPTypes
import HummingbirdCore
import OCIDistribution

// Pulling and removing blobs: end-2 and end-10.
extension Distribution {
    /// end-2: a blob, or a range of it.
    func blob(_ digest: ContentDigest, in name: RepositoryName, _ call: Call) async throws -> Reply {
        try call.require(.read, name)
        var headers: HTTPFields = [
            .contentType: "application/octet-stream", .contentDigest: digest.description,
            .eTag: "\"\(digest)\"", .acceptRanges: "bytes", .cacheControl: "public, max-age=31536000, immutable",
        ]
        if options.usersPath != nil { headers[.cacheControl] = "private, max-age=31536000, immutable" }
        let found = try await work.run { () throws -> Content? in
            if let blob = try call.registry.packageBlob(digest.description, in: name) {
                if call.method == .head, call.identity.may(.write, name.description) {
                    try call.registry.keepPackageBlob(digest.description, in: name)
                }
                return Content(path: blob.path, byteCount: blob.byteCount)
            }
            return try rendered.blob(digest, in: name, of: call.registry).map(Content.init(bytes:))
        }
        guard let found else {
            throw Failure(.notFound, .blobUnknown, "Unable to find the blob \(digest): '\(name)' does not have it.")
        }
        return try found.reply(headers, call)
    }

    /// end-10: takes a blob out of a repository.
    func removeBlob(_ digest: ContentDigest, in name: RepositoryName, _ call: Call) async throws -> Reply {
        try call.require(.admin, name)
        do {
            try await work.run { try call.registry.removePackageBlob(digest.description, in: name) }
        } catch let error as RegistryError where error.code == .notFound {
            throw Failure(.notFound, .blobUnknown, error.message)
        } catch let error as RegistryError where error.code == .conflict {
            throw Failure(.methodNotAllowed, .unsupported, error.message)
        }
        return Reply(.accepted)
    }
}

/// Bytes that are sent whole or in part.
struct Content: Sendable {
    private let body: Reply.Body
    let byteCount: Int

    /// A file that nobody changes.
    init(path: String, byteCount: Int) {
        body = .file(path, 0..<byteCount)
        self.byteCount = byteCount
    }

    /// Bytes in memory.
    init(bytes: [UInt8]) {
        body = .bytes(bytes)
        byteCount = bytes.count
    }

    /// The answer to a request, with the range that it asks for (RFC 9110 section 14).
    func reply(_ headers: HTTPFields, _ call: Call) throws -> Reply {
        let whole = Reply(.ok, headers, body: body)
        guard let text = call.request.headers[.range], call.method == .get || call.method == .head else { return whole }
        // A range of another version is not wanted.
        if let condition = call.request.headers[.ifRange], condition != headers[.eTag] { return whole }
        // Several ranges, and units that are not bytes, may be answered with everything.
        guard text.lowercased().hasPrefix("bytes="), !text.contains(",") else { return whole }
        guard let range = RangeRequest(parsing: text)?.resolved(byteCount: byteCount) else {
            throw Failure(
                .rangeNotSatisfiable, .unsupported,
                "Unable to send the range '\(text)': there are \(byteCount) bytes.",
                headers: [.contentRange: "bytes */\(byteCount)"])
        }
        var headers = headers
        headers[.contentRange] = ContentRange(range, of: byteCount).description
        switch body {
        case .file(let path, _): return Reply(.partialContent, headers, body: .file(path, range))
        case .bytes(let bytes): return Reply(.partialContent, headers, body: .bytes(Array(bytes[range])))
        case .none: return whole
        }
    }
}
