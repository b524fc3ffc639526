public import AdapterRegistry

extension RegistryClient {
    /// The most referrers that are listed.
    public static let maximumReferrerCount = 10_000

    /// The manifests that are about another one (end-12), or those that its fallback tag lists where the registry has
    /// no such list of its own.
    ///
    /// - Parameter artifactType: only those of this kind.
    /// - Throws: ``OCIError``; a registry that has neither list has no referrers, everything else is an error.
    public func referrers(
        of digest: ContentDigest, in repository: RepositoryName, artifactType: MediaType? = nil
    ) throws -> [Descriptor] {
        var referrers: [Descriptor] = []
        do {
            var first = try url(repository, "referrers/\(digest)")
            if let artifactType, let filtered = first.adding(query: [("artifactType", artifactType.description)]) {
                first = filtered
            }
            try forEachPage(
                first, "what is about \(digest) on '\(host)'", scope: [scope(repository, "pull")],
                limit: ImageIndex.maximumByteCount, accept: MediaType.index.description
            ) { response in
                referrers += try ImageIndex(parsing: response.content).manifests
                guard referrers.count <= RegistryClient.maximumReferrerCount else {
                    throw OCIError(
                        .tooLarge,
                        "Unable to list what is about \(digest) on '\(host)': there are more than "
                            + "\(RegistryClient.maximumReferrerCount) documents.")
                }
            }
        } catch let error as OCIError where error.code == .notFound || error.code == .unsupported {
            referrers = try fallbackIndex(digest, repository)?.manifests ?? []
        }
        // A registry may leave the filter out.
        return referrers.filter { artifactType == nil || $0.artifactType == artifactType }
    }

    /// Stores a manifest that is about another one, by its digest, and lists it under the fallback tag where the
    /// registry does not list it by itself (OCI distribution specification 1.1, "Pushing Manifests with Subject").
    public func putReferrer(_ manifest: ImageManifest, in repository: RepositoryName) throws {
        guard let subject = manifest.subject else { return }
        let bytes = manifest.bytes
        let descriptor = Descriptor(
            of: bytes, mediaType: manifest.mediaType, annotations: manifest.annotations,
            artifactType: manifest.effectiveArtifactType)
        let isListed = try putManifest(
            bytes, mediaType: manifest.mediaType, repository, descriptor.digest.description)
        guard !isListed else { return }
        var index = try fallbackIndex(subject.digest, repository) ?? ImageIndex()
        guard !index.manifests.contains(where: { $0.digest == descriptor.digest }) else { return }
        index.manifests.append(descriptor)
        try putManifest(
            index.bytes, mediaType: .index, repository, RegistryClient.fallbackTag(subject.digest))
    }

    /// The tag under which referrers are listed by registries that do not do it themselves.
    static func fallbackTag(_ digest: ContentDigest) -> String {
        "\(digest.algorithm.rawValue)-\(digest.hexadecimal.prefix(64))"
    }

    private func fallbackIndex(_ digest: ContentDigest, _ repository: RepositoryName) throws -> ImageIndex? {
        do {
            let fetched = try manifest(repository, RegistryClient.fallbackTag(digest))
            return try ImageIndex(parsing: fetched.bytes, mediaType: fetched.mediaType)
        } catch let error as OCIError where error.code == .notFound {
            return nil
        }
    }
}
