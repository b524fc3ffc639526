import AdapterServer
import Foundation
import Logging
import OCIDistribution
import Synchronization
import Testing

/// What the log and the metrics say of requests, however they end.
@Suite struct RecordingTests {
    @Test func `The log and the metrics show what was done`() async throws {
        try await TestServer.run { port, _ in
            let peer = try Peer(port: port)
            try peer.push(blob: Peer.bytes(10))
            let text = try peer.client.request("GET", "/metrics").text
            #expect(text.contains("adapterd_requests_total{method=\"PUT\",route=\"upload\",status=\"201\"} 1"))
            #expect(text.contains("adapterd_received_bytes_total 10"))
            #expect(try peer.client.request("GET", "/readyz").status == 200)
        }
    }

    @Test func `A request that fails is somebody's and about something`() async throws {
        let users = NSTemporaryDirectory() + "users-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: users) }
        var file = UserFile()
        file.users["alice"] = .init(
            name: "alice", password: nil, rules: AccessRule(parsing: "read:team").map { [$0] } ?? [])
        let headers = [("Authorization", "Bearer \(file.addToken(for: "alice", id: "t"))")]
        try file.write(to: users)
        let log = RecordedLog()
        try await TestServer.run(log: log.logger) { options in
            options.usersPath = users
        } _: { port, _ in
            let client = try HTTPClient(port: port)
            #expect(try client.request("GET", "/v2/team/a/manifests/v1", headers: headers).status == 404)
            #expect(try client.request("POST", "/v2/team/a/blobs/uploads/", headers: headers, body: []).status == 403)
            #expect(try client.request("GET", "/api/models/team/a").status == 401)
            #expect(try client.request("GET", "/nothing").status == 404)
            let entries = try await log.entries(4)
            #expect(entries.map { $0["user"] } == ["alice", "alice", "anonymous", "anonymous"])
            #expect(entries.map { $0["route"] } == ["manifest", "uploads", "hub", "other"])
            #expect(entries.map { $0["status"] } == ["404", "403", "401", "404"])
        }
    }

    @Test func `Only bytes that have come or gone are counted`() async throws {
        let log = RecordedLog()
        try await TestServer.run(log: log.logger) { options in
            options.limits.bodySeconds = 0.5
        } _: { port, _ in
            let peer = try Peer(port: port)
            let location = Peer.path(of: try peer.startUpload())
            let dying = try HTTPClient(port: port)
            try dying.write("PATCH \(location) HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabcde")
            try await Task.sleep(for: .milliseconds(100))
            dying.disconnect()
            let upload = try #require(try await log.entries(2).last)
            #expect(upload["received"] == "5")
            #expect(upload["status"] == "-")
            #expect(upload["route"] == "upload")

            let digest = try peer.push(blob: [UInt8](repeating: 1, count: 40 << 20))
            let reader = try HTTPClient(port: port)
            try reader.write("GET \(peer.path("blobs/\(digest)")) HTTP/1.1\r\nHost: a\r\n\r\n")
            try await Task.sleep(for: .milliseconds(100))
            reader.disconnect()
            let download = try #require(try await log.entries(5).last)
            #expect(download["status"] == "-")
            #expect(download["route"] == "blob")
            let sent = try #require(download["sent"].flatMap { Int($0) })
            #expect(sent < 40 << 20)
        }
    }
}

/// A log that a test reads.
final class RecordedLog: Sendable {
    private struct Handler: LogHandler {
        let log: RecordedLog
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            guard let fields = event.metadata, fields["request"] != nil else { return }
            log.content.withLock { $0.append(fields.mapValues(\.description)) }
        }
    }

    private let content = Mutex<[[String: String]]>([])

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    /// The entries of requests, as soon as there are so many.
    func entries(_ count: Int) async throws -> [[String: String]] {
        for _ in 0..<500 {
            let entries = content.withLock(\.self)
            if entries.count >= count { return entries }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw HTTPClient.Fault.malformed("\(content.withLock(\.self))")
    }
}
