import AdapterRegistry
import AdapterServer
import ArgumentParser
import FileSystem
import FoundationEssentials
import Integrity

struct User: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Adds, lists and removes those who may use a server, and their tokens.",
        discussion: "A running server notices changes of the file at once.",
        subcommands: [UserAdd.self, UserRemove.self, UserList.self, UserToken.self])
}

struct UsersOption: ParsableArguments {
    @Option(help: ArgumentHelp("The file of users (or ADAPTERD_USERS).", valueName: "file"))
    var users: String?

    func path() throws -> String {
        guard let path = users ?? ProcessInfo.processInfo.environment["ADAPTERD_USERS"] else {
            throw ValidationError("Name the file of users with --users.")
        }
        return path
    }

    /// Changes the file.
    func change(_ body: (inout UserFile) throws -> Void) throws {
        do {
            let path = try path()
            // Another change waits, or would be lost: the file is written whole.
            let lock = try FileLock(waitingFor: "\(path).lock")
            defer { withExtendedLifetime(lock) {} }
            var file = try UserFile(reading: path)
            try body(&file)
            try file.write(to: path)
        } catch let error as ServerError {
            throw Failure.failed(error)
        }
    }
}

struct UserAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Adds a user, or changes the password and the rules of one.",
        discussion: """
            The password is read from standard input, one line. Examples:
              adapterd user add alice --rule write:team --users users.json
              adapterd user add ci --no-password --rule read --users users.json
            """)

    @Argument(help: "The user's name.") var name: String
    @Option(
        help: ArgumentHelp(
            "What the user may do: read, write or admin, ':' and a prefix of names.", valueName: "level:prefix"))
    var rule: [String] = []
    @Flag(help: "A user who signs in with tokens only.") var noPassword = false
    @OptionGroup var file: UsersOption

    func run() throws {
        guard UserFile.isName(name) else {
            throw ValidationError("'\(name)' is no user's name: letters, digits, '.', '_', '-' and '@' are possible.")
        }
        let rules = try rule.map { text in
            guard let rule = AccessRule(parsing: text) else {
                throw ValidationError("'\(text)' is no rule; write for example write:team.")
            }
            return rule
        }
        var password: PasswordHash?
        if !noPassword {
            FileHandleOutput.standardError("Password: ")
            guard let line = readLine(), !line.isEmpty else { throw ValidationError("The password is empty.") }
            password = PasswordHash(of: line)
        }
        try file.change { $0.users[name] = .init(name: name, password: password, rules: rules) }
    }
}

struct UserRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Removes a user with all tokens, or one token by its name.")

    @Argument(help: "The user's or the token's name.") var name: String
    @Flag(help: "The name is that of a token.") var token = false
    @OptionGroup var file: UsersOption

    func run() throws {
        var isKnown = false
        try file.change { file in
            if token {
                isKnown = file.tokens.contains { $0.value.id == name }
                file.tokens = file.tokens.filter { $0.value.id != name }
            } else {
                isKnown = file.users.removeValue(forKey: name) != nil
                file.tokens = file.tokens.filter { $0.value.user != name }
            }
        }
        guard isKnown else {
            FileHandleOutput.standardError("adapterd: There is no \(token ? "token" : "user") '\(name)'.\n")
            throw ExitCode(3)
        }
    }
}

struct UserList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists users, their rules and their tokens.")

    @Flag(help: "One JSON document.") var json = false
    @OptionGroup var file: UsersOption

    func run() throws {
        let users: UserFile
        do {
            users = try UserFile(reading: file.path())
        } catch let error as ServerError {
            throw Failure.failed(error)
        }
        FileHandleOutput.standardOutput(json ? users.jsonDocument + "\n" : users.table)
    }
}

struct UserToken: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Makes a token for a user and prints it; it is shown only this once.",
        discussion: "It goes in the place of a password, or as a Bearer token (HF_TOKEN).")

    @Argument(help: "The user's name.") var name: String
    @Option(help: ArgumentHelp("What the token is called in lists (default a random name).", valueName: "name"))
    var id: String?
    @Option(help: ArgumentHelp("After how many days it ceases to be valid (default never).", valueName: "days"))
    var days: Int?
    @Option(
        help: ArgumentHelp(
            "The most that it allows: read, write or admin (default all that the user may do).", valueName: "level"))
    var level: String?
    @OptionGroup var file: UsersOption

    func run() throws {
        let level = try level.map { text in
            guard let level = AccessRule.Level(rawValue: text) else {
                throw ValidationError("'\(text)' is no level; write read, write or admin.")
            }
            return level
        }
        if let days, !(1...36_500).contains(days) { throw ValidationError("--days must be from 1 to 36500.") }
        let expiry = days.map { Timestamp(milliseconds: Timestamp.now().milliseconds + Int64($0) * 86_400_000) }
        let id = id ?? "\(name)-\(RandomText.hexadecimal(byteCount: 4))"
        guard UserFile.isName(id) else { throw ValidationError("'\(id)' is no token's name.") }
        var secret: String?
        try file.change { file in
            guard file.users[name] != nil else { return }
            secret = file.addToken(for: name, id: id, expiresAt: expiry, level: level)
        }
        guard let secret else {
            FileHandleOutput.standardError("adapterd: There is no user '\(name)'.\n")
            throw ExitCode(3)
        }
        FileHandleOutput.standardOutput(secret + "\n")
    }
}
