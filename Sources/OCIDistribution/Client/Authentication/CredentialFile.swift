internal import ByteCoding
internal import FileSystem
internal import Integrity

/// Docker's `config.json` or podman's `auth.json`.
struct CredentialFile {
    let path: String
    private var document: [String: MetadataValue] = [:]

    /// A file that does not exist yet.
    init(path: String) { self.path = path }

    /// Reads a file; nil when there is none.
    ///
    /// - Throws: ``OCIError`` with code `credentials`.
    init?(reading path: String) throws {
        self.path = path
        let bytes: [UInt8]
        do {
            bytes = try InputFile.contents(of: path, limit: CredentialStore.maximumByteCount)
        } catch let error as FileSystemError where error.code == .notFound {
            return nil
        } catch {
            throw OCIError(.credentials, "Unable to read the credentials in '\(path)': \(error)", cause: error)
        }
        // Docker takes an empty file for an empty object.
        guard !bytes.isEmpty else { return }
        guard case .map(let document) = try? JSON.parse(bytes, approximatesLargeIntegers: true) else {
            throw OCIError(
                .credentials, "Unable to read the credentials in '\(path)': it is not a JSON object. Repair the file.")
        }
        self.document = document
    }

    /// What files call a host; Docker Hub has a name of its own.
    static func key(of host: RegistryHost) -> String {
        host.isDockerHub ? "https://index.docker.io/v1/" : host.description
    }

    /// The credential for a repository; nil when the file and its helpers have none.
    func credential(for host: RegistryHost, repository: String?) throws -> Credential? {
        let entries = document["auths"]?.map ?? [:]
        if let helper = try helper(for: host), let found = try helper.credential(for: CredentialFile.key(of: host)) {
            return found
        }
        for key in CredentialFile.keys(of: host, repository) {
            if let entry = entries[key], let credential = try credential(in: entry, key) { return credential }
        }
        return nil
    }

    /// The helper that is in charge of a host; nil when the file itself is.
    func helper(for host: RegistryHost) throws -> CredentialHelper? {
        let name = document["credHelpers"]?[host.description]?.string ?? document["credsStore"]?.string
        guard let name, !name.isEmpty else { return nil }
        guard let helper = CredentialHelper(named: name) else {
            throw OCIError(
                .credentials,
                "Unable to run the credential helper '\(name.printable(limit: 80))' of '\(path)': its name may hold only "
                    + "letters, digits, '.', '_' and '-'.")
        }
        return helper
    }

    mutating func set(user: String, password: String, for host: RegistryHost) {
        var entries = document["auths"]?.map ?? [:]
        entries[CredentialFile.key(of: host)] = [
            "auth": .string(Base64.encode(Array("\(user):\(password)".utf8)))
        ]
        document["auths"] = .map(entries)
    }

    /// Removes what is there for a host; false when there is nothing.
    mutating func remove(_ host: RegistryHost) -> Bool {
        var entries = document["auths"]?.map ?? [:]
        var isChanged = false
        for key in CredentialFile.keys(of: host, nil) where entries.removeValue(forKey: key) != nil { isChanged = true }
        document["auths"] = .map(entries)
        return isChanged
    }

    /// Writes the file, for its owner only.
    func write() throws {
        let (folder, _) = split(path)
        try Directory.create(folder)
        let output = try OutputFile(in: folder)
        try output.write(Array((JSON.text(.map(document), indented: true) + "\n").utf8))
        try output.commit(as: path, mode: 0o600)
    }

    /// The keys under which a host's credentials may stand, the most specific first.
    private static func keys(of host: RegistryHost, _ repository: String?) -> [String] {
        var keys: [String] = []
        var parts = repository?.split(separator: "/") ?? []
        while !parts.isEmpty {
            keys.append("\(host)/" + parts.joined(separator: "/"))
            parts.removeLast()
        }
        keys.append(host.description)
        if host.isDockerHub {
            keys += ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io"]
        }
        // What Docker wrote long ago.
        for scheme in ["https", "http"] {
            keys += ["", "/", "/v1/", "/v2/"].map { "\(scheme)://\(host)\($0)" }
        }
        return keys
    }

    private func credential(in entry: MetadataValue, _ key: String) throws -> Credential? {
        func text(_ name: String) -> String? { entry[name]?.string.flatMap { $0.isEmpty ? nil : $0 } }
        if let token = text("registrytoken") { return .accessToken(token) }
        if let token = text("identitytoken") { return .refreshToken(token) }
        if let auth = text("auth") {
            guard let bytes = Base64.decode(auth), let text = String(validating: bytes, as: UTF8.self),
                let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
            else {
                throw OCIError(
                    .credentials,
                    "Unable to read the credentials of '\(key)' in '\(path)': 'auth' is not the Base64 of user and "
                        + "password. Log in again.")
            }
            return .password(
                user: String(text[..<colon]), password: String(text[text.utf8.index(after: colon)...]))
        }
        if let user = text("username"), let password = text("password") {
            return .password(user: user, password: password)
        }
        return nil
    }
}

extension RegistryHost {
    /// Whether it is Docker Hub, by any of its names.
    var isDockerHub: Bool {
        port == nil && ["docker.io", "index.docker.io", "registry-1.docker.io"].contains(name)
    }
}
