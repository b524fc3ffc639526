import AdapterRegistry
import AdapterServer
import Foundation
import Logging
import Synchronization
import Testing

/// A server in this process over a registry of its own.
enum TestServer {
    /// Runs a server for as long as `body` runs.
    static func run<Result>(
        log: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        options change: (inout ServerOptions) -> Void = { _ in },
        _ body: (_ port: Int, _ registry: String) async throws -> Result
    ) async throws -> Result {
        let folder = NSTemporaryDirectory() + "adapterd-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var options = ServerOptions(registry: folder + "/registry")
        options.port = 0
        options.limits.lingeringSeconds = 1
        options.shutdownSeconds = 1
        change(&options)
        let server = try AdapterServer(options, logger: log)
        let (ports, started) = AsyncStream.makeStream(of: Int.self)
        let running = Task {
            do {
                try await server.run { started.yield($0) }
            } catch {
                started.finish()
                throw error
            }
        }
        defer { running.cancel() }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else {
            try await running.value
            throw HTTPClient.Fault.connect
        }
        return try await body(port, options.registry)
    }
}
