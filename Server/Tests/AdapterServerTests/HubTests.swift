import AdapterInterchange
import AdapterRegistry
import AdapterServer
import Foundation
import Integrity
import Testing

/// The Hub's protocol as its clients use it; the clients themselves are run by `Scripts/check-server-clients`.
@Suite struct HubTests {
    private func run(
        options: (inout ServerOptions) -> Void = { _ in },
        _ body: (_ client: HTTPClient, _ stored: StoredAdapter) async throws -> Void
    ) async throws {
        try await TestServer.run(options: options) { port, folder in
            let adapter = try PEFT.read(folder: Fixtures.peft("llama-task-a"))
            let stored = try Registry(opening: folder).push(adapter, as: Reference(parsing: "team/support:v1"))
            try await body(try HTTPClient(port: port), stored)
        }
    }

    @Test func `A model's document has what old and new clients read`() async throws {
        try await run { client, stored in
            let commit = String(stored.digest.hexadecimal.prefix(40))
            for path in ["", "/revision/main", "/revision/v1", "/revision/\(commit)"] {
                let answer = try client.request("GET", "/api/models/team/support\(path)")
                #expect(answer.status == 200, "\(path)")
                #expect(answer.json["sha"] as? String == commit)
                #expect(answer.json["id"] as? String == "team/support")
                for field in [
                    "modelId", "private", "gated", "disabled", "downloads", "likes", "tags", "createdAt",
                    "lastModified",
                ] {
                    #expect(answer.json[field] != nil, "\(field)")
                }
                let names = (answer.json["siblings"] as? [[String: String]] ?? []).compactMap { $0["rfilename"] }
                #expect(names == ["README.md", "adapter_config.json", "adapter_model.safetensors"])
            }
        }
    }

    @Test func `Files have their digests, whole and in part`() async throws {
        try await run { client, _ in
            let tree = try client.request("GET", "/api/models/team/support/tree/v1?recursive=true&expand=false")
            let entries = try #require(JSONSerialization.jsonObject(with: Data(tree.body)) as? [[String: Any]])
            #expect(entries.count == 3)
            for entry in entries {
                let path = try #require(entry["path"] as? String)
                let size = try #require(entry["size"] as? Int)
                let oid = try #require((entry["lfs"] as? [String: Any])?["oid"] as? String)
                let url = "/team/support/resolve/main/\(path)"
                let head = try client.request("HEAD", url)
                #expect(head["Content-Length"] == String(size))
                #expect(head["ETag"] == "\"\(oid)\"")
                #expect(head["X-Repo-Commit"]?.count == 40)
                let get = try client.request("GET", url)
                #expect(SHA256.hash(get.body).hexadecimal == oid)
                let part = try client.request("GET", url, headers: [("Range", "bytes=10-19")])
                #expect(part.status == 206)
                #expect(part.body == Array(get.body[10..<20]))
            }
        }
    }

