import AdapterFormat
import AdapterTesting
import Adapters
import ByteCoding
import FileSystem
import Foundation
import Integrity
import Tensors
import Testing

/// Adapters for tests of the file format.
enum TestAdapters {
    /// Three small modules whose chunks come out raw, constant and, when asked for, as zstd frames.
    ///
    /// Names by index: "", "a.linear", "b.head", "c.pattern", "lora_magnitude_vector", "ones", "weight". Tensors by
    /// index: 0–2 A, B and magnitude of a.linear; 3–4 ones and weight of b.head; 5–6 A and B of c.pattern.
    static func small() throws -> Adapter {
        var generator = SeededGenerator(seed: 3)
        let pattern = (0..<128).map { Double($0 % 4) }
        return try Adapter(
            base: BaseModel(name: "test/base"),
            modules: [
                AdaptedModule(
                    name: "a.linear",
                    update: LowRankUpdate(
                        kind: .linear, a: SampleAdapters.tensor([2, 4], using: &generator),
                        b: SampleAdapters.tensor([3, 2], using: &generator), rank: 2, alpha: 4,
                        scalingRule: .alphaOverRank),
                    parameters: [
                        ModuleParameter(
                            role: .magnitude, name: "lora_magnitude_vector",
                            tensor: SampleAdapters.tensor([3], using: &generator))
                    ]),
                AdaptedModule(
                    name: "b.head", update: nil,
                    parameters: [
                        ModuleParameter(role: .full, name: "ones", tensor: tensor([4], Array(repeating: 1, count: 4))),
                        ModuleParameter(
                            role: .full, name: "weight", tensor: SampleAdapters.tensor([2, 2], .i8, using: &generator)),
                    ]),
                AdaptedModule(
                    name: "c.pattern",
                    update: LowRankUpdate(
                        kind: .embedding, a: tensor([2, 64], pattern),
                        b: SampleAdapters.tensor([2, 2], .f16, using: &generator), rank: 2, alpha: -0.5,
                        scalingRule: .alphaOverSquareRootOfRank)),
            ],
            behaviour: ["x": true], notes: AdapterNotes(message: "m"))
    }

    static func tensor(_ extents: [Int], _ values: [Double]) throws -> Tensor {
        try Tensor(rounding: values, to: .f32, shape: #require(Shape(extents)))
    }

    /// An adapter of one module of kind 0.
    static func holding(_ parameters: [ModuleParameter]) throws -> Adapter {
        try Adapter(base: BaseModel(), modules: [AdaptedModule(name: "m", update: nil, parameters: parameters)])
    }

    static let provenance = Provenance(
        operation: "merge", toolVersion: "1.0",
        parents: [Provenance.Parent(digest: SHA256.hash([1]), contentRoot: SHA256.hash([2]), weight: 0.5)],
        options: ["rank": 4],
        certificate: ErrorCertificate(modules: [
            ErrorCertificate.Module(
                name: "a.linear", rank: 2, deltaNorm: 1, truncationError: 0.25, largestDroppedSingularValue: 0.125,
                roundingError: 0)
        ]))
}

/// The bytes of an adapter's file.
func fileBytes(_ adapter: Adapter, _ codec: WritingCodec, provenance: Provenance? = nil) throws -> [UInt8] {
    // Not committed, so nothing waits for the disk; the file is gone when its descriptor is.
    let output = try OutputFile(in: NSTemporaryDirectory())
    let written = try AdapterFileWriter.write(
        adapter, to: output, codec: codec, provenance: provenance.map { p in { p } })
    return try output.read(at: 0, count: written.byteCount)
}

/// The small adapter's file in parts, with notes and provenance.
func specFile(_ codec: WritingCodec) throws -> SpecFile {
    try SpecFile(parsing: fileBytes(TestAdapters.small(), codec, provenance: TestAdapters.provenance))
}

func contents(_ path: String) throws -> [UInt8] { try InputFile.contents(of: path, limit: 1 << 30) }

/// Writes a file, or overwrites it in place: file systems flush a file that was cut to nothing and written again, and
/// these tests do it thousands of times.
func store(_ bytes: [UInt8], _ path: String) throws {
    if Directory.kind(of: path) == nil { return try Data(bytes).write(to: URL(fileURLWithPath: path)) }
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    if try handle.seekToEnd() > bytes.count { try handle.truncate(atOffset: UInt64(bytes.count)) }
    try handle.seek(toOffset: 0)
    try handle.write(contentsOf: Data(bytes))
    try handle.close()
}

/// Stores bytes as a file and hands its path over.
func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
    let path = NSTemporaryDirectory() + "/adapterctl-\(UUID().uuidString).adpt"
    try store(bytes, path)
    defer { try? Directory.remove(path) }
    return try body(path)
}

/// The code with which something failed, in words; nil when it did not.
func failure(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch let error as FormatError {
        return error.code.description
    } catch let error as FileSystemError {
        return "file: \(error.code)"
    } catch {
        return "unexpected: \(error)"
    }
}

/// Whether both hold the same modules, tensors, bits and documents.
func expectSame(_ left: Adapter, _ right: Adapter, sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(left.base == right.base, sourceLocation: sourceLocation)
    #expect(left.behaviour == right.behaviour, sourceLocation: sourceLocation)
    #expect(left.notes == right.notes, sourceLocation: sourceLocation)
    try #require(left.modules.count == right.modules.count, sourceLocation: sourceLocation)
    for (one, other) in zip(left.modules, right.modules) {
        #expect(Array(one.name.utf8) == Array(other.name.utf8), sourceLocation: sourceLocation)
        #expect(one.update?.kind == other.update?.kind, sourceLocation: sourceLocation)
        #expect(one.update?.rank == other.update?.rank, sourceLocation: sourceLocation)
        #expect(one.update?.alpha.bitPattern == other.update?.alpha.bitPattern, sourceLocation: sourceLocation)
        #expect(one.update?.scalingRule == other.update?.scalingRule, sourceLocation: sourceLocation)
        try #require(one.tensors.count == other.tensors.count, sourceLocation: sourceLocation)
        for (first, second) in zip(one.tensors, other.tensors) {
            #expect(first.role == second.role, sourceLocation: sourceLocation)
            #expect(Array(first.name.utf8) == Array(second.name.utf8), sourceLocation: sourceLocation)
            #expect(first.tensor.dtype == second.tensor.dtype, sourceLocation: sourceLocation)
            #expect(first.tensor.shape == second.tensor.shape, sourceLocation: sourceLocation)
            #expect(try first.tensor.bytes() == second.tensor.bytes(), sourceLocation: sourceLocation)
        }
    }
}
