import Foundation
import Glibc

/// The registry of Docker, `docker-registry` of Debian, on this machine until it is released: a peer that nobody here
/// has written.
public final class DockerRegistry {
    /// Whether the programs of the peers are installed: Scripts/setup-peers does that.
    public static let isInstalled = ["docker-registry", "skopeo", "htpasswd"].allSatisfy { Program.path(of: $0) != nil }
    /// Whether tests fail without the peers instead of being skipped, as in Scripts/test.
    public static let isRequired = ProcessInfo.processInfo.environment["ADAPTERCTL_PEERS"] == "required"

    /// `127.0.0.1:PORT`.
    public let host: String
    private let process = Process()

    struct NotReady: Error, CustomStringConvertible {
        let description: String
    }

    /// Starts a registry.
    ///
    /// - Parameters:
    ///   - folder: where it keeps everything.
    ///   - users: who may use it, with their passwords; everybody when there are none.
    ///   - certificate: the files of its certificate and its private key, for TLS.
    public init(
        in folder: String, users: [String: String] = [:], certificate: (certificate: String, key: String)? = nil
    ) throws {
        guard let program = Program.path(of: "docker-registry") else {
            throw NotReady(description: "docker-registry is not installed; run Scripts/setup-peers")
        }
        let port = try DockerRegistry.freePort()
        host = "127.0.0.1:\(port)"
        try FileManager.default.createDirectory(atPath: "\(folder)/data", withIntermediateDirectories: true)
        var configuration = """
            version: 0.1
            log: {level: error, accesslog: {disabled: true}}
            storage: {filesystem: {rootdirectory: \(folder)/data}, delete: {enabled: true}, \
            maintenance: {uploadpurging: {enabled: false}}}
            http: {addr: "\(host)", secret: test
            """
        if let certificate {
            configuration += ", tls: {certificate: \(certificate.certificate), key: \(certificate.key)}"
        }
        configuration += "}\n"
        if !users.isEmpty, let htpasswd = Program.path(of: "htpasswd") {
            let lines = try users.map { try Program.run(htpasswd, ["-Bbn", $0.key, $0.value]).output }
            try lines.joined().write(toFile: "\(folder)/users", atomically: true, encoding: .utf8)
            configuration += "auth: {htpasswd: {realm: test, path: \(folder)/users}}\n"
        }
        try configuration.write(toFile: "\(folder)/config.yml", atomically: true, encoding: .utf8)
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["serve", "\(folder)/config.yml"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        for _ in 0..<500 where !DockerRegistry.isListening(port) { usleep(20_000) }
        guard DockerRegistry.isListening(port) else { throw NotReady(description: "docker-registry does not start") }
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = in_port_t(port).bigEndian
        return address
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw NotReady(description: "no port is free") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func isListening(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = address(port)
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) == 0 }
        }
    }
}
