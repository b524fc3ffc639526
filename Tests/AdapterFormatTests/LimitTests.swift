import AdapterFormat
import AdapterTesting
import Adapters
import Foundation
import Glibc
import Tensors
import Testing

/// Files that ask for more than they are worth (spec clause 8.6 and section 11).
@Suite(.serialized) struct LimitTests {
    /// A sealed file of `count` tensors of 1 GiB each, one stored byte a chunk.
    private func bomb(gibibytes count: Int) -> [UInt8] {
        var file = SpecFile()
        file.metadata = [0xA0]
        file.names.texts = (0..<count).map { Array(String(format: "%03d", $0).utf8) } + [[0x6D]]
        file.modules = [
            SpecFile.Module(
                name: UInt32(count), kind: 0, rule: 0, rank: 0, firstTensor: 0, tensorCount: UInt32(count), alpha: 0)
        ]
        let digest = SpecFile.hash([0, 0xAB])
        file.tensors = (0..<count).map { index in
            SpecFile.Tensor(
                module: 0, role: 8, dtype: 7, dimensionCount: 1, name: UInt32(index), firstChunk: UInt32(1024 * index),
                extents: [1 << 30, 0, 0, 0, 0, 0], digest: digest)
        }
        file.chunks = .init(
            repeating: SpecFile.Chunk(codec: 1, encoded: [0xAB], digest: digest), count: 1024 * count)
        return file.sealed()
    }

    @Test func `A small file of 60 GiB is refused, and readable on demand`() throws {
        let bytes = bomb(gibibytes: 60)
        #expect(bytes.count < 4 << 20)
        try withFile(bytes) { path in
            #expect(failure { _ = try AdapterFile(opening: path) } == "limitExceeded")
            let enough = ReadLimits(decodedByteCount: 60 << 30)
            let tooFew = ReadLimits(decodedByteCount: 60 << 30 - 1)
            #expect(failure { _ = try AdapterFile(opening: path, limits: tooFew) } == "limitExceeded")
            let before = try residentByteCount()
            let file = try AdapterFile(opening: path, limits: enough)
            #expect(file.adapter.tensorByteCount == 60 << 30)
            let tensor = file.adapter.modules[0].tensors[59].tensor
            let range = (777 << 20) - 5..<(777 << 20) + 5
            #expect(try tensor.bytes(in: range) == .init(repeating: 0xAB, count: 10))
            #expect(try tensor.bytes(in: 1 << 30 - 1..<1 << 30) == [0xAB])
            // Generous, for the tests that run beside this one.
            #expect(try residentByteCount() - before < 2 << 30)
        }
    }

    @Test func `No limit that a caller sets lifts the format's`() throws {
        try withFile(bomb(gibibytes: 64)) { path in
            _ = try AdapterFile(opening: path, limits: ReadLimits(decodedByteCount: .max))
        }
        try withFile(bomb(gibibytes: 65)) { path in
            for limit in [65 << 30, Int.max] {
                let limits = ReadLimits(decodedByteCount: limit)
                #expect(failure { _ = try AdapterFile(opening: path, limits: limits) } == "limitExceeded")
            }
        }
    }

    @Test func `A caller may set a smaller limit`() throws {
        let adapter = try TestAdapters.small()
        try withFile(fileBytes(adapter, .raw)) { path in
            let exact = ReadLimits(decodedByteCount: adapter.tensorByteCount)
            #expect(failure { _ = try AdapterFile(opening: path, limits: exact) } == nil)
            for limit in [adapter.tensorByteCount - 1, 0, -1, .min] {
                let limits = ReadLimits(decodedByteCount: limit)
                #expect(failure { _ = try AdapterFile(opening: path, limits: limits) } == "limitExceeded")
            }
        }
    }