    @Test func `What comes back is the adapter that was pushed`() async throws {
        try await run { client, stored in
            let folder = NSTemporaryDirectory() + "hub-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            for name in ["adapter_config.json", "adapter_model.safetensors"] {
                let body = try client.request("GET", "/team/support/resolve/v1/\(name)").body
                try Data(body).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            }
            let registry = try Registry(opening: folder + "/registry")
            let again = try registry.push(PEFT.read(folder: folder), as: Reference(parsing: "a:v1"))
            #expect(again.contentRoot == stored.contentRoot)
        }
    }

    @Test func `What is not there is named in the way that clients understand`() async throws {
        try await run { client, _ in
            let cases = [
                ("/team/support/resolve/main/pytorch_model.bin", "EntryNotFound"),
                ("/team/support/resolve/v9/adapter_config.json", "RevisionNotFound"),
                ("/team/nobody/resolve/main/adapter_config.json", "RepoNotFound"),
                ("/Org/Model/resolve/main/config.json", "RepoNotFound"),
                ("/api/models/team/nobody", "RepoNotFound"),
                ("/api/models/team/support/revision/v9", "RevisionNotFound"),
            ]
            for (path, code) in cases {
                for method in ["GET", "HEAD"] {
                    let answer = try client.request(method, path)
                    #expect(answer.status == 404, "\(path)")
                    #expect(answer["X-Error-Code"] == code, "\(path)")
                    #expect((answer["X-Repo-Commit"] != nil) == (code == "EntryNotFound"))
                }
            }
        }
    }

    @Test func `Who may not read learns nothing`() async throws {
        let users = NSTemporaryDirectory() + "users-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: users) }
        var file = UserFile()
        file.users["alice"] = .init(
            name: "alice", password: nil, rules: [try #require(AccessRule(parsing: "read:team"))])
        let token = file.addToken(for: "alice", id: "t")
        try file.write(to: users)
        try await run {
            $0.usersPath = users
        } _: { client, _ in
            for name in ["team/support", "team/nobody"] {
                let answer = try client.request("GET", "/api/models/\(name)")
                #expect(answer.status == 401)
                #expect(answer["X-Error-Code"] == "RepoNotFound")
            }
            let headers = [("Authorization", "Bearer \(token)")]
            #expect(try client.request("GET", "/api/models/team/support", headers: headers).status == 200)
            #expect(try client.request("GET", "/api/whoami-v2", headers: headers).json["name"] as? String == "alice")
            #expect(try client.request("GET", "/api/whoami-v2").status == 401)
        }
    }

    @Test func `An upstream has what the registry lacks`() async throws {
        try await run { upstream, _ in
            try await TestServer.run {
                $0.upstream = "http://127.0.0.1:\(upstream.port)"
            } _: { port, _ in
                let client = try HTTPClient(port: port)
                let path = "/team/support/resolve/main/adapter_config.json"
                let get = try client.request("GET", path)
                #expect(get.status == 307)
                #expect(get["Location"] == "http://127.0.0.1:\(upstream.port)\(path)")
                let head = try client.request("HEAD", path)
                let original = try upstream.request("HEAD", path)
                for name in ["X-Repo-Commit", "ETag", "Content-Length"] { #expect(head[name] == original[name]) }
                #expect(try client.request("HEAD", "/team/nobody/resolve/main/x")["X-Error-Code"] == "RepoNotFound")
            }
        }
    }

    @Test func `The upstream never hears of names that are here or somebody's`() async throws {
        let users = NSTemporaryDirectory() + "users-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: users) }
        var file = UserFile()
        for (name, rule) in [("root", "admin"), ("alice", "read:private/alice")] {
            file.users[name] = .init(name: name, password: nil, rules: [try #require(AccessRule(parsing: rule))])
        }
        let root = file.addToken(for: "root", id: "r")
        let alice = file.addToken(for: "alice", id: "a")
        try file.write(to: users)
        try await run { options in
            options.usersPath = users
            // Whoever asks it gets a redirect; nobody listens there.
            options.upstream = "http://127.0.0.1:9"
        } _: { client, _ async throws in
            func status(_ name: String, _ token: String? = nil) throws -> Int {
                let headers = token.map { [("Authorization", "Bearer \($0)")] } ?? []
                return try client.request("GET", "/api/models/\(name)", headers: headers).status
            }
            // It is here, and alice and strangers may not read it.
            #expect(try status("team/support") == 401)
            #expect(try status("Team/Support") == 404)
            #expect(try status("team/support", alice) == 404)
            #expect(try status("team/support", root) == 200)
            // It is not here, and lies where alice's names are.
            for name in ["private/alice/x", "private/alice"] { #expect(try status(name) == 401) }
            #expect(try status("Private/Alice/x") == 404)
            #expect(try status("private/alice/x", alice) == 404)
            // It is nobody's.
            for name in ["private/bob", "meta/llama", "Meta/Llama", "gpt2"] {
                #expect(try status(name) == 307)
                #expect(try status(name, alice) == 307)
            }
        }
    }

    @Test func `Converted adapters that were not asked for longest make room`() async throws {
        let cache = NSTemporaryDirectory() + "cache-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: cache) }
        try await TestServer.run { options in
            options.cachePath = cache
            options.maximumCacheByteCount = 1
        } _: { port, folder in
            let client = try HTTPClient(port: port)
            var bodies: [String: [UInt8]] = [:]
            for _ in 0..<2 {
                for name in ["llama-task-a", "llama-task-b"] {
                    let adapter = try PEFT.read(folder: Fixtures.peft(name))
                    let stored = try Registry(opening: folder).push(adapter, as: Reference(parsing: "\(name):v1"))
                    let answer = try client.request("GET", "/\(name)/resolve/v1/adapter_model.safetensors")
                    #expect(answer.status == 200)
                    #expect(bodies[name] ?? answer.body == answer.body)
                    bodies[name] = answer.body
                    #expect(try FileManager.default.contentsOfDirectory(atPath: cache) == [stored.digest.hexadecimal])
                }
            }
        }
    }
}
