public import AdapterRegistry
internal import ByteCoding

/// A manifest or an index as a registry has it: the bytes decide what it is called.
public struct FetchedManifest: Hashable, Sendable {
    /// What the registry calls it, or it itself.
    public let mediaType: MediaType
    /// The digest of its bytes.
    public let digest: ContentDigest
    /// Its bytes.
    public let bytes: [UInt8]

    /// A descriptor of it.
    public var descriptor: Descriptor { Descriptor(mediaType: mediaType, digest: digest, byteCount: bytes.count) }
}

extension RegistryClient {
    private static let accepted = [
        MediaType.manifest, .index, .dockerManifest, .dockerManifestList,
    ].map(\.description).joined(separator: ", ")

    /// Fetches a manifest or an index (end-3).
    ///
    /// - Parameter selector: a tag or a digest; what comes for a digest has that digest.
    /// - Throws: ``OCIError`` with code `notFound`, `digestMismatch`, `tooLarge` and others.
    public func manifest(_ repository: RepositoryName, _ selector: String) throws -> FetchedManifest {
        let request = HTTPRequest(
            .get, try url(repository, "manifests/\(selector)"), headers: [("Accept", RegistryClient.accepted)])
        let response = try send(request, scope: [scope(repository, "pull")])
        guard response.status == 200 else {
            throw failure(response, "fetch '\(repository)' at '\(selector)' from '\(host)'")
        }
        func mismatch(_ stated: ContentDigest, _ actual: ContentDigest) -> OCIError {
            OCIError(
                .digestMismatch,
                "Unable to fetch '\(repository)' at '\(selector)' from '\(host)': the manifest has the digest \(actual), "
                    + "\(stated) was expected. The registry or something on the way has changed it.")
        }
        var digest = ContentDigest.hash(response.content)
        if let wanted = try? ContentDigest(parsing: selector) {
            digest = .hash(response.content, algorithm: wanted.algorithm)
            guard digest == wanted else { throw mismatch(wanted, digest) }
        } else if let text = response.headers["Docker-Content-Digest"] {
            let stated = try ContentDigest(parsing: text)
            digest = .hash(response.content, algorithm: stated.algorithm)
            guard digest == stated else { throw mismatch(stated, digest) }
        }
        return FetchedManifest(
            mediaType: try mediaType(of: response), digest: digest, bytes: response.content)
    }

    /// The media type that an answer names, or that its content does where the answer says no more than JSON.
    private func mediaType(of response: HTTPResponse) throws -> MediaType {
        let stated = try response.headers["Content-Type"].map { text throws in try MediaType(parsingHeader: text) }
        if let stated, stated.isManifest || stated.isIndex { return stated }
        let fields = try JSONFields(
            parsing: response.content, kind: "manifest", limit: ImageManifest.maximumByteCount)
        if let own = try fields.mediaType("mediaType") { return own }
        return fields.value("manifests") == nil ? .manifest : .index
    }

    /// The digest at which a tag stands, without fetching the manifest; nil when there is none, or the registry does not
    /// say (end-3).
    public func digest(_ repository: RepositoryName, _ selector: String) throws -> ContentDigest? {
        let request = HTTPRequest(
            .head, try url(repository, "manifests/\(selector)"), headers: [("Accept", RegistryClient.accepted)])
        let response = try send(request, scope: [scope(repository, "pull")])
        if response.status == 404 { return nil }
        guard response.status == 200 else { throw failure(response, "examine '\(repository)' at '\(selector)'") }
        return try response.headers["Docker-Content-Digest"].map { text throws in try ContentDigest(parsing: text) }
    }

    /// Stores a manifest or an index under a tag or its digest (end-7).
    ///
    /// - Returns: whether the registry lists it with its subject by itself; false when it has none.
    /// - Throws: ``OCIError`` with code `denied`, `rejected`, `digestMismatch` and others.
    @discardableResult
    public func putManifest(
        _ bytes: [UInt8], mediaType: MediaType, _ repository: RepositoryName, _ selector: String
    ) throws -> Bool {
        var request = HTTPRequest(
            .put, try url(repository, "manifests/\(selector)"), headers: [("Content-Type", mediaType.description)])
        request.body = .bytes(bytes)
        let response = try send(request, scope: [scope(repository, "pull,push")])
        guard [200, 201, 202].contains(response.status) else {
            throw failure(response, "store '\(repository)' at '\(selector)' on '\(host)'")
        }
        if let text = response.headers["Docker-Content-Digest"] {
            let stated = try ContentDigest(parsing: text)
            guard stated == .hash(bytes, algorithm: stated.algorithm) else {
                throw OCIError(
                    .digestMismatch,
                    "Unable to store '\(repository)' at '\(selector)' on '\(host)': the registry calls it \(stated), which "
                        + "is not the digest of what was sent.")
            }
        }
        return response.headers["OCI-Subject"] != nil
    }

    /// Removes a tag, or a manifest with all of its tags when the selector is a digest (end-9).
    ///
    /// - Throws: ``OCIError`` with code `notFound`, `unsupported` and others.
    public func deleteManifest(_ repository: RepositoryName, _ selector: String) throws {
        let request = HTTPRequest(.delete, try url(repository, "manifests/\(selector)"))
        let response = try send(request, scope: [scope(repository, "pull,push,delete")])
        guard [200, 202, 204].contains(response.status) else {
            throw failure(response, "remove '\(repository)' at '\(selector)' from '\(host)'")
        }
    }
}
