import Foundation
import Testing

/// The commands in `docs/server.md` do what the text says.
@Suite struct DocumentationTests {
    /// The commands in the text that are about `adapterd` alone, in order.
    private func commands() throws -> [String] {
        let text = try String(contentsOfFile: Fixtures.root + "/docs/server.md", encoding: .utf8)
        return text.components(separatedBy: "```").enumerated().filter { $0.offset % 2 == 1 }
            .flatMap { $0.element.split(separator: "\n").map(String.init) }
            .filter { $0.hasPrefix("adapterd ") || $0.contains("| adapterd ") }
    }

    @Test func `Users are made as the text says, and servers start`() async throws {
        let folder = NSTemporaryDirectory() + "documentation-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let environment = ["HOME": folder, "PASSWORD": "secret"]
        let commands = try commands()
        #expect(commands.count >= 8)
        for command in commands where command.contains(" user ") {
            let result = try run(command, in: folder, environment)
            #expect(result.status == 0, "\(command): \(result.text)")
        }
        // Certificates are another test's.
        for command in commands where !command.contains(" user ") && !command.contains("--tls-cert") {
            let any = command.contains("--listen") ? command : command + " --listen 127.0.0.1:0"
            let free = any.replacingOccurrences(of: "0.0.0.0:5800", with: "0.0.0.0:0")
            // Ended by a signal that it obeys, after it has said that it serves.
            let result = try run("timeout --preserve-status -s TERM 2 " + free, in: folder, environment)
            #expect(result.status == 0, "\(command): \(result.text)")
            #expect(result.text.contains("serving"), "\(command): \(result.text)")
        }
    }

    @Test func `Every option of the text is one`() throws {
        let text = try String(contentsOfFile: Fixtures.root + "/docs/server.md", encoding: .utf8)
        let help = try run(
            "adapterd serve --help; adapterd user add --help; adapterd user token --help", in: "/tmp", [:])
        let words = text.split { !($0.isLetter || $0 == "-") }.filter { $0.hasPrefix("--") && $0.count > 2 }
        let foreign: Set = ["--src-tls-verify", "--apply"]
        for option in Set(words.map(String.init)).subtracting(foreign) {
            #expect(help.text.contains(option), "\(option)")
        }
    }

    private func run(
        _ command: String, in folder: String, _ environment: [String: String]
    ) throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        var variables = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        variables["PATH"] = Daemon.url.deletingLastPathComponent().path + ":" + (variables["PATH"] ?? "")
        process.environment = variables
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
