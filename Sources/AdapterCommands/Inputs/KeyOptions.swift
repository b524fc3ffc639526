internal import AdapterRegistry
public import ArgumentParser
public import Integrity

/// Where the user's keys are.
struct KeyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The folder of keys; default: $ADAPTERCTL_KEYS, else $XDG_CONFIG_HOME/adapterctl/keys, else "
                + "~/.config/adapterctl/keys.", valueName: "dir"))
    var keys: String?

    var folder: KeyFolder {
        get throws { try KeyOptions.folder(named: keys) }
    }

    /// The folder of keys.
    ///
    /// - Parameter keys: the value of `--keys`.
    static func folder(named keys: String?) throws -> KeyFolder {
        if let keys { return KeyFolder(keys) }
        if let path = GlobalOptions.environment("ADAPTERCTL_KEYS") { return KeyFolder(path) }
        if let path = GlobalOptions.environment("XDG_CONFIG_HOME") { return KeyFolder(path + "/adapterctl/keys") }
        if let path = GlobalOptions.environment("HOME") { return KeyFolder(path + "/.config/adapterctl/keys") }
        throw ValidationError("No folder of keys is named and HOME is not set. Use --keys DIR.")
    }
}

/// A key that is named by the user or lies in a file.
enum KeyArgument {
    case name(KeyName)
    case file(String)

    /// What has a `/`, starts with `.` or ends like a file of a key is a file; everything else is a name.
    init(parsing text: String) throws {
        if text.contains("/") || text.hasPrefix(".") || KeyName.fileEndings.contains(where: text.hasSuffix) {
            self = .file(text)
        } else {
            self = .name(try KeyName(parsing: text))
        }
    }

    /// The private key; one that is trusted no longer is refused, as nobody would accept its signatures.
    func signingKey(in folder: KeyFolder) throws -> SigningKey {
        switch self {
        case .file(let path): return try KeyFolder.signingKey(readingFile: path)
        case .name(let name):
            let key = try folder.signingKey(name)
            let trusted = try folder.trustedKey(name)
            if let expires = trusted.expires, trusted.isExpired(on: try UTCDate.today()) {
                throw InputError.expiredKey(name.description, expires.description)
            }
            return key
        }
    }

    /// The public key to verify with; one from a file is trusted because the user names it.
    ///
    /// - Throws: `SignatureError` with code `unknownKey` for a name that is not trusted.
    func trustedKey(in folder: KeyFolder) throws -> TrustedKey {
        switch self {
        case .file(let path):
            return TrustedKey(name: path, publicKey: try KeyFolder.publicKey(readingFile: path))
        case .name(let name):
            do {
                return try folder.trustedKey(name)
            } catch let error as RegistryError where error.code == .notFound {
                throw SignatureError(.unknownKey, error.message)
            }
        }
    }
}

extension UTCDate {
    /// The day that the system's clock shows.
    static func today() throws -> UTCDate {
        try UTCDate(parsing: String(Timestamp.now().description.prefix(10)))
    }
}

extension UTCDate: ExpressibleByArgument {
    /// A date in the form YYYY-MM-DD.
    public init?(argument: String) {
        guard let date = try? UTCDate(parsing: argument) else { return nil }
        self = date
    }
}
