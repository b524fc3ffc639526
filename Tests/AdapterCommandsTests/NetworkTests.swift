import AdapterTesting
import ByteCoding
import Foundation
import Glibc
import Testing

/// What surrounds a connection on users' machines: proxies and programs that keep credentials.
struct NetworkTests {
    /// A peer with one repository, which may ask for a password.
    private static func peer(password: String? = nil) throws -> ScriptedPeer {
        try ScriptedPeer { request in
            if let password,
                request.headers["authorization"] != "Basic \(Data("alice:\(password)".utf8).base64EncodedString())"
            {
                return PeerAnswer(401, [("WWW-Authenticate", #"Basic realm="peer""#)])
            }
            if request.path == "/v2/" { return PeerAnswer(200) }
            return request.path.hasSuffix("/tags/list")
                ? PeerAnswer(200, [], Array(#"{"name":"team/a","tags":[]}"#.utf8)) : PeerAnswer(404)
        }
    }

    @Test func `A proxy is asked for what is elsewhere, and not for this machine`() throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: "\(folder)/registry")
            let proxy = try Self.peer()
            let environment = ["http_proxy": "http://\(proxy.host)"]
            let elsewhere = ["list", "oci://registry.invalid/team/a", "--plain-http", "--json"]
            let result = try tool.run(elsewhere, environment: environment)
            #expect(result.status == 0, "\(result.errors)")
            #expect(proxy.requests.contains { $0.target.hasPrefix("http://registry.invalid/v2/team/a/tags/list") })

            // A name that needs no proxy is looked up, and not found.
            let count = proxy.requests.count
            var exempt = environment
            exempt["NO_PROXY"] = "registry.invalid"
            #expect(try tool.run(elsewhere, environment: exempt).status == 5)
            let near = try Self.peer()
            #expect(try tool.run(["list", "oci://\(near.host)/team/a"], environment: environment).status == 0)
            #expect(near.lines.contains("GET /v2/team/a/tags/list"))
            #expect(proxy.requests.count == count)
        }
    }

    /// A certificate of its own authority for a name, and its key.
    private static func makeCertificate(in folder: String, names: String) throws -> (certificate: String, key: String) {
        let (certificate, key) = ("\(folder)/cert.pem", "\(folder)/key.pem")
        let made = try Program.run(
            try #require(Program.path(of: "openssl")),
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=test", "-addext", "subjectAltName=\(names)", "-keyout", key, "-out", certificate,
            ])
        #expect(made.status == 0, "\(made.output)")
        return (certificate, key)
    }

    @Test(.enabled(if: DockerRegistry.isInstalled || DockerRegistry.isRequired, "run Scripts/setup-peers first"))
    func `A proxy carries TLS to the registry and learns nothing of it`() throws {
        try withTemporaryDirectory { folder in
            let files = try Self.makeCertificate(in: folder, names: "DNS:registry.invalid")
            let registry = try DockerRegistry(
                in: "\(folder)/peer", users: ["alice": "hidden-word"], certificate: files)
            let port = try #require(registry.host.split(separator: ":").last.flatMap { Int($0) })
            let proxy = try ScriptedPeer { request in
                let expected = "Basic \(Data("bob:proxy-word".utf8).base64EncodedString())"
                guard request.method == "CONNECT" else { return PeerAnswer(405) }
                guard request.headers["proxy-authorization"] == expected else {
                    return PeerAnswer(407, [("Proxy-Authenticate", #"Basic realm="proxy""#)])
                }
                return .tunnel(to: port)
            }
            let auth = Data("alice:hidden-word".utf8).base64EncodedString()
            try Data(#"{"auths":{"registry.invalid:5000":{"auth":"\#(auth)"}}}"#.utf8)
                .write(to: URL(fileURLWithPath: "\(folder)/config.json"))
            let tool = CommandLineTool(registry: "\(folder)/registry")
            let source = "\(Fixtures.directory)/peft/llama-task-a"
            #expect(try tool.run("push", source, "team/a:v1").status == 0)
            let remote = "oci://registry.invalid:5000/team/a:v1"
            func run(_ proxy: String, _ arguments: String...) throws -> CommandLineTool.Result {
                try tool.run(
                    arguments + ["--ca-file", files.certificate],
                    environment: ["https_proxy": "http://\(proxy)", "DOCKER_CONFIG": folder])
            }
            let pushed = try run("bob:proxy-word@\(proxy.host)", "push", "team/a:v1", remote)
            #expect(pushed.status == 0, "\(pushed.errors)")
            let pulled = try run("bob:proxy-word@\(proxy.host)", "pull", remote, "team/copy:v1")
            #expect(pulled.status == 0, "\(pulled.errors)")
            #expect(!proxy.requests.isEmpty)
            for request in proxy.requests {
                #expect(request.method == "CONNECT")
                #expect(request.target == "registry.invalid:5000")
                #expect(request.headers["authorization"] == nil)
            }

            // A proxy that refuses is said to have, and its password is not.
            let refused = try run("bob:other-word@\(proxy.host)", "pull", remote, "team/other:v1")
            #expect(refused.status == 5)
            #expect(refused.errors.contains("407"))
            #expect(!refused.errors.contains("other-word"))
            // Nor does what a proxy shows of its own pass for the registry.
            let liar = try ScriptedPeer { _ in PeerAnswer(200, [], Array(#"{"name":"team/a","tags":[]}"#.utf8)) }
            #expect(try run(liar.host, "list", "oci://registry.invalid:5000/team/a").status == 5)
            withExtendedLifetime(registry) {}
        }
    }

    @Test func `A registry with TLS cannot lead to one without`() throws {
        try withTemporaryDirectory { folder in
            let files = try Self.makeCertificate(in: folder, names: "DNS:localhost,IP:127.0.0.1")
            let plain = try Self.peer()
            // openssl answers with files as they are, head and all.
            let site = "\(folder)/site"
            try FileManager.default.createDirectory(
                atPath: "\(site)/v2/team/a/tags", withIntermediateDirectories: true)
            let answer = """
                HTTP/1.0 307 Elsewhere\r\nLocation: http://\(plain.host)/v2/team/a/tags/list\r\n\
                Content-Length: 0\r\n\r\n
                """
            try Data(answer.utf8).write(to: URL(fileURLWithPath: "\(site)/v2/team/a/tags/list"))
            let server = Process()
            let log = "\(folder)/log"
            _ = FileManager.default.createFile(atPath: log, contents: nil)
            server.executableURL = URL(fileURLWithPath: try #require(Program.path(of: "openssl")))
            server.arguments = [
                "s_server", "-accept", "127.0.0.1:0", "-cert", files.certificate, "-key", files.key, "-HTTP",
            ]
            server.currentDirectoryURL = URL(fileURLWithPath: site)
            server.standardOutput = FileHandle(forWritingAtPath: log)
            server.standardError = FileHandle.nullDevice
            try server.run()
            defer {
                // It inherits the signals that this process blocks, of which it hears this one.
                kill(server.processIdentifier, SIGKILL)
                server.waitUntilExit()
            }
            var address: Substring?
            for _ in 0..<500 where address == nil {
                let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
                address = lines.first { $0.hasPrefix("ACCEPT ") }?.dropFirst("ACCEPT ".count)
                if address == nil { usleep(20_000) }
            }
            let port = try #require(address?.split(separator: ":").last)
            let result = try CommandLineTool(registry: "\(folder)/registry").run(
                "list", "oci+https://127.0.0.1:\(port)/team/a", "--ca-file", files.certificate)
            #expect(result.status == 5)
            #expect(result.errors.contains("redirects from HTTPS to HTTP"), "\(result.errors)")
            #expect(plain.requests.isEmpty)
        }
    }

    @Test func `A long list says how far it is`() throws {
        try withTemporaryDirectory { folder in
            let peer = try ScriptedPeer { request in
                guard request.path.hasSuffix("/tags/list") else { return PeerAnswer(404) }
                if !request.target.contains("last=") {
                    let tags = (0..<30).map { "\"v\($0)\"" }.joined(separator: ",")
                    return PeerAnswer(
                        200, [("Link", "</v2/team/a/tags/list?last=v29>; rel=\"next\"")],
                        Array(#"{"name":"team/a","tags":[\#(tags)]}"#.utf8))
                }
                usleep(1_500_000)
                return PeerAnswer(200, [], Array(#"{"name":"team/a","tags":[]}"#.utf8))
            }
            let tool = CommandLineTool(registry: "\(folder)/registry")
            let place = "oci://\(peer.host)/team/a"
            let told = try tool.run("list", place, "--limit", "1")
            #expect(told.errors.hasPrefix("Listing tags  30  1 s\n"), "\(told.errors)")
            let quiet = try tool.run("list", place, "--quiet")
            #expect(quiet.status == 0)
            #expect(quiet.errors.isEmpty)
            #expect(quiet.output.split(separator: "\n").count == 30)
        }
    }

    @Test func `A helper keeps and forgets what login and logout tell it`() throws {
        try withTemporaryDirectory { folder in
            let peer = try Self.peer(password: "hidden-word")
            let helper = "\(folder)/docker-credential-keeper"
            // Keeps one credential in a file, and fails when it is told to.
            let program = """
                #!/bin/sh
                [ -e "$0.broken" ] && { echo 'the keychain is locked'; exit 1; }
                case $1 in
                    store) cat > "$0.kept" ;;
                    get) cat > "$0.asked"; [ -e "$0.kept" ] && cat "$0.kept" && exit
                        echo 'credentials not found in native keychain'; exit 1 ;;
                    erase) cat > "$0.erased"; rm "$0.kept" ;;
                esac

                """
            try Data(program.utf8).write(to: URL(fileURLWithPath: helper))
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: helper)
            let configuration = "\(folder)/config.json"
            let before = #"{"credsStore":"keeper"}"#
            try Data(before.utf8).write(to: URL(fileURLWithPath: configuration))
            let path = "\(folder):" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
            let environment = [
                "DOCKER_CONFIG": folder, "PATH": path, "HOME": folder, "XDG_RUNTIME_DIR": folder,
                "ADAPTERCTL_REGISTRY": "\(folder)/registry",
            ]
            func run(_ arguments: String..., input: String = "") throws -> Program.Result {
                try Program.run(
                    "/usr/bin/env",
                    environment.map { "\($0.key)=\($0.value)" } + [CommandLineTool.path] + arguments, input: input)
            }
            let list = "oci://\(peer.host)/team/a"
            #expect(try run("list", list).status == 5)
            let login = try run("login", peer.host, "-u", "alice", "--password-stdin", input: "hidden-word\n")
            #expect(login.status == 0, "\(login.output)")
            #expect(login.output.contains("docker-credential-keeper"))
            #expect(!login.output.contains("hidden-word"))
            let kept = try JSON.parse(Array(Data(contentsOf: URL(fileURLWithPath: "\(helper).kept"))))
            #expect(
                kept == ["ServerURL": .string(peer.host), "Username": "alice", "Secret": "hidden-word"])
            #expect(try String(contentsOfFile: configuration, encoding: .utf8) == before)
            #expect(try run("list", list).status == 0)
            #expect(try run("logout", peer.host).output.contains("docker-credential-keeper"))
            #expect(try String(contentsOfFile: "\(helper).erased", encoding: .utf8) == peer.host)
            #expect(try run("list", list).status == 5)
            #expect(try run("logout", peer.host).output.contains("no credentials"))

            // What the helper cannot keep is kept nowhere else.
            _ = FileManager.default.createFile(atPath: "\(helper).broken", contents: nil)
            let failed = try run("login", peer.host, "-u", "alice", "--password-stdin", input: "hidden-word\n")
            #expect(failed.status == 1)
            #expect(failed.output.contains("the keychain is locked"))
            #expect(!failed.output.contains("hidden-word"))
            #expect(try String(contentsOfFile: configuration, encoding: .utf8) == before)
            #expect(try run("logout", peer.host).status == 1)
        }
    }

    /// Programs of the protocol of Docker's credential helpers, and what comes of each.
    @Test(arguments: [
        (#"cat > "$0.input"; echo '{"ServerURL":"x","Username":"alice","Secret":"hidden-word"}'"#, 0, ""),
        // Does not read what it is asked.
        (#"echo '{"Username":"alice","Secret":"hidden-word"}'"#, 0, ""),
        (#"cat > /dev/null; echo '{"Username":"alice","Secret":"old-word"}'"#, 5, "login"),
        (#"cat > /dev/null; echo 'credentials not found in native keychain'; exit 1"#, 5, "login"),
        (#"cat > /dev/null; echo 'the keychain is locked'; exit 1"#, 1, "the keychain is locked"),
        (#"cat > /dev/null; echo '{"Username":"alice","Password":"hidden-word"}'"#, 1, "Username and Secret"),
        (#"cat > /dev/null; yes hidden-word"#, 1, "answers more than"),
        (#"kill -9 $$"#, 1, "docker-credential-probe"),
    ])
    func `Credentials come from a helper`(program: String, status: Int32, message: String) throws {
        try withTemporaryDirectory { folder in
            let helper = "\(folder)/docker-credential-probe"
            try Data("#!/bin/sh\n\(program)\n".utf8).write(to: URL(fileURLWithPath: helper))
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: helper)
            let peer = try Self.peer(password: "hidden-word")
            try Data(#"{"credHelpers":{"\#(peer.host)":"probe"}}"#.utf8).write(
                to: URL(fileURLWithPath: "\(folder)/config.json"))
            let path = "\(folder):" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
            let result = try CommandLineTool(registry: "\(folder)/registry").run(
                ["list", "oci://\(peer.host)/team/a"], environment: ["DOCKER_CONFIG": folder, "PATH": path])
            #expect(result.status == status, "\(result.errors)")
            #expect(message.isEmpty || result.errors.contains(message), "\(result.errors)")
            #expect(!(result.output + result.errors).contains("hidden-word"))
            if program.contains(".input") {
                #expect(try String(contentsOfFile: "\(helper).input", encoding: .utf8) == peer.host)
            }
        }
    }
}
