import AdapterRegistry
import AdapterServer
import Foundation
import Integrity
import Logging
import OCIDistribution
import Testing

@Suite struct AccessTests {
    /// A server with alice, who writes below `team`, and a token of hers that only reads.
    private func run(
        anonymous: AccessRule.Level? = nil,
        _ body: (_ port: Int, _ users: String, _ token: String) async throws -> Void
    ) async throws {
        let users = NSTemporaryDirectory() + "users-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: users) }
        var file = UserFile()
        let rule = try #require(AccessRule(parsing: "write:team"))
        file.users["alice"] = .init(
            name: "alice", password: PasswordHash(of: "secret", iterationCount: 10), rules: [rule])
        let token = file.addToken(for: "alice", id: "ci", level: .read)
        try file.write(to: users)
        try await TestServer.run { options in
            options.usersPath = users
            options.anonymous = anonymous
        } _: { port, _ in
            try await body(port, users, token)
        }
    }

    private func basic(_ user: String, _ password: String) -> [(String, String)] {
        [("Authorization", "Basic " + Data("\(user):\(password)".utf8).base64EncodedString())]
    }

    private func bearer(_ token: String) -> [(String, String)] { [("Authorization", "Bearer \(token)")] }

    @Test func `Credentials are asked for, and a token is given for them`() async throws {
        try await run { port, _, _ in
            let client = try HTTPClient(port: port)
            let first = try client.request("POST", "/v2/team/a/blobs/uploads/", body: [])
            #expect(first.status == 401)
            #expect(first.codes == ["UNAUTHORIZED"])
            let challenge = try #require(first["WWW-Authenticate"])
            #expect(challenge.hasPrefix("Bearer realm=\"http://127.0.0.1:\(port)/token\",service=\"adapterd\""))
            #expect(challenge.contains("scope=\"repository:team/a:pull,push\""))
            let given = try client.request(
                "GET", "/token?service=adapterd&scope=repository:team/a:pull,push", headers: basic("alice", "secret"))
            let token = try #require(given.json["token"] as? String)
            #expect(given.json["access_token"] as? String == token)
            #expect((given.json["expires_in"] as? Int ?? 0) >= 60)
            #expect(
                try client.request("POST", "/v2/team/a/blobs/uploads/", headers: bearer(token), body: []).status == 202)
            // For this repository, and nothing else.
            #expect(
                try client.request("POST", "/v2/team/b/blobs/uploads/", headers: bearer(token), body: []).status == 401)
            #expect(
                try client.request("GET", "/v2/", headers: bearer(token + "x")).status == 401)
        }
    }

    @Test func `Our own client gets tokens for what it does, and no more`() async throws {
        try await run { port, _, token in
            let host = try RegistryHost(parsing: "127.0.0.1:\(port)")
            func client(_ password: String) throws -> RegistryClient {
                try RegistryClient(host, credentials: nil, credential: .password(user: "alice", password: password))
            }
            let bytes = Array("{}".utf8)
            let digest = ContentDigest.hash(bytes)
            let name = try RepositoryName(parsing: "team/a")
            let alice = try client("secret")
            #expect(try alice.ping())
            try alice.uploadBlob(.bytes(bytes), digest, to: name)
            #expect(try alice.hasBlob(digest, in: name))
            #expect(try client(token).hasBlob(digest, in: name))
            func code(_ body: () throws -> Void) -> OCIError.Code? {
                do {
                    try body()
                    return nil
                } catch {
                    return (error as? OCIError)?.code
                }
            }
            let other = try RepositoryName(parsing: "other")
            let codes = [
                code { _ = try client("wrong").hasBlob(digest, in: name) },
                code { try client(token).uploadBlob(.bytes([1]), .hash([1]), to: name) },
                code { try alice.uploadBlob(.bytes([1]), .hash([1]), to: other) },
            ]
            for code in codes { #expect(code == .unauthorized || code == .denied) }
        }
    }

    @Test func `Rules hold for prefixes and levels`() async throws {
        try await run { port, _, token in
            let client = try HTTPClient(port: port)
            func post(_ name: String, _ headers: [(String, String)]) throws -> Int {
                try client.request("POST", "/v2/\(name)/blobs/uploads/", headers: headers, body: []).status
            }
            let alice = basic("alice", "secret")
            #expect(try post("team/a", alice) == 202)
            #expect(try post("team", alice) == 202)
            #expect(try post("teams/a", alice) == 403)
            #expect(try post("other", alice) == 403)
            #expect(try client.request("DELETE", "/v2/team/a/manifests/v1", headers: alice).status == 403)
            #expect(try post("team/a", basic("alice", token)) == 403)
            #expect(try client.request("GET", "/v2/team/a/tags/list", headers: bearer(token)).status == 404)
            for headers in [basic("alice", "wrong"), basic("bob", "secret"), bearer("adt_00"), basic("bob", token)] {
                let answer = try client.request("GET", "/v2/", headers: headers)
                #expect(answer.status == (headers[0].1 == basic("bob", token)[0].1 ? 200 : 401))
            }
            #expect(try client.request("GET", "/metrics", headers: alice).status == 403)
            #expect(try client.request("GET", "/healthz").status == 200)
        }
    }

    @Test func `Strangers read when they may, and write nothing`() async throws {
        try await run(anonymous: .read) { port, _, _ in
            let client = try HTTPClient(port: port)
            // Asked for credentials, a stranger gets a stranger's token.
            #expect(try client.request("GET", "/v2/").status == 401)
            let given = try client.request("GET", "/token?service=adapterd&scope=repository:team/a:pull,push")
            let headers = bearer(try #require(given.json["token"] as? String))
            #expect(try client.request("GET", "/v2/", headers: headers).status == 200)
            #expect(try client.request("GET", "/v2/team/a/tags/list", headers: headers).status == 404)
            let push = try client.request("POST", "/v2/team/a/blobs/uploads/", headers: headers, body: [])
            #expect(push.status == 401)
            #expect(try client.request("GET", "/v2/team/a/tags/list").status == 404)
            #expect(try client.request("POST", "/v2/team/a/blobs/uploads/", body: []).status == 401)
            #expect(try client.request("GET", "/v2/_catalog").status == 200)
        }
    }

    @Test func `Nobody mounts what they may not read`() async throws {
        let users = NSTemporaryDirectory() + "users-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: users) }
        var file = UserFile()
        for (name, rule) in [("root", "admin"), ("alice", "write:team")] {
            file.users[name] = .init(
                name: name, password: PasswordHash(of: name, iterationCount: 10),
                rules: [try #require(AccessRule(parsing: rule))])
        }
        try file.write(to: users)
        try await TestServer.run {
            $0.usersPath = users
        } _: { port, _ in
            let client = try HTTPClient(port: port)
            let blob = Array("secret".utf8)
            let digest = ContentDigest.hash(blob)
            let pushed = try client.request(
                "POST", "/v2/hidden/blobs/uploads/?digest=\(digest)", headers: basic("root", "root"), body: blob)
            #expect(pushed.status == 201)
            for query in ["mount=\(digest)&from=hidden", "mount=\(digest)"] {
                let answer = try client.request(
                    "POST", "/v2/team/a/blobs/uploads/?\(query)", headers: basic("alice", "alice"), body: [])
                #expect(answer.status == 202)
            }
        }
    }

    @Test func `Changes of the file count at once, and tokens expire`() async throws {
        try await run { port, users, token in
            let client = try HTTPClient(port: port)
            #expect(try client.request("GET", "/v2/", headers: bearer(token)).status == 200)
            var file = try UserFile(reading: users)
            let old = file.addToken(for: "alice", id: "old", expiresAt: Timestamp(milliseconds: 1))
            file.tokens = file.tokens.filter { $0.value.id != "ci" }
            try file.write(to: users)
            #expect(try client.request("GET", "/v2/", headers: bearer(token)).status == 401)
            let expired = try client.request("GET", "/v2/", headers: bearer(old))
            #expect(expired.status == 401)
            #expect(expired.text.contains("expired"))
            let mode = try FileManager.default.attributesOfItem(atPath: users)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(!(try String(contentsOfFile: users, encoding: .utf8)).contains(token))
        }
    }

    @Test func `A server that everybody could change does not start`() {
        var options = ServerOptions(registry: "/nonexistent")
        options.host = "0.0.0.0"
        #expect { try AdapterServer(options, logger: .init(label: "test")) } throws: {
            ($0 as? ServerError)?.code == .invalidOption
        }
    }

    @Test(arguments: ["write:/a", "own:team", "write:Team", "write:a//", ""])
    func `What is no rule is refused`(text: String) {
        #expect(AccessRule(parsing: text) == nil)
    }
}
