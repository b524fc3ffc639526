import FileSystem

/// Files that live as long as a test.
enum Scratch {
    /// Runs a test with an empty folder.
    static func with(_ body: (String) throws -> Void) throws {
        let folder = "/tmp/AdapterInterchangeTests-\(UInt64.random(in: 0 ... .max))"
        try Directory.create(folder)
        defer { try? Directory.remove(folder) }
        try body(folder)
    }

    /// Writes a file and returns its path.
    static func file(_ folder: String, _ bytes: [UInt8], name: String = "file") throws -> String {
        let output = try OutputFile(in: folder)
        try output.write(bytes)
        try output.commit(as: "\(folder)/\(name)")
        return "\(folder)/\(name)"
    }

    /// Runs a test with a file that is not flushed, for tests that need thousands of them.
    static func withFile(_ folder: String, _ bytes: [UInt8], _ body: (String) throws -> Void) throws {
        let output = try OutputFile(in: folder)
        try output.write(bytes)
        defer { withExtendedLifetime(output) {} }
        try body(output.temporaryPath)
    }

    /// A safetensors file: the header as given, then that many bytes 0, 1, 2, ….
    static func safetensors(_ header: String, _ dataByteCount: Int) -> [UInt8] {
        let text = Array(header.utf8)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
        return length + text + (0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0) }
    }

    /// The whole content of a file.
    static func contents(_ path: String) throws -> [UInt8] {
        try InputFile.contents(of: path, limit: 1 << 24)
    }

    /// Copies a folder's files.
    static func copy(_ source: String, to target: String) throws {
        try Directory.create(target)
        for name in try Directory.names(in: source) where Directory.kind(of: "\(source)/\(name)") == .file {
            _ = try file(target, contents("\(source)/\(name)"), name: name)
        }
    }
}
