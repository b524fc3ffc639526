import AdapterRegistry
import AdapterServer
import Foundation
import Integrity
import OCIDistribution
import Testing

/// Clients that lie, stop, or never end.
@Suite struct HostileClientTests {
    @Test func `Names and digests that lead elsewhere are refused`() async throws {
        try await TestServer.run { port, _ in
            let client = try HTTPClient(port: port)
            let digest = ContentDigest.hash([])
            for path in [
                "/v2/../../etc/blobs/\(digest)", "/v2/a/%2e%2e/b/tags/list", "/v2/a%2F..%2Fb/tags/list",
                "/v2/A/tags/list", "/v2/a//b/tags/list", "/v2/a/blobs/sha256:..%2F..%2Fcatalog.sqlite",
                "/v2/a/blobs/uploads/..%2F..%2Fx", "/v2/a/manifests/%00", "/v2/a/manifests/..", "/v2/a%zz/tags/list",
                "/v2/a/blobs/uploads/00000000-0000-0000-0000-00000000000/", "/nothing", "/v2", "/v2/a",
            ] {
                let answer = try client.request("GET", path)
                #expect([400, 404].contains(answer.status) || path == "/v2", "\(path) \(answer.status)")
            }
            #expect(try client.request("GET", "/healthz").status == 200)
        }
    }

    @Test func `A body that ends early is kept for its upload and stored nowhere`() async throws {
        try await TestServer.run { port, folder in
            let peer = try Peer(port: port)
            let blob = Peer.bytes(300_000)
            let digest = ContentDigest.hash(blob)
            let location = Peer.path(of: try peer.startUpload())
            let dying = try HTTPClient(port: port)
            try dying.write(
                "PUT \(location)?digest=\(digest) HTTP/1.1\r\nHost: a\r\nContent-Length: \(blob.count)\r\n\r\n")
            try dying.write(Array(blob[..<200_000]))
            dying.disconnect()
            var status = try peer.client.request("GET", location)
            for _ in 0..<100 where status["Range"] != "0-199999" {
                try await Task.sleep(for: .milliseconds(20))
                status = try peer.client.request("GET", location)
            }
            #expect(status["Range"] == "0-199999")
            #expect(try peer.head("blobs/\(digest)").status == 404)
            let end = try peer.client.request(
                "PUT", "\(location)?digest=\(digest)", headers: [("Content-Range", "200000-299999")],
                body: Array(blob[200_000...]))
            #expect(end.status == 201)
            #expect(try peer.get("blobs/\(digest)").body == blob)
            #expect(try Registry(opening: folder).check().isEmpty)
        }
    }

    @Test func `An upload belongs to its repository`() async throws {
        try await TestServer.run { port, _ in
            let peer = try Peer(port: port, name: "team/a")
            let location = Peer.path(of: try peer.startUpload())
            #expect(try peer.client.request("PATCH", location, body: Array("abc".utf8)).status == 202)
            let other = location.replacingOccurrences(of: "team/a", with: "team/b")
            #expect(try peer.client.request("GET", other).codes == ["BLOB_UPLOAD_UNKNOWN"])
            #expect(try peer.client.request("GET", location)["Range"] == "0-2")
        }
    }

    @Test func `Too much is refused, announced or not`() async throws {
        try await TestServer.run {
            $0.maximumBlobByteCount = 1000
        } _: { port, _ in
            let peer = try Peer(port: port)
            let location = Peer.path(of: try peer.startUpload())
            let announced = try peer.client.request("PATCH", location, body: [], announcing: 2000)
            #expect(announced.status == 413)
            #expect(announced.codes == ["SIZE_INVALID"])
            let client = try HTTPClient(port: port)
            try client.write("PATCH \(location) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<4 { try client.write(Array("1f4\r\n".utf8) + Peer.bytes(500) + Array("\r\n".utf8)) }
            #expect(try client.answer().status == 413)
            #expect(try HTTPClient(port: port).request("GET", "/healthz").status == 200)
        }
    }

    @Test func `Connections that stand still are closed`() async throws {
        try await TestServer.run { options in
            options.limits.headSeconds = 0.3
            options.limits.bodySeconds = 0.3
            options.limits.lingeringSeconds = 0.3
        } _: { port, _ in
            let silent = try HTTPClient(port: port)
            #expect(silent.isClosedByServer())
            let slowHead = try HTTPClient(port: port)
            try slowHead.write("GET /v2/ HTTP/1.1\r\nHost: ")
            #expect(slowHead.isClosedByServer())
            let peer = try Peer(port: port)
            let location = Peer.path(of: try peer.startUpload())
            let slowBody = try HTTPClient(port: port)
            try slowBody.write("PATCH \(location) HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc")
            #expect(slowBody.isClosedByServer())
            // What is refused at once is not read for ever.
            let refused = try HTTPClient(port: port)
            try refused.write("PUT /v2/A/manifests/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc")
            #expect(try refused.answer(to: "PUT").status == 400)
            #expect(refused.isClosedByServer())
        }
    }

    @Test func `Garbage and huge heads are refused, and the server goes on`() async throws {
        try await TestServer.run { port, _ in
            for text in [
                "\u{0}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                "GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
                "GET /v2/ HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "y", count: 200_000) + "\r\n\r\n",
                "PUT /v2/a/manifests/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            ] {
                let client = try HTTPClient(port: port)
                try? client.write(text)
                if let answer = try? client.answer() { #expect(answer.status >= 400) }
            }
            #expect(try HTTPClient(port: port).request("GET", "/healthz").status == 200)
        }
    }

    @Test func `Those who ask too often wait`() async throws {
        try await TestServer.run {
            $0.requestRate = 5
        } _: { port, _ in
            let client = try HTTPClient(port: port)
            var refused: HTTPClient.Answer?
            for _ in 0..<30 where refused == nil {
                let answer = try client.request("GET", "/v2/")
                if answer.status != 200 { refused = answer }
            }
            #expect(refused?.status == 429)
            #expect(refused?.codes == ["TOOMANYREQUESTS"])
            #expect(refused?["Retry-After"] == "1")
        }
    }

    @Test func `A client that waits for leave to send its body gets it`() async throws {
        try await TestServer.run { port, _ in
            let peer = try Peer(port: port)
            let location = Peer.path(of: try peer.startUpload())
            let client = try HTTPClient(port: port)
            try client.write(
                "PATCH \(location) HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            #expect(try client.interim().hasPrefix("HTTP/1.1 100"))
            try client.write("abc")
            #expect(try client.answer(to: "PATCH").status == 202)
        }
    }
}
