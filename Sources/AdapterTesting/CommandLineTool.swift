import Foundation
import Glibc

/// Runs the built `adapterctl` as users do: as a process of its own.
public struct CommandLineTool: Sendable {
    /// What a finished process left.
    public struct Result: Sendable {
        /// The exit code, or 128 + the signal that ended it.
        public let status: Int32
        /// What it wrote to standard output.
        public let output: String
        /// What it wrote to standard error.
        public let errors: String
    }

    /// The registry that the commands use.
    public let registry: String

    /// Commands on a registry.
    public init(registry: String) {
        self.registry = registry
    }

    /// The binary stands beside the test runner.
    public static let path: String = {
        let runner = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: runner).deletingLastPathComponent().appendingPathComponent("adapterctl").path
    }()

    /// Runs the tool to its end.
    public func run(_ arguments: String..., environment: [String: String] = [:], directory: String? = nil) throws
        -> Result
    {
        try run(arguments, environment: environment, directory: directory)
    }

    /// Runs the tool, or another program before it, to its end.
    ///
    /// - Throws: ``JSONSchema/Fault`` when it prints JSON that breaks the command's published schema.
    public func run(
        _ arguments: [String], launcher: [String] = [], environment: [String: String] = [:], directory: String? = nil
    ) throws -> Result {
        let process = try start(arguments, launcher: launcher, environment: environment, directory: directory)
        let result = process.wait()
        try JSONOutput(arguments, status: result.status, output: result.output)?.check()
        return result
    }

    /// Starts the tool.
    public func start(
        _ arguments: [String], launcher: [String] = [], environment: [String: String] = [:], directory: String? = nil
    ) throws -> RunningTool {
        let command = launcher + [CommandLineTool.path] + arguments
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = ProcessInfo.processInfo.environment
            .merging([
                "ADAPTERCTL_REGISTRY": registry, "ADAPTERCTL_KEYS": registry + "-keys", "NO_COLOR": "1",
                // Swift's backtracer now and then never ends, and a test would wait for it for ever.
                "SWIFT_BACKTRACE": "enable=no",
            ]) { _, new in new }
            .merging(environment) { _, new in new }
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        // Files instead of pipes: nothing can block, however much is printed.
        let output = try TemporaryFile()
        let errors = try TemporaryFile()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output.handle
        process.standardError = errors.handle
        try process.run()
        return RunningTool(process: process, output: output, errors: errors)
    }
}

/// A process of the tool that may still be running.
public final class RunningTool {
    private let process: Process
    private let output: TemporaryFile
    private let errors: TemporaryFile

    init(process: Process, output: TemporaryFile, errors: TemporaryFile) {
        self.process = process
        self.output = output
        self.errors = errors
    }

    /// The process's number.
    public var processIdentifier: Int32 { process.processIdentifier }

    /// Whether it has not ended yet.
    public var isRunning: Bool { process.isRunning }

    /// Ends the process with SIGKILL, wherever it is.
    public func kill() { send(SIGKILL) }

    /// Sends the process a signal.
    public func send(_ signal: Int32) { Glibc.kill(process.processIdentifier, signal) }

    /// What it has written to standard output so far.
    public var outputSoFar: String { output.textSoFar }

    /// Waits for the end of the process.
    public func wait() -> CommandLineTool.Result {
        process.waitUntilExit()
        let code = process.terminationStatus
        return CommandLineTool.Result(
            status: process.terminationReason == .uncaughtSignal ? 128 + code : code, output: output.text,
            errors: errors.text)
    }
}

/// A file without a name.
final class TemporaryFile {
    let handle: FileHandle

    init() throws {
        var template = Array((NSTemporaryDirectory() + "/adapterctl-XXXXXX").utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown) }
        unlink(template)
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// The text without moving the place at which a process writes.
    var textSoFar: String {
        var status = stat()
        guard fstat(handle.fileDescriptor, &status) == 0, status.st_size > 0 else { return "" }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = pread(handle.fileDescriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    var text: String {
        try? handle.seek(toOffset: 0)
        return String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self)
    }
}
