internal import AdapterRegistry
public import ArgumentParser
internal import ByteCoding
public import Integrity

struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make keys, and say whose signatures are trusted.",
        discussion: """
            A trusted key has a name; 'verify --signed-by NAME' demands its signature. Private keys are kept beside it, \
            readable by their owner only.

              adapterctl key generate release
              adapterctl key trust alice ./alice.pem --expires 2030-12-31
              adapterctl key list
            """,
        subcommands: [
            KeyGenerateCommand.self, KeyTrustCommand.self, KeyListCommand.self, KeyExportCommand.self,
            KeyRemoveCommand.self,
        ])
}

struct KeyGenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Make a key pair and trust it.",
        discussion: """
            An existing key is never overwritten. Give the public half away with 'adapterctl key export'.

              adapterctl key generate release
              adapterctl key generate openssf --algorithm p256 --expires 2030-12-31
            """)

    @Argument(help: ArgumentHelp("What the key is called.", valueName: "key"))
    var name: String

    @Option(help: "ed25519, or p256 for OpenSSF model signing.")
    var algorithm: SignatureAlgorithm = .ed25519

    @Option(help: ArgumentHelp("The last day on which it is trusted, in UTC.", valueName: "yyyy-mm-dd"))
    var expires: UTCDate?

    @OptionGroup var keyOptions: KeyOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let folder = try keyOptions.folder
        let name = try KeyName(parsing: name)
        let key = try folder.generate(name, algorithm, expires: expires)
        let description = KeyDescription(key: key, folder: folder)
        var document = description.document
        document["privateKeyFile"] = .string(folder.privatePath(name))
        try options.console.answer(
            .map(document), identifiers: [key.publicKey.id.description],
            text: """
                Made the key \(key.name)
                  key          \(key.publicKey.id)
                  algorithm    \(key.publicKey.algorithm.rawValue)
                  private key  \(folder.privatePath(name))
                """)
    }
}

struct KeyTrustCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust", abstract: "Trust somebody's public key under a name.",
        discussion: """
            Trusting the same key again changes until when. Compare its id with the one its owner tells you.

              adapterctl key trust alice ./alice.pem
              adapterctl key trust alice ./alice.pem --expires 2030-12-31
            """)

    @Argument(help: ArgumentHelp("What the key shall be called.", valueName: "key"))
    var name: String

    @Argument(help: "The public key, a PEM file.")
    var file: String

    @Option(help: ArgumentHelp("The last day on which it is trusted, in UTC.", valueName: "yyyy-mm-dd"))
    var expires: UTCDate?

    @OptionGroup var keyOptions: KeyOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let folder = try keyOptions.folder
        let name = try KeyName(parsing: name)
        let key = try folder.trust(KeyFolder.publicKey(readingFile: file), as: name, expires: expires)
        try options.console.answer(
            .map(KeyDescription(key: key, folder: folder).document), identifiers: [key.publicKey.id.description],
            text: "\(key.name) is \(key.publicKey.id), trusted"
                + (key.expires.map { " until the end of \($0)" } ?? " without end"))
    }
}

struct KeyListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the trusted keys.", discussion: "  adapterctl key list")

    @OptionGroup var keyOptions: KeyOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let folder = try keyOptions.folder
        let keys = try folder.trustedKeys().map { KeyDescription(key: $0, folder: folder) }
        let today = try UTCDate.today()
        var table = TextTable(
            ["NAME", "ALGORITHM", "EXPIRES", "PRIVATE", "KEY"], fixed: [1, 2],
            faint: [4], dispensable: [1, 3])
        for key in keys {
            table.add(
                [
                    key.key.name, key.key.publicKey.algorithm.rawValue,
                    key.key.expires.map { "\($0)\(key.key.isExpired(on: today) ? " (expired)" : "")" } ?? "never",
                    key.hasPrivateKey ? "yes" : "no", key.key.publicKey.id.description,
                ], styles: key.key.isExpired(on: today) ? [2: .bad] : [:])
        }
        try options.console.answer(
            .array(
                keys.map { key in
                    var document = key.document
                    document["expired"] = .bool(key.key.isExpired(on: today))
                    return .map(document)
                }), identifiers: keys.map(\.key.name),
            text: keys.isEmpty ? "No keys. Make one: adapterctl key generate NAME" : table.text)
    }
}

struct KeyExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print a public key as PEM.",
        discussion: "  adapterctl key export release > release.pem")

    @Argument(help: ArgumentHelp("The key's name.", valueName: "key"))
    var name: String

    @OptionGroup var keyOptions: KeyOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let folder = try keyOptions.folder
        let key = try folder.trustedKey(KeyName(parsing: name))
        try options.console.answer(
            .map(KeyDescription(key: key, folder: folder).document), identifiers: [key.publicKey.id.description],
            text: key.publicKey.pem)
    }
}

struct KeyRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Trust a key no longer.",
        discussion: "  adapterctl key remove alice")

    @Argument(help: ArgumentHelp("The key's name.", valueName: "key"))
    var name: String

    @Flag(help: "Remove the private key too, for good.")
    var withPrivateKey = false

    @OptionGroup var keyOptions: KeyOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let name = try KeyName(parsing: name)
        try keyOptions.folder.remove(name, withPrivateKey: withPrivateKey)
        try options.console.answer(
            ["name": .string(name.description)], identifiers: [name.description],
            text: "The key \(name) is trusted no longer")
    }
}

/// A key as a document.
struct KeyDescription {
    let key: TrustedKey
    let hasPrivateKey: Bool

    init(key: TrustedKey, folder: KeyFolder) {
        self.key = key
        hasPrivateKey = (try? KeyName(parsing: key.name)).map(folder.hasPrivateKey) ?? false
    }

    var document: [String: MetadataValue] {
        [
            "name": .string(key.name), "key": .string(key.publicKey.id.description),
            "algorithm": .string(key.publicKey.algorithm.rawValue),
            "expires": MetadataValue(key.expires?.description), "hasPrivateKey": .bool(hasPrivateKey),
            "publicKey": .string(key.publicKey.pem),
        ]
    }
}

extension SignatureAlgorithm: ExpressibleByArgument {}
