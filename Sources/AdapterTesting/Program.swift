import Foundation

/// Another program that a test runs.
public enum Program {
    /// What a finished program left.
    public struct Result: Sendable {
        /// The exit code.
        public let status: Int32
        /// What it wrote to standard output and standard error.
        public let output: String
    }

    /// Where a program is; nil when it is not installed.
    public static func path(of name: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin").split(separator: ":")
        return (folders.map(String.init) + ["/usr/bin", "/usr/sbin"]).map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program to its end.
    @discardableResult
    public static func run(_ path: String, _ arguments: [String], input: String = "", directory: String? = nil) throws
        -> Result
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        let output = try TemporaryFile()
        let source = try TemporaryFile()
        source.handle.write(Data(input.utf8))
        try source.handle.seek(toOffset: 0)
        process.standardInput = source.handle
        process.standardOutput = output.handle
        process.standardError = output.handle
        try process.run()
        process.waitUntilExit()
        return Result(status: process.terminationStatus, output: output.text)
    }
}
