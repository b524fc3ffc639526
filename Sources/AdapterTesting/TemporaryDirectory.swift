import FileSystem
import Foundation

/// Runs a test in a folder of its own, which is removed afterwards.
public func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
    let path = NSTemporaryDirectory() + "/adapterctl-\(UUID().uuidString)"
    try Directory.create(path)
    defer { try? Directory.remove(path) }
    return try body(path)
}
