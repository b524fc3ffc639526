internal import AdapterRegistry
internal import ArgumentParser
internal import Glibc
internal import OCIDistribution

/// How remote registries are reached: `push`, `pull`, `list`, `login` and `logout` have these options.
struct RemoteArguments: ParsableArguments {
    @Flag(help: "Speak to the remote registry without TLS, as oci+http:// does.")
    var plainHttp = false

    @Option(
        help: ArgumentHelp(
            "Trust the certificate authorities in this PEM file too; default: $SSL_CERT_FILE.", valueName: "file"))
    var caFile: String?

    @Option(
        help: ArgumentHelp(
            "Where credentials are; default: $REGISTRY_AUTH_FILE, else Docker's config.json, then podman's auth.json.",
            valueName: "file"))
    var authfile: String?

    /// The options of a client.
    func clientOptions() -> ClientOptions {
        var options = ClientOptions()
        options.isPlain = plainHttp
        options.transport.authorityFile = caFile ?? GlobalOptions.environment("SSL_CERT_FILE")
        options.transport.userAgent = "adapterctl/\(ToolVersion.current)"
        return options
    }

    /// Where credentials are.
    var credentials: CredentialStore {
        let names = ["HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"]
        let environment = names.compactMap { name in GlobalOptions.environment(name).map { (name, $0) } }
        return CredentialStore(
            environment: Dictionary(environment, uniquingKeysWith: { first, _ in first }), authenticationFile: authfile)
    }

    /// A client for the registry of a reference.
    func client(for reference: RemoteReference, _ options: ClientOptions? = nil) throws -> RegistryClient {
        try RegistryClient(for: reference, credentials: credentials, options: options ?? clientOptions())
    }
}

/// What an argument names outside of the local registry: `oci://HOST/NAME[:TAG]` or `oci:FOLDER[:TAG]`.
enum RemotePlace {
    case registry(RemoteReference)
    case layout(ImageLayout, tag: String)

    /// Nil for what is none: a reference or a path.
    init?(parsing text: String) throws {
        if RemoteReference.isRemote(text) {
            self = .registry(try RemoteReference(parsing: text))
            return
        }
        for prefix in ["oci-layout:", "oci:"] where text.hasPrefix(prefix) {
            let rest = text.dropFirst(prefix.count)
            // skopeo's spelling: what follows the last colon is the tag, unless it is a part of the path.
            guard let colon = rest.utf8.lastIndex(of: UInt8(ascii: ":")),
                !rest[colon...].utf8.contains(UInt8(ascii: "/"))
            else {
                self = .layout(ImageLayout(try RemotePlace.folder(rest, text)), tag: "")
                return
            }
            let tag = String(rest[rest.utf8.index(after: colon)...])
            // skopeo allows any text here; tags of registries are what travels on.
            _ = try Tag(parsing: tag)
            self = .layout(ImageLayout(try RemotePlace.folder(rest[..<colon], text)), tag: tag)
            return
        }
        return nil
    }

    private static func folder(_ folder: Substring, _ text: String) throws -> String {
        guard !folder.isEmpty else { throw ValidationError("'\(text)' names no folder: oci:FOLDER[:TAG] is expected.") }
        return String(folder)
    }

    /// The place as text.
    var description: String {
        switch self {
        case .registry(let reference): reference.description
        case .layout(let layout, let tag): "oci:\(layout.folder)" + (tag.isEmpty ? "" : ":\(tag)")
        }
    }

    /// The tag or digest to ask for; empty for the only artifact of a layout.
    var selector: String {
        switch self {
        case .registry(let reference): reference.selector
        case .layout(_, let tag): tag
        }
    }

    /// The tags to set.
    var tags: [String] {
        switch self {
        case .registry(let reference): reference.digest == nil ? [reference.selector] : []
        case .layout(_, let tag): [tag.isEmpty ? "latest" : tag]
        }
    }

    /// The repository or the layout.
    ///
    /// - Parameters:
    ///   - noteFolder: where unfinished uploads are noted.
    ///   - mountSources: repositories of the same registry that may have the blobs.
    func repository(
        _ arguments: RemoteArguments, _ options: ClientOptions? = nil, noteFolder: String? = nil,
        mountSources: [RepositoryName] = []
    ) throws -> any ArtifactRepository {
        switch self {
        case .registry(let reference):
            RemoteRepository(
                try arguments.client(for: reference, options), reference.repository, mountSources: mountSources,
                noteFolder: noteFolder)
        case .layout(let layout, _): layout
        }
    }
}
