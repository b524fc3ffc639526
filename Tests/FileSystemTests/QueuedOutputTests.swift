import AdapterTesting
import Foundation
import Glibc
import Synchronization
import Testing

@testable import FileSystem

struct QueuedOutputTests {
    /// Runs a body on several threads, all at once.
    private func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let threads = DispatchGroup()
        for index in 0..<count {
            threads.enter()
            Thread.detachNewThread {
                body(index)
                threads.leave()
            }
        }
        threads.wait()
    }

    @Test func `what threads write at once stands in its place when all have returned`() throws {
        try withTemporaryDirectory { folder in
            let file = try OutputFile(in: folder)
            let output = QueuedOutput(file)
            let (threadCount, pieceCount, pieceByteCount) = (6, 200, 4099)
            concurrently(threadCount) { thread in
                for piece in 0..<pieceCount {
                    let index = piece * threadCount + thread
                    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: index &* 31), count: pieceByteCount)
                    do { try output.write(bytes, at: index * pieceByteCount) } catch { Issue.record(error) }
                }
            }
            let total = threadCount * pieceCount
            #expect(try file.byteCount() == total * pieceByteCount)
            let bytes = try file.read(at: 0, count: total * pieceByteCount)
            let wrong = (0..<total).filter { index in
                bytes[index * pieceByteCount..<(index + 1) * pieceByteCount]
                    .contains { $0 != UInt8(truncatingIfNeeded: index &* 31) }
            }
            #expect(wrong.isEmpty)
        }
    }

    @Test func `a write that fails is thrown to one of the writers, and none waits for it`() throws {
        // Whoever leaves its bytes with another thread returns without an error: that one throws.
        let full = PositionedOutput(
            descriptor: try FileDescriptor(opening: "/dev/full", flags: O_RDWR, verb: "open"), path: "/dev/full")
        let output = QueuedOutput(full)
        #expect(throws: FileSystemError.self) { try output.write([1], at: 0) }
        let errorCount = Atomic(0)
        concurrently(4) { _ in
            for _ in 0..<50 {
                do { try output.write([UInt8](repeating: 1, count: 1 << 16), at: 0) } catch {
                    errorCount.wrappingAdd(1, ordering: .relaxed)
                }
            }
        }
        #expect(errorCount.load(ordering: .relaxed) > 0)
        #expect(throws: FileSystemError.self) { try output.write([1], at: 0) }
    }
}
