internal import ByteCoding
internal import FileSystem

/// Where credentials are: the files of Docker and of podman, and the helpers that they name.
///
/// A file is asked for the most specific of its keys first (podman's may name a repository), then its helpers.
public struct CredentialStore: Sendable {
    /// The longest file of credentials that is read, in bytes.
    static let maximumByteCount = 4 << 20

    /// The files in the order in which they are asked; the first is where credentials are kept.
    public let paths: [String]

    /// The files that these variables of the environment lead to.
    ///
    /// - Parameter authenticationFile: asked instead of all others, as `REGISTRY_AUTH_FILE` is.
    public init(environment: [String: String], authenticationFile: String? = nil) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let file = authenticationFile ?? value("REGISTRY_AUTH_FILE") {
            paths = [file]
            return
        }
        let home = value("HOME")
        paths = [
            (value("DOCKER_CONFIG") ?? home.map { "\($0)/.docker" }).map { "\($0)/config.json" },
            value("XDG_RUNTIME_DIR").map { "\($0)/containers/auth.json" },
            (value("XDG_CONFIG_HOME") ?? home.map { "\($0)/.config" }).map { "\($0)/containers/auth.json" },
        ].compactMap { $0 }
    }

    /// The credential for a repository; nil when there is none.
    ///
    /// - Throws: ``OCIError`` with code `credentials` when a file or a helper that should have it fails.
    public func credential(for host: RegistryHost, repository: String?) throws -> Credential? {
        for path in paths {
            guard let file = try CredentialFile(reading: path) else { continue }
            if let credential = try file.credential(for: host, repository: repository) { return credential }
        }
        return nil
    }

    /// Keeps a credential, in the helper that the first file names, else in that file.
    ///
    /// - Returns: where it is kept now.
    /// - Throws: ``OCIError`` with code `credentials`, or `FileSystemError`.
    public func store(user: String, password: String, for host: RegistryHost) throws -> String {
        let path = try firstPath()
        var file = try CredentialFile(reading: path) ?? CredentialFile(path: path)
        if let helper = try file.helper(for: host) {
            try helper.store(user: user, password: password, for: CredentialFile.key(of: host))
            return "docker-credential-\(helper.name)"
        }
        file.set(user: user, password: password, for: host)
        try file.write()
        return path
    }

    /// Forgets the credentials for a host in all files and their helpers.
    ///
    /// - Returns: where there were some.
    /// - Throws: ``OCIError`` with code `credentials`, or `FileSystemError`.
    public func erase(_ host: RegistryHost) throws -> [String] {
        var places: [String] = []
        for path in paths {
            guard var file = try CredentialFile(reading: path) else { continue }
            if let helper = try file.helper(for: host),
                try helper.credential(for: CredentialFile.key(of: host)) != nil
            {
                try helper.erase(CredentialFile.key(of: host))
                places.append("docker-credential-\(helper.name)")
            }
            if file.remove(host) {
                try file.write()
                places.append(path)
            }
        }
        return places
    }

    private func firstPath() throws -> String {
        guard let path = paths.first else {
            throw OCIError(
                .credentials, "Unable to keep credentials: neither HOME nor DOCKER_CONFIG is set. Name --authfile.")
        }
        return path
    }
}