    @Test func `Sixty-four mebibytes are within any file's limit`() throws {
        func file(_ byteCount: Int) throws -> Adapter {
            let zeros = try Tensor(
                dtype: .u8, shape: #require(Shape([byteCount])), bytes: .init(repeating: 0, count: byteCount))
            return try TestAdapters.holding([ModuleParameter(role: .full, name: "w", tensor: zeros)])
        }
        try withFile(fileBytes(file(64 << 20), .zstd)) { path in
            #expect(failure { _ = try AdapterFile(opening: path).verify() } == nil)
        }
        try withFile(fileBytes(file(64 << 20 + 1), .zstd)) { path in
            #expect(failure { _ = try AdapterFile(opening: path) } == "limitExceeded")
        }
    }

    @Test func `The largest tables open in linear time`() throws {
        // 65,536 modules and 262,144 tensors: the limits of section 11.
        func file(modules: Int, tensorsEach: Int) -> [UInt8] {
            var file = SpecFile()
            file.metadata = [0xA0]
            file.names.texts = (0..<modules).map { Array(String(format: "model.layers.%06d.q_proj", $0).utf8) }
            file.names.texts += (0..<tensorsEach).map { Array("parameter.\($0)".utf8) }
            for module in 0..<modules {
                file.modules.append(
                    SpecFile.Module(
                        name: UInt32(module), kind: 0, rule: 0, rank: 0, firstTensor: UInt32(module * tensorsEach),
                        tensorCount: UInt32(tensorsEach), alpha: 0))
                for tensor in 0..<tensorsEach {
                    file.tensors.append(
                        SpecFile.Tensor(
                            module: UInt32(module), role: 6, dtype: 1, dimensionCount: 2,
                            name: UInt32(modules + tensor), firstChunk: UInt32(module * tensorsEach + tensor),
                            extents: [1, 1, 0, 0, 0, 0], digest: .init(repeating: 1, count: 32)))
                }
            }
            let digest = SpecFile.hash([0, 1, 2, 3, 4])
            file.chunks = .init(
                repeating: SpecFile.Chunk(codec: 0, encoded: [1, 2, 3, 4], digest: digest), count: file.tensors.count)
            return file.sealed()
        }
        func seconds(_ bytes: [UInt8]) throws -> Double {
            try withFile(bytes) { path in
                let start = processorSeconds()
                _ = try AdapterFile(opening: path)
                return processorSeconds() - start
            }
        }
        let small = try seconds(file(modules: 4096, tensorsEach: 4))
        let large = try seconds(file(modules: 65_536, tensorsEach: 4))
        // Sixteen times as much; a quadratic step would take 256 times as long.
        #expect(large < max(2, 64 * small), "4,096 modules: \(small) s, 65,536 modules: \(large) s")
        let one = try seconds(manyTensorsOfOneModule())
        #expect(one < max(2, 64 * small), "262,144 tensors of one module: \(one) s")
    }

    /// 262,144 empty tensors of one module, each with a name of its own.
    private func manyTensorsOfOneModule() -> [UInt8] {
        var file = SpecFile()
        file.metadata = [0xA0]
        let count = 262_144
        file.names.texts = (0..<count).map { Array(String(format: "%06d", $0).utf8) } + [[0x6D]]
        file.modules = [
            SpecFile.Module(
                name: UInt32(count), kind: 0, rule: 0, rank: 0, firstTensor: 0, tensorCount: UInt32(count), alpha: 0)
        ]
        file.tensors = (0..<count).map {
            SpecFile.Tensor(
                module: 0, role: 8, dtype: 1, dimensionCount: 1, name: UInt32($0), firstChunk: 0,
                extents: [0, 0, 0, 0, 0, 0], digest: .init(repeating: 1, count: 32))
        }
        return file.sealed()
    }

    /// The processor time of this thread, which other work on the machine does not stretch.
    private func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// How much memory the process holds now.
    private func residentByteCount() throws -> Int {
        let lines = try String(contentsOfFile: "/proc/self/status", encoding: .utf8).split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix("VmRSS:") })
        return 1024 * (try #require(Int(line.split(separator: " ", omittingEmptySubsequences: true)[1])))
    }
}
