import AdapterRegistry
import AdapterServer
import Foundation
import Integrity
import OCIDistribution
import Testing

/// What protects the server from too much: of requests, of connections, of passwords, of what nobody reads.
@Suite struct LimitTests {
    @Test func `Requests beyond the limit are told to come again`() async throws {
        try await TestServer.run {
            $0.maximumRequestCount = 2
        } _: { port, _ in
            let peer = try Peer(port: port)
            var stalled: [HTTPClient] = []
            let locations = try (0..<2).map { _ in Peer.path(of: try peer.startUpload()) }
            // A request counts until its end is noted, which is a moment after its answer.
            try await Task.sleep(for: .milliseconds(200))
            for location in locations {
                let client = try HTTPClient(port: port)
                try client.write("PATCH \(location) HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
                stalled.append(client)
            }
            var refused = try peer.client.request("GET", "/v2/")
            for _ in 0..<100 where refused.status == 200 {
                try await Task.sleep(for: .milliseconds(20))
                refused = try peer.client.request("GET", "/v2/")
            }
            #expect(refused.status == 503)
            #expect(refused.codes == ["TOOMANYREQUESTS"])
            #expect(refused["Retry-After"] == "1")
            for client in stalled {
                try client.write("defghi")
                #expect(try client.answer(to: "PATCH").status == 202)
            }
            #expect(try peer.client.request("GET", "/v2/").status == 200)
        }
    }

    @Test func `Connections beyond the limit wait until one is closed`() async throws {
        try await TestServer.run {
            $0.maximumConnectionCount = 2
        } _: { port, _ in
            let first = try HTTPClient(port: port)
            let second = try HTTPClient(port: port)
            for client in [first, second] { #expect(try client.request("GET", "/healthz").status == 200) }
            let third = try HTTPClient(port: port)
            try third.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(!third.hasAnswer(within: 300))
            first.disconnect()
            #expect(third.hasAnswer(within: 5000))
            #expect(try third.answer().status == 200)
        }
    }

    @Test func `A client that reads nothing is let go`() async throws {
        try await TestServer.run {
            $0.limits.bodySeconds = 0.3
        } _: { port, _ in
            let peer = try Peer(port: port)
            let blob = [UInt8](repeating: 7, count: 50 << 20)
            let digest = try peer.push(blob: blob)
            let slow = try HTTPClient(port: port)
            try slow.write("GET \(peer.path("blobs/\(digest)")) HTTP/1.1\r\nHost: a\r\n\r\n")
            try await Task.sleep(for: .milliseconds(1500))
            let (count, isClosed) = slow.drain()
            #expect(isClosed)
            #expect(count < blob.count)
            // One that reads gets everything, however long the whole takes.
            #expect(try peer.get("blobs/\(digest)").body.count == blob.count)
            let text = try peer.client.request("GET", "/metrics").text
            #expect(text.contains("adapterd_refusals_total{reason=\"disconnected\"} 1"))
        }
    }

    @Test func `Passwords are not tried without end`() async throws {
        let users = NSTemporaryDirectory() + "users-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: users) }
        var file = UserFile()
        file.users["alice"] = .init(
            name: "alice", password: PasswordHash(of: "secret", iterationCount: 10),
            rules: AccessRule(parsing: "write").map { [$0] } ?? [])
        let token = file.addToken(for: "alice", id: "t")
        try file.write(to: users)
        try await TestServer.run {
            $0.usersPath = users
        } _: { port, _ in
            let client = try HTTPClient(port: port)
            func basic(_ password: String) -> [(String, String)] {
                [("Authorization", "Basic " + Data("alice:\(password)".utf8).base64EncodedString())]
            }
            #expect(try client.request("GET", "/v2/", headers: basic("secret")).status == 200)
            var statuses: [Int] = []
            var last: HTTPClient.Answer?
            for number in 0..<40 where last?.status != 429 {
                last = try client.request("GET", "/v2/", headers: basic("wrong-\(number)"))
                statuses.append(last?.status ?? 0)
            }
            #expect(statuses.dropLast().allSatisfy { $0 == 401 })
            #expect((15...30).contains(statuses.count))
            #expect(last?.status == 429)
            #expect(last?.codes == ["TOOMANYREQUESTS"])
            #expect(last?["Retry-After"] == "1")
            // Who was known before, and tokens, are not kept out.
            #expect(try client.request("GET", "/v2/", headers: basic("secret")).status == 200)
            #expect(try client.request("GET", "/v2/", headers: [("Authorization", "Bearer \(token)")]).status == 200)
        }
    }

    @Test func `The last good file of users counts while it cannot be read`() async throws {
        let users = NSTemporaryDirectory() + "users-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: users) }
        var file = UserFile()
        file.users["alice"] = .init(name: "alice", password: nil, rules: AccessRule(parsing: "read").map { [$0] } ?? [])
        let headers = [("Authorization", "Bearer \(file.addToken(for: "alice", id: "t"))")]
        try file.write(to: users)
        try await TestServer.run {
            $0.usersPath = users
        } _: { port, _ in
            let client = try HTTPClient(port: port)
            #expect(try client.request("GET", "/v2/", headers: headers).status == 200)
            try Data("{\"users\": [".utf8).write(to: URL(fileURLWithPath: users))
            #expect(try client.request("GET", "/v2/", headers: headers).status == 200)
            try FileManager.default.removeItem(atPath: users)
            #expect(try client.request("GET", "/v2/", headers: headers).status == 200)
            file.tokens = [:]
            try file.write(to: users)
            #expect(try client.request("GET", "/v2/", headers: headers).status == 401)
        }
    }

    @Test func `Lists of more than a thousand come in pages`() async throws {
        try await TestServer.run { port, _ in
            let peer = try Peer(port: port)
            let image = try peer.image(layers: 0)
            let bytes = image.bytes
            let tags = (0..<1100).map { "t\(10_000 + $0)" }
            for start in stride(from: 0, to: tags.count, by: 100) {
                let query = tags[start..<start + 100].map { "tag=\($0)" }.joined(separator: "&")
                #expect(try peer.push(bytes, as: "\(ContentDigest.hash(bytes))?\(query)").status == 201)
            }
            var found: [String] = []
            var next: String? = peer.path("tags/list")
            var pages = 0
            while let path = next {
                let answer = try peer.client.request("GET", path)
                found += answer.json["tags"] as? [String] ?? []
                next = answer["Link"].map { String($0.dropFirst().prefix { $0 != ">" }) }
                pages += 1
            }
            #expect(found == tags)
            #expect(pages == 2)

            let subject = Descriptor(of: bytes, mediaType: .manifest)
            var expected: Set<ContentDigest> = []
            for number in 0..<1010 {
                var referrer = image
                referrer.subject = subject
                referrer.annotations = ["number": "\(number)"]
                let digest = ContentDigest.hash(referrer.bytes)
                expected.insert(digest)
                #expect(try peer.push(referrer.bytes, as: "\(digest)").status == 201)
            }
            let reference = try RemoteReference(parsing: "oci://127.0.0.1:\(port)/\(peer.name):v1")
            let client = try RegistryClient(for: reference, credentials: nil)
            let listed = try client.referrers(of: subject.digest, in: reference.repository).map(\.digest)
            #expect(listed.count == expected.count)
            #expect(Set(listed) == expected)
        }
    }
}
