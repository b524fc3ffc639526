internal import ByteCoding
internal import Glibc

/// A program that keeps credentials, `docker-credential-NAME`: a verb as its argument, a host or a document on its
/// standard input, a document on its standard output.
struct CredentialHelper {
    private static let maximumAnswerByteCount = 64 << 10

    let name: String

    /// The helper of a name from a configuration file; nil for what could be a path.
    init?(named name: String) {
        guard !name.isEmpty, name.utf8.count <= 100,
            name.utf8.allSatisfy({ byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            })
        else { return nil }
        self.name = name
    }

    private var program: String { "docker-credential-\(name)" }

    /// The credential for a host; nil when it has none.
    ///
    /// - Throws: ``OCIError`` with code `credentials`.
    func credential(for host: String) throws -> Credential? {
        let (status, output) = try run("get", input: host)
        guard status == 0 else {
            // All helpers say so in these words; anything else is a failure that the user should know of.
            let text = String(decoding: output, as: UTF8.self)
            if text.contains("credentials not found") || text.contains("no credentials") { return nil }
            throw failed("get", text)
        }
        guard let answer = try? JSON.parse(output), let user = answer["Username"]?.string,
            let secret = answer["Secret"]?.string
        else { throw failed("get", "it does not answer with Username and Secret") }
        if user.isEmpty, secret.isEmpty { return nil }
        return user == "<token>" ? .refreshToken(secret) : .password(user: user, password: secret)
    }

    /// Keeps a credential.
    func store(user: String, password: String, for host: String) throws {
        let document: MetadataValue = [
            "ServerURL": .string(host), "Username": .string(user), "Secret": .string(password),
        ]
        let (status, output) = try run("store", input: JSON.text(document))
        guard status == 0 else { throw failed("store", String(decoding: output, as: UTF8.self)) }
    }

    /// Forgets the credential of a host.
    func erase(_ host: String) throws {
        let (status, output) = try run("erase", input: host)
        guard status == 0 else { throw failed("erase", String(decoding: output, as: UTF8.self)) }
    }

    private func failed(_ verb: String, _ reason: String) -> OCIError {
        OCIError(
            .credentials,
            "Unable to \(verb) credentials with '\(program)': \(reason.printable(limit: 200)). Check that it is "
                + "installed and works.")
    }

    // MARK: Running

    private func run(_ verb: String, input: String) throws -> (status: Int32, output: [UInt8]) {
        var toChild: [Int32] = [-1, -1]
        var fromChild: [Int32] = [-1, -1]
        guard unsafe pipe(&toChild) == 0, unsafe pipe(&fromChild) == 0 else {
            throw failed(verb, "no pipe can be made")
        }
        for descriptor in toChild + fromChild { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [strdup(program), strdup(verb), nil]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        var child = pid_t()
        let spawned = unsafe posix_spawnp(&child, program, &actions, nil, &arguments, environ)
        close(toChild[0])
        close(fromChild[1])
        guard spawned == 0 else {
            close(toChild[1])
            close(fromChild[0])
            throw failed(verb, unsafe String(cString: strerror(spawned)))
        }
        let descriptor = toChild[1]
        // A host or a small document fits into the pipe, so nothing waits. Programs may know their answer without reading.
        let bytes = Array(input.utf8)
        unsafe bytes.withUnsafeBytes { bytes in
            withoutPipeSignal { unsafe _ = write(descriptor, bytes.baseAddress, bytes.count) }
        }
        close(descriptor)
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while output.count <= CredentialHelper.maximumAnswerByteCount {
            let count = unsafe read(fromChild[0], &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            output += buffer[..<count]
        }
        // Who goes on writing learns that nobody reads, and ends.
        close(fromChild[0])
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard output.count <= CredentialHelper.maximumAnswerByteCount else {
            throw failed(verb, "it answers more than \(CredentialHelper.maximumAnswerByteCount) bytes")
        }
        // The code of a normal end, else that of a signal.
        return (status & 0x7F == 0 ? status >> 8 & 0xFF : 128, output)
    }
}
