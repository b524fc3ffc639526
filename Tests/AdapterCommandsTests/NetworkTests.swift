import AdapterTesting
import ByteCoding
import Foundation
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
