import AdapterRegistry
import AdapterServer
import Foundation
import Glibc
import OCIDistribution
import Testing

/// The program itself: start, options, users, the end by a signal in the middle of an upload.
@Suite struct DaemonTests {
    @Test func `A server that was killed during an upload goes on with it, and serves no part of it`() async throws {
        try await withFolder { folder in
            let blob = Peer.bytes(6_000_000)
            let digest = ContentDigest.hash(blob)
            let first = try Daemon(["--registry", folder + "/registry", "--log-level", "error"])
            let peer = try Peer(port: try await first.port(), name: "team/a")
            let location = Peer.path(of: try peer.startUpload())
            let client = try HTTPClient(port: peer.client.port)
            try client.write("PATCH \(location) HTTP/1.1\r\nHost: a\r\nContent-Length: \(blob.count)\r\n\r\n")
            try client.write(Array(blob[..<4_000_000]))
            try await Task.sleep(for: .milliseconds(200))
            first.kill()

            let second = try Daemon(["--registry", folder + "/registry", "--log-level", "error"])
            let again = try Peer(port: try await second.port(), name: "team/a")
            #expect(try again.head("blobs/\(digest)").status == 404)
            let status = try again.client.request("GET", location)
            #expect(status.status == 204)
            let range = try #require(status["Range"].flatMap { UploadRange.parse($0) })
            #expect(range.upperBound <= 4_000_000)
            let end = try again.client.request(
                "PUT", "\(location)?digest=\(digest)", body: Array(blob[range.upperBound...]))
            #expect(end.status == 201)
            #expect(try again.get("blobs/\(digest)").body == blob)
            #expect(try Registry(opening: folder + "/registry").check().isEmpty)
        }
    }

