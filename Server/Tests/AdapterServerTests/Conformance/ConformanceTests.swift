import Foundation
import Testing

/// The requirements of the distribution specification 1.1, put to our server, and to another to prove the cases.
@Suite struct ConformanceTests {
    @Test func `our server keeps to the distribution specification`() async throws {
        try await TestServer.run { port, _ in
            for requirement in ConformanceCase.all { try run(requirement, Peer(port: port)) }
        }
    }

    /// Debian's docker-registry 2.8 is older than the referrers API and some other parts of the specification.
    @Test(.enabled(if: OtherRegistry.isInstalled, "docker-registry is not installed"))
    func `Debian's docker-registry passes the cases that it claims`() async throws {
        try await OtherRegistry.run { port in
            let features: Peer.Features = [.cancel, .digestHeaders]
            for requirement in ConformanceCase.all where features.isSuperset(of: requirement.features) {
                try run(requirement, Peer(port: port, features: features))
            }
        }
    }

    private func run(_ requirement: ConformanceCase, _ peer: Peer) throws {
        do {
            try requirement.body(peer)
        } catch {
            Issue.record(error, "\(requirement.name)")
        }
    }
}

/// Debian's docker-registry.
enum OtherRegistry {
    static let path = "/usr/bin/docker-registry"

    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: path) }

    /// Runs it over an empty folder for as long as `body` runs.
    static func run(_ body: (_ port: Int) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "registry-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let port = Int.random(in: 20_000..<30_000)
        let configuration = """
            version: 0.1
            log: {level: error, accesslog: {disabled: true}}
            storage:
              filesystem: {rootdirectory: \(folder)/data}
              delete: {enabled: true}
              maintenance: {uploadpurging: {enabled: false}}
            http: {addr: "127.0.0.1:\(port)", secret: x}
            """
        try configuration.write(toFile: folder + "/config.yml", atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["serve", folder + "/config.yml"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer { process.terminate() }
        for _ in 0..<200 {
            if let client = try? HTTPClient(port: port), (try? client.request("GET", "/v2/"))?.status == 200 { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        try await body(port)
    }
}
