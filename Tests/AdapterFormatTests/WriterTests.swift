import AdapterFormat
import AdapterTesting
import Adapters
import ByteCoding
import FileSystem
import Foundation
import Glibc
import Integrity
import Synchronization
import Tensors
import Testing

/// What the writer reads, in which order, and what it leaves behind when it fails (spec section 10).
@Suite struct WriterTests {
    /// What was asked of tensors, in order.
    private final class Log: Sendable {
        struct Request: Hashable {
            var tensor: String
            var range: Range<Int>
        }
        let requests = Mutex<[Request]>([])
        var all: [Request] { requests.withLock { $0 } }
    }

    /// Computes its bytes from their positions and notes what it is asked for.
    private struct LazySource: TensorSource {
        var name: String
        var log: Log
        /// The request with this number fails, counted over all tensors.
        var failing: Int?
        /// How many bytes too few it gives.
        var missing = 0

        func bytes(in range: Range<Int>) throws -> [UInt8] {
            let count = log.requests.withLock { requests in
                requests.append(Log.Request(tensor: name, range: range))
                return requests.count
            }
            if count == failing { throw Interruption() }
            return range.dropLast(missing).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
        }
    }

    private struct Interruption: Error {}

    /// Two modules, the second of which is given first; A of the first has three chunks.
    private func lazyAdapter(_ log: Log, failing: Int? = nil, missing: Int = 0) throws -> Adapter {
        func tensor(_ name: String, _ extents: [Int]) throws -> Tensor {
            Tensor(
                dtype: .f32, shape: try #require(Shape(extents)),
                source: LazySource(name: name, log: log, failing: failing, missing: missing))
        }
        func module(_ name: String, _ input: Int) throws -> AdaptedModule {
            try AdaptedModule(
                name: name,
                update: LowRankUpdate(
                    kind: .linear, a: tensor(name + ".A", [2, input]), b: tensor(name + ".B", [3, 2]), rank: 2,
                    alpha: 1, scalingRule: .alphaOverRank),
                parameters: [ModuleParameter(role: .magnitude, name: "m", tensor: tensor(name + ".m", [3]))])
        }
        return try Adapter(base: BaseModel(), modules: [module("two", 4), module("one", 300_000)])
    }

    @Test(arguments: WritingCodec.allCases)
    func `Tensors are read once, a chunk at a time`(codec: WritingCodec) throws {
        let log = Log()
        var order: [String] = []
        var progress = 0
        let adapter = try lazyAdapter(log)
        _ = try AdapterFileWriter.write(
            adapter, to: OutputFile(in: NSTemporaryDirectory()), codec: codec,
            provenance: {
                order += log.all.map(\.tensor)
                return TestAdapters.provenance
            }, progress: { progress += $0 })
        let chunk = 1 << 20
        let expected: [Log.Request] = [
            .init(tensor: "one.A", range: 0..<chunk), .init(tensor: "one.A", range: chunk..<2 * chunk),
            .init(tensor: "one.A", range: 2 * chunk..<2_400_000), .init(tensor: "one.B", range: 0..<24),
            .init(tensor: "one.m", range: 0..<12), .init(tensor: "two.A", range: 0..<32),
            .init(tensor: "two.B", range: 0..<24), .init(tensor: "two.m", range: 0..<12),
        ]
        // From several threads, in any order.
        #expect(log.all.count == expected.count && Set(log.all) == Set(expected))
        // Provenance was asked for once, when everything had been read, so it can tell what the computation found.
        #expect(order.sorted() == expected.map(\.tensor).sorted())
        #expect(progress == adapter.tensorByteCount)
    }

