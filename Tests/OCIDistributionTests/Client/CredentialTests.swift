import AdapterTesting
import ByteCoding
import FileSystem
import Foundation
import OCIDistribution
import Testing

struct CredentialTests {
    static func store(_ text: String, in folder: String) throws -> CredentialStore {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/config.json"))
        return CredentialStore(environment: ["DOCKER_CONFIG": folder])
    }

    static func host(_ text: String) throws -> RegistryHost { try RegistryHost(parsing: text) }

    @Test func `Docker's file has them under hosts, old addresses and Docker Hub's own name`() throws {
        try withTemporaryDirectory { folder in
            let store = try Self.store(
                """
                {"auths":{"a.example":{"auth":"YWxpY2U6c2VjcmV0"},"https://b.example/v1/":{"username":"bob","password":"p"},
                "c.example:5000":{"auth":"","identitytoken":"refresh"},"d.example":{"registrytoken":"direct"},
                "https://index.docker.io/v1/":{"auth":"ZG9ja2VyOng6eQ=="},"e.example":{}},"other":[1.0]}
                """, in: folder)
            func find(_ name: String) throws -> Credential? {
                try store.credential(for: Self.host(name), repository: nil)
            }
            #expect(try find("a.example") == .password(user: "alice", password: "secret"))
            #expect(try find("b.example") == .password(user: "bob", password: "p"))
            #expect(try find("c.example:5000") == .refreshToken("refresh"))
            #expect(try find("c.example") == nil)
            #expect(try find("d.example") == .accessToken("direct"))
            #expect(try find("docker.io") == .password(user: "docker", password: "x:y"))
            #expect(try find("e.example") == nil)
            #expect(try find("x.example") == nil)
        }
    }

    @Test func `podman's file may name repositories, the most specific of which counts`() throws {
        try withTemporaryDirectory { folder in
            let path = "\(folder)/auth.json"
            func auth(_ user: String) -> String { Data("\(user):p".utf8).base64EncodedString() }
            try Data(
                """
                {"auths":{"h.example":{"auth":"\(auth("host"))"},"h.example/team":{"auth":"\(auth("team"))"},
                "h.example/team/a":{"auth":"\(auth("a"))"}}}
                """.utf8
            ).write(to: URL(fileURLWithPath: path))
            let store = CredentialStore(environment: ["HOME": "/nowhere"], authenticationFile: path)
            for (name, user) in [("team/a", "a"), ("team/a/b", "a"), ("team/b", "team"), ("teams", "host")] {
                let found = try store.credential(for: Self.host("h.example"), repository: name)
                #expect(found == .password(user: user, password: "p"))
            }
        }
    }

    @Test(arguments: [
        "nonsense", "[]", #"{"auths":{"h.example":{"auth":"%%%"}}}"#,
        #"{"auths":{"h.example":{"auth":"bm9jb2xvbg=="}}}"#,
    ])
    func `a damaged file is an error that does not quote it`(_ text: String) throws {
        try withTemporaryDirectory { folder in
            let store = try Self.store(text, in: folder)
            let error = ociError { _ = try store.credential(for: Self.host("h.example"), repository: nil) }
            #expect(error?.code == .credentials)
            #expect(error?.message.contains("nocolon") == false)
        }
    }

    @Test func `what is kept is found again, for its owner only, and everything else stays`() throws {
        try withTemporaryDirectory { folder in
            let store = try Self.store(#"{"psFormat":"x","auths":{"z.example":{"auth":"YTpi"}}}"#, in: folder)
            let host = try Self.host("h.example:5000")
            let place = try store.store(user: "alice", password: "secret", for: host)
            #expect(try store.credential(for: host, repository: nil) == .password(user: "alice", password: "secret"))
            #expect(try InputFile(opening: place).mode == 0o600)
            let document = try JSON.parse(InputFile.contents(of: place, limit: 1 << 20))
            #expect(document["psFormat"]?.string == "x")
            #expect(document["auths"]?["z.example"] != nil)
            #expect(try store.erase(host) == [place])
            #expect(try store.credential(for: host, repository: nil) == nil)
            #expect(try store.erase(host).isEmpty)
        }
    }

    @Test func `a name of a helper is no path`() throws {
        try withTemporaryDirectory { folder in
            for name in ["../x", "a/b", "a b", "é", "a;b"] {
                let store = try Self.store(JSON.text(["credsStore": .string(name)]), in: folder)
                #expect(
                    ociError { _ = try store.credential(for: Self.host("h.example"), repository: nil) }?.code
                        == .credentials)
            }
            let store = try Self.store(#"{"credsStore":"surely-not-installed"}"#, in: folder)
            #expect(
                ociError { _ = try store.credential(for: Self.host("h.example"), repository: nil) }?.code
                    == .credentials)
        }
    }
}