    @Test func `It ends when it is told to, and finishes what is under way`() async throws {
        try await withFolder { folder in
            let daemon = try Daemon(["--registry", folder + "/registry"])
            let peer = try Peer(port: try await daemon.port())
            let location = Peer.path(of: try peer.startUpload())
            let client = try HTTPClient(port: peer.client.port)
            try client.write("PATCH \(location) HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
            try await Task.sleep(for: .milliseconds(100))
            daemon.terminate()
            try await Task.sleep(for: .milliseconds(100))
            try client.write("def")
            #expect(try client.answer(to: "PATCH").status == 202)
            #expect(daemon.wait() == 0)
        }
    }

    @Test func `Options come from the command line, the environment and a file, in this order`() async throws {
        try await withFolder { folder in
            let file = folder + "/adapterd.yaml"
            try "registry: \(folder)/file\nanonymous: read\nlog-format: json\nlisten: 127.0.0.1:0\n".write(
                toFile: file, atomically: true, encoding: .utf8)
            let daemon = try Daemon(
                ["--config", file], listen: nil, environment: ["ADAPTERD_REGISTRY": folder + "/environment"])
            let peer = try Peer(port: try await daemon.port())
            #expect(try peer.client.request("GET", "/v2/_catalog").status == 200)
            #expect(FileManager.default.fileExists(atPath: folder + "/environment"))
            #expect(!FileManager.default.fileExists(atPath: folder + "/file"))
            #expect(try peer.client.request("POST", peer.path("blobs/uploads/"), body: []).status == 401)
            daemon.terminate()
            #expect(daemon.wait() == 0)
            for line in daemon.log.split(separator: "\n") {
                #expect(try JSONSerialization.jsonObject(with: Data(line.utf8)) is [String: Any])
            }
        }
    }

    @Test(arguments: [
        ["--listen", "here"], ["--tls-cert", "x"], ["--listen", "0.0.0.0:0"], ["--anonymous", "all"],
        ["--max-blob", "much"], ["--rate", "-1"], ["--hf-upstream", "ftp://x"], ["--config", "/nonexistent"],
        ["--nothing"],
    ])
    func `Wrong usage is refused with 64`(arguments: [String]) async throws {
        try await withFolder { folder in
            let daemon = try Daemon(["--registry", folder + "/registry"] + arguments, listen: nil)
            #expect(daemon.wait() == 64)
            #expect(!daemon.log.isEmpty)
        }
    }

    @Test(arguments: [
        ("read-only: yes", "", 405), ("read-only: True", "", 405), ("read-only: no", "", 202), ("", "1", 405),
        ("read-only: yes", "off", 202),
    ])
    func `A server is read-only however that is written`(line: String, variable: String, status: Int) async throws {
        try await withFolder { folder in
            let file = folder + "/adapterd.yaml"
            try "registry: \(folder)/registry\n\(line)\n".write(toFile: file, atomically: true, encoding: .utf8)
            _ = try Registry(opening: folder + "/registry")
            let environment = variable.isEmpty ? [:] : ["ADAPTERD_READ_ONLY": variable]
            let daemon = try Daemon(["--config", file, "--log-level", "error"], environment: environment)
            let peer = try Peer(port: try await daemon.port())
            #expect(try peer.client.request("POST", peer.path("blobs/uploads/"), body: []).status == status)
        }
    }

    @Test func `What is neither true nor false is refused`() throws {
        let daemon = try Daemon(
            ["--registry", "/nonexistent"], listen: nil, environment: ["ADAPTERD_READ_ONLY": "maybe"])
        #expect(daemon.wait() == 64)
        #expect(daemon.log.contains("'maybe' is no value of --read-only"))
    }

    @Test func `A request that does not end does not keep it alive`() async throws {
        try await withFolder { folder in
            let daemon = try Daemon(["--registry", folder + "/registry", "--shutdown-timeout", "1"])
            let peer = try Peer(port: try await daemon.port())
            let location = Peer.path(of: try peer.startUpload())
            let client = try HTTPClient(port: peer.client.port)
            try client.write("PATCH \(location) HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
            try await Task.sleep(for: .milliseconds(100))
            let begin = ContinuousClock.now
            daemon.terminate()
            _ = daemon.wait()
            #expect(ContinuousClock.now - begin < .seconds(10))
            #expect(ContinuousClock.now - begin > .milliseconds(700))
        }
    }

    @Test func `Few open files are enough for many connections, one after the other`() async throws {
        try await withFolder { folder in
            let daemon = try Daemon(
                ["--registry", folder + "/registry", "--head-timeout", "1", "--log-level", "warning"],
                openFileLimit: 64)
            let port = try await daemon.port()
            let crowd = (0..<200).compactMap { _ in try? HTTPClient(port: port) }
            #expect(crowd.count > 100)
            let client = try HTTPClient(port: port)
            #expect(try client.request("GET", "/healthz").status == 200)
            let peer = try Peer(port: port)
            let digest = try peer.push(blob: Peer.bytes(1000))
            #expect(try peer.get("blobs/\(digest)").status == 200)
            withExtendedLifetime(crowd) {}
            #expect(daemon.log.contains("ulimit"))
        }
    }

    @Test func `Changes of users at the same time are all kept`() async throws {
        try await withFolder { folder in
            let users = folder + "/users.json"
            let all = try (0..<12).map { number in
                try Daemon(["user", "add", "user\(number)", "--no-password", "--users", users], listen: nil)
            }
            for daemon in all { #expect(daemon.wait() == 0, "\(daemon.log)") }
            #expect(try UserFile(reading: users).users.count == all.count)
        }
    }

    @Test func `Users are added, listed and removed`() async throws {
        try await withFolder { folder in
            let users = ["--users", folder + "/users.json"]
            func user(_ arguments: [String], input: String = "") throws -> (status: Int32, output: String) {
                let daemon = try Daemon(["user"] + arguments + users, listen: nil, input: input)
                return (daemon.wait(), daemon.output)
            }
            #expect(
                try user(["add", "alice", "--rule", "write:team", "--rule", "read"], input: "secret\n").status == 0)
            #expect(try user(["add", "ci", "--no-password", "--rule", "read:team"]).status == 0)
            let token = try user(["token", "ci", "--id", "nightly", "--days", "90", "--level", "read"])
            #expect(token.status == 0)
            #expect(token.output.hasPrefix("adt_"))
            let list = try user(["list"])
            #expect(list.output.hasPrefix("alice  write:team read:*\nci  read:team  (tokens only)\n    token nightly"))
            #expect(try user(["add", "bob", "--rule", "own:x"], input: "x\n").status == 64)
            #expect(try user(["token", "nobody"]).status == 3)

            let daemon = try Daemon(["--registry", folder + "/registry", "--log-level", "error"] + users)
            let client = try HTTPClient(port: try await daemon.port())
            let secret = token.output.trimmingCharacters(in: .whitespacesAndNewlines)
            let headers = [("Authorization", "Bearer \(secret)")]
            #expect(try client.request("GET", "/v2/", headers: headers).status == 200)
            #expect(try user(["remove", "nightly", "--token"]).status == 0)
            #expect(try client.request("GET", "/v2/", headers: headers).status == 401)
            #expect(try user(["remove", "alice"]).status == 0)
            #expect(try user(["remove", "alice"]).status == 3)
            #expect(try user(["list", "--json"]).output.contains("\"name\": \"ci\""))
        }
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl"), "openssl is not installed"))
    func `TLS with a certificate of one's own`() async throws {
        try await withFolder { folder in
            func tool(_ path: String, _ arguments: [String]) throws -> (Int32, String) {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: path)
                process.arguments = arguments
                let pipe = Pipe()
                process.standardOutput = pipe
                process.standardError = FileHandle.nullDevice
                try process.run()
                let output = pipe.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                return (process.terminationStatus, String(decoding: output, as: UTF8.self))
            }
            let (key, certificate) = (folder + "/key.pem", folder + "/chain.pem")
            func make() throws {
                let made = try tool(
                    "/usr/bin/openssl",
                    [
                        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout",
                        key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost",
                    ])
                #expect(made.0 == 0)
            }
            func trusting(_ port: Int) -> [String] {
                ["-s", "--cacert", certificate, "https://localhost:\(port)/v2/"]
            }
            try make()
            let daemon = try Daemon(
                [
                    "--registry", folder + "/registry", "--tls-cert", certificate, "--tls-key", key, "--log-level",
                    "notice",
                ])
            let port = try await daemon.port(isTLS: true)
            let answer = try tool("/usr/bin/curl", ["-s", "--cacert", certificate, "https://localhost:\(port)/v2/"])
            #expect(answer.0 == 0)
            #expect(answer.1 == "{}")
            #expect(try tool("/usr/bin/curl", ["-s", "https://localhost:\(port)/v2/"]).0 == 60)

            // A new certificate counts for the next connection once the server is told; one that is none does not.
            let old = try Data(contentsOf: URL(fileURLWithPath: certificate))
            try make()
            #expect(try tool("/usr/bin/curl", trusting(port)).0 == 60)
            daemon.hangUp()
            #expect(try await daemon.logs("read the certificate again"))
            #expect(try tool("/usr/bin/curl", trusting(port)).0 == 0)
            try old.write(to: URL(fileURLWithPath: certificate))
            daemon.hangUp()
            #expect(try await daemon.logs("The certificate stays as it was"))
            #expect(try tool("/usr/bin/curl", trusting(port) + ["-k"]).0 == 0)
        }
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "daemon-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }
}

/// The program `adapterd` in a process of its own.
final class Daemon {
    private let process = Process()
    private let logPath = NSTemporaryDirectory() + "daemon-log-" + UUID().uuidString
    private let outputPath = NSTemporaryDirectory() + "daemon-output-" + UUID().uuidString
    private let chosenPort: Int

    /// - Parameters:
    ///   - listen: whether to choose a port and to say so.
    ///   - openFileLimit: how many files it may have open, hard and soft.
    init(
        _ arguments: [String], listen: Void? = (), environment: [String: String] = [:], input: String = "",
        openFileLimit: Int? = nil
    ) throws {
        chosenPort = Int.random(in: 10_000..<20_000)
        let files = FileManager.default
        _ = files.createFile(atPath: logPath, contents: nil)
        _ = files.createFile(atPath: outputPath, contents: nil)
        process.executableURL = Daemon.url
        process.arguments = arguments + (listen == nil ? [] : ["--listen", "127.0.0.1:\(chosenPort)"])
        if let openFileLimit, let arguments = process.arguments {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments =
                ["-c", "ulimit -n \(openFileLimit); exec \"$0\" \"$@\"", Daemon.url.path] + arguments
        }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        process.standardError = FileHandle(forWritingAtPath: logPath)
        process.standardOutput = FileHandle(forWritingAtPath: outputPath)
        let pipe = Pipe()
        process.standardInput = pipe
        try process.run()
        try pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try pipe.fileHandleForWriting.close()
    }

    deinit {
        if process.isRunning { kill() }
        for path in [logPath, outputPath] { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Beside the program that runs the tests.
    static let url: URL = {
        let runner = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: runner).deletingLastPathComponent().appendingPathComponent("adapterd")
    }()

    /// What it has written to standard error.
    var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }
    /// What it has written to standard output.
    var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }

    /// Its port, once it answers.
    func port(isTLS: Bool = false) async throws -> Int {
        for _ in 0..<500 {
            // Where the system chose the port, the log says it.
            let logged = log.split(separator: "\n").compactMap { line -> Int? in
                guard let range = line.range(of: "127.0.0.1:[0-9]+", options: .regularExpression) else { return nil }
                return Int(line[range].dropFirst("127.0.0.1:".count))
            }.first { $0 > 0 }
            let port = process.arguments?.contains("--listen") == true ? chosenPort : logged
            if let port, let client = try? HTTPClient(port: port) {
                if isTLS { return port }
                if (try? client.request("GET", "/healthz"))?.status == 200 { return port }
            }
            try #require(process.isRunning, "\(log)")
            try await Task.sleep(for: .milliseconds(10))
        }
        throw HTTPClient.Fault.connect
    }

    func kill() {
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func terminate() { process.terminate() }

    /// Sends SIGHUP.
    func hangUp() { Glibc.kill(process.processIdentifier, SIGHUP) }

    /// Whether a text comes into the log.
    func logs(_ text: String) async throws -> Bool {
        for _ in 0..<500 where !log.contains(text) { try await Task.sleep(for: .milliseconds(10)) }
        return log.contains(text)
    }

    func wait() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }
}
