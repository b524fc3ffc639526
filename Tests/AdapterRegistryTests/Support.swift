import AdapterRegistry
import AdapterTesting
import Adapters
import FileSystem
import Integrity

/// Runs a test on a new registry in a folder of its own.
func withRegistry<Result>(actor: String = "tester", _ body: (Registry) throws -> Result) throws -> Result {
    try withTemporaryDirectory { try body(Registry(opening: "\($0)/registry", actor: actor)) }
}

func reference(_ text: String) throws -> Reference { try Reference(parsing: text) }

/// A small adapter; each seed gives other values, and so another digest.
func sample(
    _ seed: UInt64, rank: Int = 2, alpha: Double = 4, base: String = "test/base", revision: String? = "r1",
    message: String? = nil, labels: [String: String] = [:]
) throws -> Adapter {
    var adapter = try SampleAdapters.plain(seed: seed, moduleCount: 1, rank: rank, alpha: alpha)
    adapter.base = BaseModel(name: base, revision: revision)
    adapter.notes = AdapterNotes(message: message, labels: labels)
    return adapter
}

/// Overwrites one byte of a stored file, whose mode forbids that.
func flipByte(of path: String, at offset: Int) throws {
    var bytes = try InputFile.contents(of: path, limit: 1 << 24)
    bytes[offset] ^= 1
    try replace(path, with: bytes)
}

func replace(_ path: String, with bytes: [UInt8]) throws {
    let file = try OutputFile(beside: path)
    try file.write(bytes)
    try file.commit(as: path)
}

/// The names of everything in a folder and below.
func files(below path: String) throws -> [String] {
    try Directory.names(in: path).flatMap { name in
        Directory.kind(of: "\(path)/\(name)") == .directory
            ? try files(below: "\(path)/\(name)").map { "\(name)/\($0)" } : [name]
    }
}
