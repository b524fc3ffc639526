import AdapterRegistry
import AdapterServer
import Foundation
import Integrity
import OCIDistribution
import Testing

/// Other people's clients, in both directions: what they push and pull is the same byte for byte.
@Suite struct PeerToolTests {
    static let hasSkopeo = FileManager.default.isExecutableFile(atPath: "/usr/bin/skopeo")

    @Test(.enabled(if: hasSkopeo, "skopeo is not installed"))
    func `skopeo copies to the server and back`() async throws {
        try await TestServer.run { port, folder in
            let layout = folder + "-layout"
            defer { try? FileManager.default.removeItem(atPath: layout) }
            let peer = try Peer(port: port, name: "team/image")
            let bytes = try peer.image(layers: 3).bytes
            #expect(try peer.push(bytes, as: "v1").status == 201)
            let remote = "docker://127.0.0.1:\(port)/team"
            try skopeo("copy", "--src-tls-verify=false", "\(remote)/image:v1", "oci:\(layout):v1")
            try skopeo("copy", "--dest-tls-verify=false", "oci:\(layout):v1", "\(remote)/copy:v2")
            let copy = try Peer(port: port, name: "team/copy")
            #expect(try copy.get("manifests/v2").body == bytes)
            for layer in try ImageManifest(parsing: bytes).layers {
                #expect(try copy.get("blobs/\(layer.digest)").body == peer.get("blobs/\(layer.digest)").body)
            }
            try skopeo("delete", "--tls-verify=false", "\(remote)/copy:v2")
            #expect(try copy.get("manifests/v2").status == 404)
        }
    }

    @Test(.enabled(if: hasSkopeo, "skopeo is not installed"))
    func `skopeo signs in`() async throws {
        let users = NSTemporaryDirectory() + "users-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: users) }
        try await TestServer.run { options in
            var file = UserFile()
            file.users["alice"] = .init(
                name: "alice", password: PasswordHash(of: "secret", iterationCount: 10),
                rules: AccessRule(parsing: "write:team").map { [$0] } ?? [])
            try? file.write(to: users)
            options.usersPath = users
        } _: { port, folder in
            let layout = folder + "-layout"
            defer { try? FileManager.default.removeItem(atPath: layout) }
            try await TestServer.run { open, _ in
                let peer = try Peer(port: open, name: "team/image")
                #expect(try peer.push(try peer.image().bytes, as: "v1").status == 201)
                try skopeo(
                    "copy", "--src-tls-verify=false", "docker://127.0.0.1:\(open)/team/image:v1", "oci:\(layout):v1")
            }
            let target = "docker://127.0.0.1:\(port)/team/image:v1"
            let options = ["copy", "--dest-tls-verify=false", "oci:\(layout):v1", target]
            #expect(throws: ToolFailure.self) { try run("/usr/bin/skopeo", options) }
            try run("/usr/bin/skopeo", ["copy", "--dest-creds", "alice:secret"] + options.dropFirst())
        }
    }

    private func skopeo(_ arguments: String...) throws { try run("/usr/bin/skopeo", arguments) }

    private func run(_ path: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ToolFailure(text: String(decoding: output, as: UTF8.self)) }
    }
}

/// What a program said that failed.
struct ToolFailure: Error {
    var text: String
}