    @Test(arguments: 1...8)
    func `A source that fails leaves no file`(request: Int) throws {
        try withTemporaryDirectory { directory in
            #expect(throws: Interruption.self) {
                try AdapterFileWriter.write(
                    lazyAdapter(Log(), failing: request), toPath: directory + "/a.adpt", codec: .raw)
            }
            let names = try Directory.names(in: directory)
            #expect(names == [])
        }
    }

    @Test func `A failure leaves the file that stood there`() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/a.adpt"
            _ = try AdapterFileWriter.write(TestAdapters.small(), toPath: path)
            let before = try contents(path)
            #expect(throws: Interruption.self) {
                try AdapterFileWriter.write(lazyAdapter(Log(), failing: 4), toPath: path)
            }
            #expect(throws: Interruption.self) {
                try AdapterFileWriter.write(lazyAdapter(Log()), toPath: path, provenance: { throw Interruption() })
            }
            #expect(try contents(path) == before)
            #expect(try Directory.names(in: directory) == ["a.adpt"])
        }
    }

    @Test func `A source that gives too few bytes is refused`() throws {
        try withTemporaryDirectory { directory in
            let found = failure {
                _ = try AdapterFileWriter.write(lazyAdapter(Log(), missing: 1), toPath: directory + "/a.adpt")
            }
            #expect(found == "notRepresentable")
            let names = try Directory.names(in: directory)
            #expect(names == [])
        }
    }

    @Test func `A folder that does not exist is an error`() throws {
        try withTemporaryDirectory { directory in
            let found = failure {
                _ = try AdapterFileWriter.write(TestAdapters.small(), toPath: directory + "/none/a.adpt")
            }
            #expect(found == "file: notFound")
            let names = try Directory.names(in: directory)
            #expect(names == [])
        }
    }

    @Test func `A disk that fills up is an error and leaves nothing`() async throws {
        // A file size limit fails like a full disk, needs no rights and no file system of its own; it is the
        // process's, hence the process.
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            let adapter = try SampleAdapters.plain(seed: 1, moduleCount: 4, size: 512, rank: 64)
            for limit in [0, 1000, 70_000, 500_000] as [rlim_t] {
                try withTemporaryDirectory { directory in
                    var limits = rlimit()
                    getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limits)
                    limits.rlim_cur = limit
                    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limits)
                    let found = failure {
                        _ = try AdapterFileWriter.write(adapter, toPath: directory + "/a.adpt", codec: .raw)
                    }
                    let names = try Directory.names(in: directory)
                    guard found == "file: noSpace", names.isEmpty else { exit(EXIT_FAILURE) }
                }
            }
        }
    }

    @Test func `A module without a tensor is refused`() throws {
        let adapter = try Adapter(base: BaseModel(), modules: [AdaptedModule(name: "m", update: nil)])
        #expect(failure { _ = try fileBytes(adapter, .raw) } == "notRepresentable")
    }

    @Test func `Documents that no reader accepts are not written`() throws {
        func nested(_ levels: Int) -> MetadataValue {
            (0..<levels).reduce(MetadataValue.null) { value, _ in .array([value]) }
        }
        let small = try TestAdapters.small()
        func written(_ change: (inout Adapter) -> Void, provenance: Provenance? = nil) -> String? {
            var adapter = small
            change(&adapter)
            return failure {
                try withFile(try fileBytes(adapter, .zstd, provenance: provenance)) { path in
                    let file = try AdapterFile(opening: path)
                    _ = try file.verify()
                    try expectSame(file.adapter, adapter)
                }
            }
        }
        func source(_ levels: Int) -> AdapterNotes {
            AdapterNotes(source: SourceConfiguration(layout: "l", configuration: nested(levels), fileMetadata: [:]))
        }
        var provenance = TestAdapters.provenance
        #expect(written { $0.behaviour = ["x": nested(14)] } == nil)
        #expect(written { $0.behaviour = ["x": nested(15)] } == "notRepresentable")
        #expect(written { $0.notes = source(14) } == nil)
        #expect(written { $0.notes = source(15) } == "notRepresentable")
        provenance.options = ["x": nested(14)]
        #expect(written({ _ in }, provenance: provenance) == nil)
        provenance.options = ["x": nested(15)]
        #expect(written({ _ in }, provenance: provenance) == "notRepresentable")
        let items: [MetadataValue] = .init(repeating: 1, count: 1_048_576 - 5)
        #expect(
            written { $0.notes.source = .init(layout: "l", configuration: .array(items), fileMetadata: [:]) }
                == "notRepresentable")
        provenance.options = ["x": .array(.init(repeating: 1, count: 1_048_576))]
        #expect(written({ _ in }, provenance: provenance) == "notRepresentable")
        let long = String(repeating: "x", count: 1 << 20)
        #expect(written { $0.behaviour = ["x": .string(long)] } == "notRepresentable")
        #expect(written { $0.base.name = long } == "notRepresentable")
        #expect(written { $0.notes.message = String(repeating: long, count: 16) } == "notRepresentable")
        provenance.options = ["x": .string(String(repeating: long, count: 16))]
        #expect(written({ _ in }, provenance: provenance) == "notRepresentable")
    }

    @Test func `An adapter beyond 64 GiB is refused before it is read`() throws {
        let log = Log()
        let tensor = Tensor(
            dtype: .f32, shape: try #require(Shape([1 << 30, 5])), source: LazySource(name: "x", log: log))
        let parameters = (0..<4).map { ModuleParameter(role: .full, name: "\($0)", tensor: tensor) }
        #expect(failure { _ = try fileBytes(TestAdapters.holding(parameters), .raw) } == "notRepresentable")
        #expect(log.all == [])
    }
}
